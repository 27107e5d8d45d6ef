"""The operator profile's pass, in the parent: a fresh process with the runtime's profiler on, apart from all timing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.core.operators import OperatorProfile
from harness.core.quantity import Missing
from harness.measure.prepared import Prepared

from .worker_process import Failure, run_worker


def operator_profile(case: Prepared, scratch: Path) -> OperatorProfile | Missing:
    """The case's operators; Missing when the runtime has no profiler or the process failed."""
    answer = run_worker(case.job("profile", scratch / f"profile-{case.case.slug}", seed=0), case.timeout_s)
    if isinstance(answer, Failure):
        return Missing(f"the profiling pass ended as {answer.verdict.status}: {answer.verdict.reason}")
    found: dict[str, Any] = answer.result["operators"]
    return Missing(found["reason"]) if "reason" in found else OperatorProfile.from_json(found)
