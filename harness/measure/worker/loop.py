"""The timed loop. Everything between the two clock calls is counted, nothing else is in there.

Named tuples where the rest of the project has frozen dataclasses: those take five times as long to define, and the
measured child imports this module.
"""

from __future__ import annotations

import gc
import math
import mmap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.runtimes.base import Batch

SHORTEST_SAMPLE_NS = 50_000
"""Inferences shorter than this are timed several at a time."""

Clock = Callable[[], int]


class DrivenSession(Protocol):
    """What the loop drives: a session, or a scenario's way to send queries to one."""

    def prepare(self, batch: Batch) -> None:
        """Copy the input in; not timed."""
        ...

    def infer(self) -> None:
        """Run one inference; timed."""
        ...


class Samples(NamedTuple):
    """Wall and CPU nanoseconds of each query (int64), and the window they were taken in (monotonic ns).

    `inferences` is how many there were in all, `calls` how many of them each sample is the mean of; `more` holds
    the arrays that only some scenarios have, `log` what another driver than ours wrote. `gc_frozen` is how many objects
    the garbage collector was told to leave alone, None where it was on. `cut_short` says that the plan's `end_ns` came
    before the rest of it was done.
    """

    wall_ns: NDArray[np.int64]
    cpu_ns: NDArray[np.int64]
    started_ns: int
    ended_ns: int
    inferences: int
    calls: int = 1
    more: Mapping[str, NDArray[np.int64]] = MappingProxyType({})
    log: str = ""
    gc_frozen: int | None = None
    cut_short: bool = False


def cpu_clock(threads: int) -> Callable[[], int]:
    """Return the clock of the CPU time that counts: the thread's when it works alone, the process's otherwise."""
    return time.thread_time_ns if threads == 1 else time.process_time_ns


NEVER = 1 << 62


class LoopPlan(NamedTuple):
    """At least `min_n` samples and `min_ns` in all, at most `max_n`; a sample is the mean of `calls` inferences.

    But for the first, no sample is begun that would end after `end_ns` if it took as long as the one before.
    """

    min_n: int
    min_ns: int
    max_n: int
    threads: int = 1
    calls: int = 1
    end_ns: int = NEVER


def run(
    session: DrivenSession, batches: Sequence[Batch], plan: LoopPlan, clock: Clock = time.perf_counter_ns
) -> Samples:
    """Infer as planned, inputs taken in rotation, with the collector off."""
    with gc_disabled():
        return timed(session, batches, plan, clock)


@contextmanager
def gc_disabled() -> Iterator[None]:
    """Freeze what exists and keep the garbage collector off within the block."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def timed(
    session: DrivenSession, batches: Sequence[Batch], plan: LoopPlan, clock: Clock = time.perf_counter_ns
) -> Samples:
    """Run the loop itself; the caller keeps the collector off.

    Arrays are allocated before, so that no allocation of ours falls within a timed inference. The input is copied in
    before the clock starts.
    """
    wall, cpu = _reserved(plan.max_n), _reserved(plan.max_n)
    cpu_now, prepare = cpu_clock(plan.threads), session.prepare
    infer = session.infer if plan.calls == 1 else repeated(session.infer, plan.calls)
    n, kinds, min_n, max_n, end, cut_short = 0, len(batches), plan.min_n, plan.max_n, plan.end_ns, False
    started = clock()
    deadline = started + plan.min_ns
    while n < max_n and (n < min_n or clock() < deadline):
        prepare(batches[n % kinds])
        cpu_before = cpu_now()
        before = clock()
        infer()
        after = clock()
        cpu_after = cpu_now()
        wall[n] = after - before
        cpu[n] = cpu_after - cpu_before
        n += 1
        if 2 * after - before > end:
            cut_short = n < min_n or after < deadline
            break
    ended = clock()
    own_ns = _clock_cost_ns(cpu_now)
    cpu_ns = _per_call(np.maximum(np.array(cpu[:n], np.int64) - own_ns, 0), plan.calls)
    wall_ns = _per_call(np.array(wall[:n], np.int64), plan.calls)
    return Samples(wall_ns, cpu_ns, started, ended, n * plan.calls, plan.calls, gc_frozen=frozen(), cut_short=cut_short)


def frozen() -> int | None:
    """Return how many objects the collector leaves alone; None while it is on."""
    return None if gc.isenabled() else gc.get_freeze_count()


def _reserved(n: int) -> memoryview[int]:
    """Reserve `n` 64-bit integers as pages that become resident one by one: peak memory is to be the runtime's."""
    return memoryview(mmap.mmap(-1, 8 * n)).cast("q")


def _clock_cost_ns(cpu_now: Callable[[], int]) -> int:
    """Measure what reading the clocks adds to a CPU time: a system call, up to 2 us (0.1 us for the wall clock)."""
    costs = []
    for _ in range(51):
        before = cpu_now()
        time.perf_counter_ns()
        time.perf_counter_ns()
        costs.append(cpu_now() - before)
    return sorted(costs)[len(costs) // 2]


def repeated(infer: Callable[[], None], calls: int) -> Callable[[], None]:
    """Return a function that makes `calls` inferences."""

    def several() -> None:
        for _ in range(calls):
            infer()

    return several


def calls_per_sample(median_ns: float, shortest_ns: int = SHORTEST_SAMPLE_NS) -> int:
    """Return how many inferences make a sample of 50 us, in which the clock's own 70-110 ns do not show."""
    return max(1, math.ceil(shortest_ns / max(median_ns, 1.0)))


def _per_call(durations: NDArray[np.int64], calls: int) -> NDArray[np.int64]:
    return np.rint(durations / calls).astype(np.int64)
