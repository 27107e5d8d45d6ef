"""How the queries of each scenario reach the session: one small function a scenario, all answering with `Samples`.

Every one drives the same timed loop. What differs is what stands between the loop and the session: who waits for
what before the clock starts, and how many inferences a query has.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from harness.core.scenario import Load, Scenario
from harness.runtimes.base import Batch

from . import loop
from .loop import Clock, Driven, Plan, Samples

MINUTE_NS = 60_000_000_000
_SUSTAINED_SAMPLE_NS = 1_000_000
"""A sample of sustained is at least so long: at most 60,000 a minute, so that half an hour fits a small board."""


@dataclass(frozen=True)
class Stage:
    """What a scenario has at hand: a warm `session`, `another` like it, the case's load and batch, and the time."""

    session: Driven
    another: Callable[[], Driven]
    load: Load = field(default_factory=Load)
    batch: int = 1
    seed: int = 0
    now: Clock = time.perf_counter_ns
    sleep: Callable[[float], None] = time.sleep

    def wait_until(self, due_ns: int) -> None:
        """Sleep until then; never spin, since that would burn what a waiting device saves."""
        while (left_ns := due_ns - self.now()) > 0:
            self.sleep(left_ns / 1e9)


def drive(scenario: Scenario, stage: Stage, batches: Sequence[Batch], plan: Plan) -> Samples:
    """Send queries as the scenario does, as long as `plan` says, inputs taken in rotation."""
    return _DRIVES[scenario](stage, batches, plan)


def _single_stream(stage: Stage, batches: Sequence[Batch], plan: Plan) -> Samples:
    return loop.run(stage.session, batches, plan, stage.now)


class _Query:
    """Several inferences as one. Their samples share the input tensors, so copying them in is part of the query."""

    def __init__(self, session: Driven, batches: Sequence[Batch], inferences: int) -> None:
        self._session = session
        self._inputs = itertools.cycle(batches)
        self._inferences = inferences

    def prepare(self, batch: Batch) -> None:
        """Nothing: every sample is copied in when its turn comes."""

    def infer(self) -> None:
        """All samples of the query, one batch after the other."""
        for _ in range(self._inferences):
            self._session.prepare(next(self._inputs))
            self._session.infer()


def _multi_stream(stage: Stage, batches: Sequence[Batch], plan: Plan) -> Samples:
    inferences = (stage.load.samples_per_query or 1) // stage.batch
    query = _Query(stage.session, batches, inferences)
    samples = loop.run(query, batches, replace(plan, calls=1), stage.now)
    return replace(samples, inferences=samples.inferences * inferences)


class _Stream:
    """One session of several: its first query waits for all the others to be ready."""

    def __init__(self, session: Driven, start: threading.Barrier) -> None:
        self._start: threading.Barrier | None = start
        self._session = session
        self.infer = session.infer

    def prepare(self, batch: Batch) -> None:
        """Copy in."""
        if self._start is not None:
            self._start.wait()
            self._start = None
        self._session.prepare(batch)


def _offline(stage: Stage, batches: Sequence[Batch], plan: Plan) -> Samples:
    """`streams` sessions, each in a thread of its own, from a common start until each has done its share.

    The window ends with the last inference, as in LoadGen. CPU time is each stream's own where an inference is one
    thread's work, else that of the process, spread evenly.
    """
    from concurrent.futures import ThreadPoolExecutor

    streams = stage.load.streams or 1
    sessions = [stage.session, *(_warm(stage.another(), batches) for _ in range(streams - 1))]
    marks: list[tuple[int, int]] = []
    start = threading.Barrier(streams, lambda: marks.append((stage.now(), time.process_time_ns())))
    share = replace(plan, min_n=math.ceil(plan.min_n / streams), calls=1)

    def one(index: int) -> Samples:
        inputs = [*batches[index % len(batches) :], *batches[: index % len(batches)]]
        return loop.timed(_Stream(sessions[index], start), inputs, share, stage.now)

    with loop.collector_off(), ThreadPoolExecutor(streams) as pool:
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
        more={"stream_n": np.array([part.inferences for part in parts], np.int64)},
    )


def _warm(session: Driven, batches: Sequence[Batch]) -> Driven:
    """The session after every input once: what a library does lazily is done."""
    for batch in batches:
        session.prepare(batch)
        session.infer()
    return session


def poisson_ns(rate_per_s: float, n: int, seed: int) -> NDArray[np.int64]:
    """When `n` queries arrive (int64 ns from the start, ascending): gaps are independent and exponential."""
    gaps_s = np.random.default_rng(seed).exponential(1.0 / rate_per_s, n)
    return np.rint(np.cumsum(gaps_s) * 1e9).astype(np.int64)


class _Server:
    """Queries that come when they come, first come first served. A query holds its input: copying is part of it."""

    def __init__(self, stage: Stage, arrivals_ns: NDArray[np.int64]) -> None:
        self._stage = stage
        self._due_ns: list[int] = arrivals_ns.tolist()
        self._batch: Batch = {}
        self.started_ns = 0
        self.done_ns: list[int] = []

    def prepare(self, batch: Batch) -> None:
        """Wait for the next arrival; the first call sets the origin of the schedule."""
        self.started_ns = self.started_ns or self._stage.now()
        self._batch = batch
        self._stage.wait_until(self.started_ns + self._due_ns[len(self.done_ns)])

    def infer(self) -> None:
        """Copy in, infer, note when."""
        self._stage.session.prepare(self._batch)
        self._stage.session.infer()
        self.done_ns.append(self._stage.now())


def _server(stage: Stage, batches: Sequence[Batch], plan: Plan) -> Samples:
    """Latency is from the scheduled arrival, so it holds the wait behind earlier queries and the wake-up."""
    rate = stage.load.rate_per_s or 1.0
    n = min(plan.max_n, max(plan.min_n, math.ceil(rate * plan.min_ns / 1e9)))
    arrivals = poisson_ns(rate, n, stage.seed)
    server = _Server(stage, arrivals)
    served = loop.run(server, batches, Plan(n, 0, n, plan.threads), stage.now)
    done = np.array(server.done_ns, np.int64)
    return replace(
        served,
        wall_ns=done - server.started_ns - arrivals,
        started_ns=server.started_ns,
        ended_ns=server.done_ns[-1],
        more={"service_ns": served.wall_ns, "arrival_ns": arrivals},
    )


def _sustained(stage: Stage, batches: Sequence[Batch], plan: Plan) -> Samples:
    """Back to back for `plan.min_ns`, minute by minute; `minute_*` arrays say when each was and how many it had."""
    pilot = loop.run(stage.session, batches, Plan(20, 0, 20, plan.threads), stage.now)
    calls = loop.calls_per_sample(float(np.median(pilot.wall_ns)), _SUSTAINED_SAMPLE_NS)
    most = 4 * MINUTE_NS // _SUSTAINED_SAMPLE_NS
    minutes: list[Samples] = []
    end = stage.now() + plan.min_ns
    while (left := end - stage.now()) > 0:
        minute = Plan(1, min(left, MINUTE_NS), most, plan.threads, calls)
        minutes.append(loop.run(stage.session, batches, minute, stage.now))
    return Samples(
        wall_ns=np.concatenate([minute.wall_ns for minute in minutes]),
        cpu_ns=np.concatenate([minute.cpu_ns for minute in minutes]),
        started_ns=minutes[0].started_ns,
        ended_ns=minutes[-1].ended_ns,
        inferences=sum(minute.inferences for minute in minutes),
        calls=calls,
        more={
            "minute_n": np.array([len(minute.wall_ns) for minute in minutes], np.int64),
            "minute_started_ns": np.array([minute.started_ns for minute in minutes], np.int64),
            "minute_ended_ns": np.array([minute.ended_ns for minute in minutes], np.int64),
        },
    )


class _Pace:
    """Waits for the next tick before every inference; the first tick is at once."""

    def __init__(self, stage: Stage, period_ns: float) -> None:
        self._stage = stage
        self._period_ns = period_ns
        self._ticks = 0
        self.started_ns = 0
        self.infer = stage.session.infer

    def tick(self) -> None:
        """Sleep until the next one is due."""
        self.started_ns = self.started_ns or self._stage.now()
        self._stage.wait_until(self.started_ns + round(self._ticks * self._period_ns))
        self._ticks += 1

    def prepare(self, batch: Batch) -> None:
        """The input comes with the tick, as from a camera."""
        self.tick()
        self._stage.session.prepare(batch)


def _paced(stage: Stage, batches: Sequence[Batch], plan: Plan) -> Samples:
    """The window ends with the idle time after the last inference: it holds as many periods as inferences."""
    pace = _Pace(stage, 1e9 / (stage.load.rate_per_s or 1.0))
    samples = loop.run(pace, batches, replace(plan, calls=1), stage.now)
    pace.tick()
    return replace(samples, started_ns=pace.started_ns, ended_ns=stage.now())


_DRIVES: dict[Scenario, Callable[[Stage, Sequence[Batch], Plan], Samples]] = {
    "SingleStream": _single_stream,
    "MultiStream": _multi_stream,
    "Offline": _offline,
    "Server": _server,
    "sustained": _sustained,
    "paced": _paced,
}
