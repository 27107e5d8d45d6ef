"""The handover control: the round-trip time between two CPUs, which multi-threaded inference waits for.

A host may move the CPUs of a virtual machine to parts of a processor that do not share a cache. Every handover between
threads then takes two to three times as long, and so may an inference on two threads. Each CPU alone is as fast as
before, nothing else runs, and no counter in the guest shows it.

The file is also the helper program that answers on the other CPU, so at import it uses the standard library only.
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
"""Rounds, of which the median counts, and round trips in each."""

MOST_CPUS = 4
"""Largest number of a case's CPUs to try: the first with each of the others."""

_PAGE = 4096
_READY, _END = 254, 255
_PATIENCE_S = 5.0


def handover_ns(cpus: Sequence[int]) -> float | None:
    """Return the slowest round trip from the first of these CPUs to one of the others, in nanoseconds.

    Return None if there is only one CPU, a CPU did not answer, or no helper could be started.
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
    """Return whether the helper started; do not wait for one that has ended, as on an offline CPU."""
    end_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end_s:
        if shared[_PAGE] == _READY:
            return True
        if helper.poll() is not None:
            return False
        time.sleep(0.0005)
    return False


def _ask(shared: mmap) -> float | None:
    """Return the median round trip in nanoseconds; None if the other CPU stops answering."""
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
    """Echo what the other CPU writes until it writes the end marker, or nothing for some seconds."""
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
