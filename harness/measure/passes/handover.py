"""The handover control: how long one CPU takes to see what another wrote, which the threads of a net wait for.

Where a host moves the CPUs of a virtual machine to parts of a processor that share no cache, every handover between
threads takes two or three times as long, and so may the median of a net on two threads, while each CPU alone is as fast
as before and nothing else runs. No counter of the guest shows it.

This file is its own helper: run as a program it answers on the other CPU. There it imports the standard library alone.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from mmap import mmap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from subprocess import Popen

ROUNDS, TRIPS = 9, 200
"""The median of so many rounds counts; each is so many trips to and fro."""

MOST_CPUS = 4
"""CPUs that are tried, of those a case may use: the first with each of the others."""

_PAGE = 4096
_READY, _END = 254, 255
_PATIENCE_S = 5.0


def handover_ns(cpus: Sequence[int]) -> float | None:
    """Return the nanoseconds of a trip from the first of these CPUs to another and back, the slowest of those tried.

    None where there is one CPU, where a CPU did not answer, or where no helper could be started.
    """
    first, *others = cpus[:MOST_CPUS] or sorted(os.sched_getaffinity(0))[:MOST_CPUS]
    try:
        trips = [_trip_ns(first, other) for other in others]
    except OSError:  # a full folder for temporary files costs this figure, not the run
        return None
    known = [ns for ns in trips if ns is not None]
    return max(known) if known and len(known) == len(trips) else None


def _trip_ns(here: int, there: int) -> float | None:
    import subprocess
    import tempfile

    before = os.sched_getaffinity(0)
    with tempfile.TemporaryFile() as file:
        file.truncate(2 * _PAGE)
        with mmap(file.fileno(), 2 * _PAGE) as shared:
            command = [sys.executable, "-I", "-S", __file__, str(file.fileno()), str(there)]
            helper = subprocess.Popen(command, pass_fds=[file.fileno()], stderr=subprocess.DEVNULL)
            try:
                os.sched_setaffinity(0, [here])
                return _ask(shared) if _is_ready(shared, helper) else None
            finally:
                shared[0] = _END
                os.sched_setaffinity(0, before)
                helper.wait()


def _is_ready(shared: mmap, helper: Popen[bytes]) -> bool:
    """Return whether the helper started; one that ended at once, as on a CPU that is offline, is not waited for."""
    end_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end_s:
        if shared[_PAGE] == _READY:
            return True
        if helper.poll() is not None:
            return False
        time.sleep(0.0005)
    return False


def _ask(shared: mmap) -> float | None:
    """Ask and wait for the answer, again and again; None where the other end is silent."""
    rounds: list[float] = []
    number = 0
    for _ in range(1 + ROUNDS):
        before = time.perf_counter_ns()
        for _ in range(TRIPS):
            number = number % TRIPS + 1
            shared[0] = number
            if not _wait_for(shared, number):
                return None
        rounds.append((time.perf_counter_ns() - before) / TRIPS)
    return sorted(rounds[1:])[ROUNDS // 2]


def _wait_for(shared: mmap, value: int) -> bool:
    """Return whether the other end wrote `value` in time; the clock is not read while it answers at once."""
    for _ in range(10_000):
        if shared[_PAGE] == value:
            return True
    end_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end_s:
        if shared[_PAGE] == value:
            return True
    return False


def _answer(fd: int, cpu: int) -> None:
    """Repeat what the other end writes, until it writes the end or nothing for some seconds."""
    os.sched_setaffinity(0, [cpu])
    with mmap(fd, 2 * _PAGE) as shared:
        shared[_PAGE] = _READY
        seen, end_s = 0, time.monotonic() + _PATIENCE_S
        while time.monotonic() < end_s:
            for _ in range(10_000):
                asked = shared[0]
                if asked == _END:
                    return
                if asked != seen:
                    shared[_PAGE] = seen = asked
                    break
            else:
                continue
            if asked == TRIPS:
                end_s = time.monotonic() + _PATIENCE_S


if __name__ == "__main__":
    _answer(int(sys.argv[1]), int(sys.argv[2]))
