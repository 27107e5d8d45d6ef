"""The 'stamps' phase of a worker: SingleStream that also tells when each sample began."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from harness.measure.protocol import Job
from harness.runtimes.base import Batch, Session

from . import loop as timed_loop
from .feeds import Outcome, feeds
from .loop import Plan


class _Stamped:
    """A session that notes the time when an input is in place: outside of what is timed."""

    def __init__(self, session: Session) -> None:
        self.at_ns: list[int] = []
        self.infer = session.infer
        self._prepare = session.prepare

    def prepare(self, batch: Batch) -> None:
        self._prepare(batch)
        self.at_ns.append(time.perf_counter_ns())


def stamps(session: Session, job: Job) -> Outcome:
    """Arrays 'at_ns' (on the clock that all processes share), 'wall_ns' and 'cpu_ns', one entry a sample."""
    if job.loop is None:
        raise ValueError("a stamps job needs a loop")
    batches, loop, threads = feeds(session, job), job.loop, job.options.threads
    warm = timed_loop.run(session, batches, Plan(loop.warmup_n, loop.warmup_ns, loop.max_n, threads))
    calls = timed_loop.calls_per_sample(float(np.median(warm.wall_ns)))
    stamped = _Stamped(session)
    samples = timed_loop.run(stamped, batches, Plan(loop.min_n, loop.min_ns, loop.max_n, threads, calls))
    result: dict[str, Any] = {"started_ns": samples.started_ns, "ended_ns": samples.ended_ns}
    arrays = {"at_ns": np.array(stamped.at_ns, np.int64), "wall_ns": samples.wall_ns, "cpu_ns": samples.cpu_ns}
    return result, arrays
