"""The control kernel: a fixed piece of work whose CPU time shows whether the machine itself changed speed."""

from __future__ import annotations

import time

_REPEATS = 9
_WARM_UP = 3
_STEPS = 20_000


def control_ns() -> float:
    """Least CPU nanoseconds of a fixed integer loop (about 1 ms on a current core), of this thread alone.

    The least of several, since what disturbs can only add; the first few, in which the interpreter still adapts its
    bytecode and the caches hold other things, do not count. Python on
    small integers has no memory traffic and no vector units, so it follows the core's clock and nothing that the
    measured runtime leaves behind in the caches.
    """
    return float(min([_once() for _ in range(_WARM_UP + _REPEATS)][_WARM_UP:]))


def _once() -> int:
    before = time.thread_time_ns()
    state = 1
    for _ in range(_STEPS):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
    return time.thread_time_ns() - before
