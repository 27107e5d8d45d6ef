"""The operator profile's pass: a fresh process with the runtime's profiler on, never mixed with timing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from harness.core.operators import OperatorProfile
from harness.core.quantity import Missing
from harness.runtimes.base import Session

from .prepared import Prepared
from .process import Failure, run_worker

_FEW, _MANY = 6, 40
_WANTED_NS = 500_000_000


def take_apart(session: Session) -> OperatorProfile | Missing:
    """In the child: profile half a second's worth of inferences on what was prepared, 6 to 40 of them."""
    session.infer()
    before = time.perf_counter_ns()
    session.infer()
    once_ns = time.perf_counter_ns() - before
    return session.profile(max(_FEW, min(_MANY, _WANTED_NS // max(once_ns, 1))))


def operator_profile(case: Prepared, scratch: Path) -> OperatorProfile | Missing:
    """The case's operators; Missing when the runtime has no profiler or the process failed."""
    answer = run_worker(case.job("profile", scratch / f"profile-{case.case.slug}", seed=0), case.timeout_s)
    if isinstance(answer, Failure):
        return Missing(f"the profiling pass ended as {answer.verdict.status}: {answer.verdict.reason}")
    found: dict[str, Any] = answer.result["operators"]
    return Missing(found["reason"]) if "reason" in found else OperatorProfile.from_json(found)
