"""The denormals pass: whether a user's model is slow because it computes with numbers near zero."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping
from pathlib import Path

from harness.core import plugins
from harness.core.scenario import Load
from harness.core.verdict import Finding
from harness.measure.prepared import PreparedCase
from harness.runtimes.base import Adapter

from .worker_process import Answer, WorkerFailure, run_worker

CLEARLY = 1.3
"""Times as fast that an inference must be without denormal numbers to be told."""


def denormals_finding(case: PreparedCase, scratch: Path) -> Finding | None:
    """Compare a few inferences as they are with others that take denormal numbers for zero.

    Only models of the user are looked at, on runtimes that have an option for it. The first process looks for tiny
    numbers; three more run only if it finds some.
    """
    runtime: Adapter = plugins.load("runtimes", case.case.runtime)
    option = runtime.capability.flush_denormals
    if case.case.weights != "user" or not option or option.keys() & case.options.settings.keys():
        return None
    first = _few(case, {}, scratch / "denormals-0")
    if isinstance(first, WorkerFailure) or not first.result["tiny"]:
        return None
    others = [_few(case, settings, scratch / f"denormals-{n}") for n, settings in enumerate((option, option, {}), 1)]
    medians = [each.result["median_ns"] for each in (first, *others) if isinstance(each, Answer)]
    if len(medians) < len(others) + 1:
        return None
    kept, flushed = (medians[0], medians[3]), medians[1:3]
    ratio = statistics.median(kept) / statistics.median(flushed)
    if ratio <= CLEARLY or min(kept) <= max(flushed):
        return None
    name, value = next(iter(option.items()))
    words = (
        f"{first.result['tiny']}: with denormal numbers taken for zero an inference takes "
        f"{statistics.median(flushed) / 1e6:.3g} ms instead of {statistics.median(kept) / 1e6:.3g} ms, "
        f"{ratio:.1f} times as fast"
    )
    remedy = f"set {name} in your program as here: --runtime-option {case.case.runtime}:{name}={value}"
    return Finding("denormals", "warn", words, remedy)


def _few(case: PreparedCase, settings: Mapping[str, str], out: Path) -> Answer | WorkerFailure:
    """Infer a few times in a process of its own, one query at a time."""
    options = dataclasses.replace(case.options, settings={**case.options.settings, **settings})
    job = dataclasses.replace(
        case.job("denormals", out, seed=0), options=options, scenario="SingleStream", load=Load(), driver="own"
    )
    return run_worker(job, case.timeout_s)
