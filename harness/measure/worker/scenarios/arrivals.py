"""Server and paced: queries come by a schedule of their own, whether or not the last one is complete."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.measure.worker import loop
from harness.measure.worker.loop import LoopPlan, Samples
from harness.measure.worker.scenarios import ScenarioContext
from harness.runtimes.base import Batch


def poisson_ns(rate_per_s: float, n: int, seed: int) -> NDArray[np.int64]:
    """Return when `n` queries arrive (int64 ns from the start, ascending): independent exponential gaps."""
    gaps_s = np.random.default_rng(seed).exponential(1.0 / rate_per_s, n)
    return np.rint(np.cumsum(gaps_s) * 1e9).astype(np.int64)


class _Server:
    """Queries that come when they come, first come first served. A query holds its input: copying is part of it."""

    def __init__(self, stage: ScenarioContext, arrivals_ns: NDArray[np.int64]) -> None:
        self._stage = stage
        self._due_ns: list[int] = arrivals_ns.tolist()
        self._batch: Batch = {}
        self.started_ns = 0
        self.done_ns: list[int] = []

    def prepare(self, batch: Batch) -> None:
        """Wait for the next arrival; the first call sets the origin of the schedule."""
        if not self.done_ns:
            self.started_ns = self._stage.now()
        self._batch = batch
        self._stage.wait_until(self.started_ns + self._due_ns[len(self.done_ns)])

    def infer(self) -> None:
        """Copy the input in, infer, and note the time of completion."""
        self._stage.session.prepare(self._batch)
        self._stage.session.infer()
        self.done_ns.append(self._stage.now())


def server(stage: ScenarioContext, batches: Sequence[Batch], plan: LoopPlan) -> Samples:
    """Answer Poisson arrivals; latency counts from the scheduled arrival, so it holds queueing and wake-up."""
    rate = stage.load.rate_per_s or 1.0
    n = min(plan.max_n, max(plan.min_n, math.ceil(rate * plan.min_ns / 1e9)))
    arrivals = poisson_ns(rate, n, stage.seed)
    server = _Server(stage, arrivals)
    served = loop.run(server, batches, LoopPlan(n, 0, n, plan.threads, end_ns=plan.end_ns), stage.now)
    done = np.array(server.done_ns, np.int64)
    arrivals = arrivals[: len(done)]
    return served._replace(
        wall_ns=done - server.started_ns - arrivals,
        started_ns=server.started_ns,
        ended_ns=server.done_ns[-1],
        more={"service_ns": served.wall_ns, "arrival_ns": arrivals},
    )


class _Pace:
    """Waits for the next tick before every inference; the first tick is at once."""

    def __init__(self, stage: ScenarioContext, period_ns: float) -> None:
        self._stage = stage
        self._period_ns = period_ns
        self._ticks = 0
        self.started_ns = 0
        self.infer = stage.session.infer

    def tick(self) -> None:
        """Sleep until the next tick is due."""
        if self._ticks == 0:
            self.started_ns = self._stage.now()
        self._stage.wait_until(self.started_ns + round(self._ticks * self._period_ns))
        self._ticks += 1

    def prepare(self, batch: Batch) -> None:
        """Wait for the next tick, then copy the input in: it comes with the tick, as from a camera."""
        self.tick()
        self._stage.session.prepare(batch)


def paced(stage: ScenarioContext, batches: Sequence[Batch], plan: LoopPlan) -> Samples:
    """Run one inference per tick; the window ends with the idle time after the last one."""
    pace = _Pace(stage, 1e9 / (stage.load.rate_per_s or 1.0))
    samples = loop.run(pace, batches, plan._replace(calls=1), stage.now)
    pace.tick()
    busy = {"busy_ns": np.array([samples.wall_ns.sum()], np.int64)}
    return samples._replace(started_ns=pace.started_ns, ended_ns=stage.now(), more=busy)
