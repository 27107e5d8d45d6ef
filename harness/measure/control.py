"""A fixed piece of work: its CPU time tells whether the machine itself changed speed meanwhile."""

from __future__ import annotations

import statistics
import time

_REPEATS = 7
_STEPS = 20_000


def control_ns() -> float:
    """Median CPU nanoseconds of a fixed integer loop (about 1 ms on a current core), of this thread alone.

    Plain Python on small integers: no memory traffic and no vector units, so it follows the core's clock and nothing
    that the measured runtime leaves behind in the caches.
    """
    return statistics.median(_once() for _ in range(_REPEATS))


def _once() -> int:
    before = time.thread_time_ns()
    state = 1
    for _ in range(_STEPS):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
    return time.thread_time_ns() - before
