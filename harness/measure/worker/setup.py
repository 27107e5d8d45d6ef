"""Set up the worker process: its CPUs, and its runtime's adapter."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from contextlib import suppress
from operator import attrgetter
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from harness.measure.protocol import Job
from harness.runtimes.base import Adapter, SessionError


def raise_oom_score() -> None:
    """Where memory runs out after all, the kernel is to kill this process and not the harness or the desktop."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def pin_to_cpus(cpus: Sequence[int]) -> None:
    """Run on `cpus` alone (empty: anywhere), threads started later too; SessionError when the kernel does otherwise."""
    if not cpus:
        return
    with suppress(OSError):
        os.sched_setaffinity(0, cpus)
    if (given := os.sched_getaffinity(0)) != set(cpus):
        raise SessionError(
            f"could not be pinned to CPU {', '.join(map(str, cpus))}: the kernel gave {sorted(given)}",
            "the CPUs are offline or outside of this control group: see `affinity` in the target's descriptor",
        )


Arrays = dict[str, NDArray[Any]]
Outcome = tuple[dict[str, Any], Arrays]
"""Of a phase: what goes into `result.json`, and the arrays beside it."""


def adapter(job: Job) -> Adapter:
    """Return the adapter that the job names as `harness.core.plugins.reference` does, importing its module alone."""
    path, _, name = job.runtime.partition(":")
    module = importlib.import_module(path)
    declared: dict[str, Adapter] = {adapter.name: adapter for adapter in getattr(module, "PLUGINS", ())}
    return declared[name] if name in declared else attrgetter(name)(module)
