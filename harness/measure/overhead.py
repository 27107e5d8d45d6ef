"""What the harness itself adds to an inference: the timed loop around the runtime that does nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harness.core.quantity import Missing, Quantity, Value

from .job import Job, Loop
from .process import Failure, run_worker

_LOOP = Loop(warmup_n=2000, warmup_ns=0, min_n=10_000, min_ns=0, max_n=10_000)


def loop_overhead_ns(scratch: Path) -> Quantity:
    """Median wall nanoseconds the loop measures around an empty call, in a fresh process."""
    job = Job("latency", "harness.runtimes.null:NULL", model="", out=str(scratch / "null"), loop=_LOOP)
    answer = run_worker(job, timeout_s=60)
    if isinstance(answer, Failure):
        return Missing(f"the null runtime ended as {answer.verdict.status}: {answer.verdict.reason}")
    wall = answer.arrays["wall_ns"]
    return Value(float(np.median(wall)), n=len(wall))
