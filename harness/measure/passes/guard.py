"""Wait for a worker, and stop it when it takes too long or too much: before the kernel has to choose whom to kill."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from harness.core.verdict import Status, Verdict
from harness.measure.worker.os_counters import held_bytes

FASTEST_BYTES_PER_S = 2 << 30
"""No faster than this does a process fill new memory (the kernel zeroes every page first)."""

_SHORTEST_S, _LONGEST_S = 0.02, 2.0

REMEDIES: Mapping[Status, str] = {
    "crashed": "the runtime or the model crashed: see the record's log; another version of either may do",
    "out-of-memory": "close other programs, or take a smaller model or batch; --memory-limit MIB allows more or less",
    "unsupported": "try another runtime, or export the model anew",
    "timeout": "a slower board may need more: --timeout SECONDS",
}
"""What to do where the worker itself does not say."""

Ended = Callable[[float], bool]
"""Sleeps at most so many seconds; True when the child has ended."""


def guard(child: subprocess.Popen[bytes], timeout_s: float, memory_bytes: int | None) -> Verdict | None:
    """Sleep until the child ends; None when it did so by itself, else why it has to be killed.

    Where there is a memory limit, what it holds is read from outside, the more often the nearer it comes: far from the
    limit every two seconds, so that next to nothing runs beside what is measured.
    """
    deadline = time.monotonic() + timeout_s
    with _ending(child) as ended:
        while (left_s := deadline - time.monotonic()) > 0:
            pause_s = left_s
            if memory_bytes is not None:
                held = held_bytes(child.pid)
                if held > memory_bytes:
                    return _too_much(held, memory_bytes)
                pause_s = min(left_s, max(_SHORTEST_S, min(_LONGEST_S, (memory_bytes - held) / FASTEST_BYTES_PER_S)))
            if ended(pause_s):
                return None
        if ended(0.0):  # all of this machine may have stood still meanwhile
            return None
    return Verdict("timeout", f"not finished after {timeout_s:g} s, killed", REMEDIES["timeout"])


def _too_much(held: int, limit: int) -> Verdict:
    reason = f"the process held {held / 2**20:.1f} MiB, its limit is {limit / 2**20:.1f} MiB: stopped"
    return Verdict("out-of-memory", reason, REMEDIES["out-of-memory"])


@contextmanager
def _ending(child: subprocess.Popen[bytes]) -> Iterator[Ended]:
    """How to wait for the child's end.

    `Popen.wait` with a time-out wakes twenty times a second, beside the very thing that is being measured; a pidfd
    (Linux 5.3) wakes once.
    """
    try:
        descriptor = os.pidfd_open(child.pid)
    except OSError:
        yield lambda pause_s: _polled(child, pause_s)
        return
    try:
        yield lambda pause_s: bool(select.select([descriptor], [], [], pause_s)[0]) and child.wait() is not None
    finally:
        os.close(descriptor)


def _polled(child: subprocess.Popen[bytes], pause_s: float) -> bool:
    try:
        child.wait(pause_s)
    except subprocess.TimeoutExpired:
        return False
    return True
