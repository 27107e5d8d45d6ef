"""What the harness itself adds to an inference: the timed loop around the runtime that does nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harness.core import plugins
from harness.core.quantity import Missing, Quantity, Value
from harness.measure.passes.worker_process import WorkerFailure, run_worker

from .protocol import Job, Loop

_SETTLE = 2000
_LOOP = Loop(warmup_n=_SETTLE + 10_000, warmup_ns=0, min_n=1, min_ns=0, max_n=_SETTLE + 10_000)


def loop_overhead_ns(scratch: Path) -> Quantity:
    """Median wall nanoseconds the loop measures around an empty call, in a fresh process.

    Taken from the warm-up: that is timed call by call, while the timed loop takes calls this short in batches, which
    is not what an inference of a millisecond sees.
    """
    job = Job("latency", plugins.reference("runtimes", "null"), model="", out=str(scratch / "null"), loop=_LOOP)
    answer = run_worker(job, timeout_s=60)
    if isinstance(answer, WorkerFailure):
        return Missing(f"the null runtime ended as {answer.verdict.status}: {answer.verdict.reason}")
    wall = answer.arrays["warmup_ns"][_SETTLE:]
    return Value(float(np.median(wall)), n=len(wall))
