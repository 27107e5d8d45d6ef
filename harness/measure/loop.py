"""The timed loop. Everything between the two clock calls is counted, nothing else is in there."""

from __future__ import annotations

import gc
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.runtimes.base import Batch, Session


@dataclass(frozen=True)
class Samples:
    """Wall and CPU nanoseconds of each inference (int64), and the window they were taken in (monotonic ns)."""

    wall_ns: NDArray[np.int64]
    cpu_ns: NDArray[np.int64]
    started_ns: int
    ended_ns: int


def cpu_clock(threads: int) -> Callable[[], int]:
    """CPU time of what infers: the calling thread when it works alone, the whole process otherwise."""
    return time.thread_time_ns if threads == 1 else time.process_time_ns


def run(session: Session, batches: Sequence[Batch], min_n: int, min_ns: int, max_n: int, threads: int) -> Samples:
    """Infer at least `min_n` times and for `min_ns`, at most `max_n` times, inputs taken in rotation.

    Arrays are allocated before, the collector is off and what exists is frozen, so that no collection and no
    allocation of ours falls within a timed inference. The input is copied in before the clock starts.
    """
    wall, cpu = array("q", bytes(8 * max_n)), array("q", bytes(8 * max_n))
    clock, cpu_now, infer, prepare = time.perf_counter_ns, cpu_clock(threads), session.infer, session.prepare
    gc.collect()
    gc.freeze()
    gc.disable()
    n, kinds = 0, len(batches)
    started = clock()
    deadline = started + min_ns
    while n < max_n and (n < min_n or clock() < deadline):
        prepare(batches[n % kinds])
        cpu_before = cpu_now()
        before = clock()
        infer()
        wall[n] = clock() - before
        cpu[n] = cpu_now() - cpu_before
        n += 1
    ended = clock()
    gc.enable()
    gc.unfreeze()
    return Samples(np.array(wall[:n], np.int64), np.array(cpu[:n], np.int64), started, ended)
