"""Offline: everything is there from the start; one session a stream, all at once."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from harness.measure.worker import loop
from harness.measure.worker.loop import DrivenSession, LoopPlan, Samples
from harness.measure.worker.scenarios import ScenarioContext
from harness.runtimes.base import Batch


class _Stream:
    """One session of several: its first query waits for all the others to be ready."""

    def __init__(self, session: DrivenSession, start: threading.Barrier) -> None:
        self._start: threading.Barrier | None = start
        self._session = session
        self.infer = session.infer

    def prepare(self, batch: Batch) -> None:
        """Copy the input in."""
        if self._start is not None:
            self._start.wait()
            self._start = None
        self._session.prepare(batch)


def offline(stage: ScenarioContext, batches: Sequence[Batch], plan: LoopPlan) -> Samples:
    """Run `streams` sessions in a thread each, from a common start until each has done its share."""
    return at_once(open_streams(stage, batches), stage, batches, plan)


def open_streams(stage: ScenarioContext, batches: Sequence[Batch]) -> list[DrivenSession]:
    """Open a warm session for each stream."""
    return [stage.session, *(_warm(stage.another(), batches) for _ in range((stage.load.streams or 1) - 1))]


def at_once(
    sessions: Sequence[DrivenSession], stage: ScenarioContext, batches: Sequence[Batch], plan: LoopPlan
) -> Samples:
    """Drive all sessions at the same time; each does its share of `plan.min_n`.

    The window ends with the last inference, as in LoadGen. CPU time is each stream's own where an inference is one
    thread's work, else that of the process, spread evenly.
    """
    streams = len(sessions)
    marks: list[tuple[int, int]] = []
    start = threading.Barrier(streams, lambda: marks.append((stage.now(), time.process_time_ns())))
    share = plan._replace(min_n=math.ceil(plan.min_n / streams), calls=1)

    def one(index: int) -> Samples:
        inputs = [*batches[index % len(batches) :], *batches[: index % len(batches)]]
        return loop.timed(_Stream(sessions[index], start), inputs, share, stage.now)

    with loop.gc_disabled(), ThreadPoolExecutor(streams) as pool:
        parts = list(pool.map(one, range(streams)))
        cpu_ended = time.process_time_ns()
    (started, cpu_started), n = marks[0], sum(part.inferences for part in parts)
    cpu_ns = np.concatenate([part.cpu_ns for part in parts])
    return Samples(
        wall_ns=np.concatenate([part.wall_ns for part in parts]),
        cpu_ns=cpu_ns if plan.threads == 1 else np.full(n, (cpu_ended - cpu_started) // n, np.int64),
        started_ns=started,
        ended_ns=max(part.ended_ns for part in parts),
        inferences=n,
        gc_frozen=parts[0].gc_frozen,
        cut_short=any(part.cut_short for part in parts),
        more={
            "stream_n": np.array([part.inferences for part in parts], np.int64),
            "process_cpu_ns": np.array([cpu_ended - cpu_started], np.int64),
        },
    )


def _warm(session: DrivenSession, batches: Sequence[Batch]) -> DrivenSession:
    """Run every input once, so that what a library does lazily is done, and return the session."""
    for batch in batches:
        session.prepare(batch)
        session.infer()
    return session
