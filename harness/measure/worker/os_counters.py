"""The kernel's counters of a process and the machine: memory, CPU time, context switches, CPU pressure.

They are read before and after the timed loop, never within. A machine with other load may give steady latencies that
are far too high; these counters show it where the latencies do not.
"""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path
from typing import NamedTuple, TypedDict

_HELD = ("VmRSS", "VmSwap")


class MemoryMark(TypedDict):
    """A moment on the monotonic clock and the largest resident set up to then."""

    at_ns: int
    peak_rss_bytes: int


def memory_mark() -> MemoryMark:
    """Return the present mark of this process; takes some 30 us, so it stands between phases and in none."""
    return {"at_ns": time.perf_counter_ns(), "peak_rss_bytes": peak_rss_bytes()}


def peak_rss_bytes() -> int:
    """Return the largest resident set of this process (VmHWM).

    `ru_maxrss` is not used: the kernel carries the parent's peak over exec into it, so a small child of a large
    parent would read as large.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return max_rss_bytes()


def peaks() -> dict[str, int]:
    """Return the largest resident set up to now, as both of the kernel's counters have it."""
    return {"peak_rss_bytes": peak_rss_bytes(), "max_rss_bytes": max_rss_bytes()}


def max_rss_bytes() -> int:
    """Return `ru_maxrss` of this process, never less than what its parent had at the spawn."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def current_rss_bytes(pid: int) -> int:
    """Return the bytes another process holds, resident and swapped out; 0 when it has ended. Takes no lock of it."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return sum(int(rest.split()[0]) * 1024 for name, _, rest in map(_parted, text.splitlines()) if name in _HELD)


def own_rss_bytes() -> int:
    """Return what this process holds now, from /proc/self/statm: fewer numbers and less to parse than in status."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def resident(pid: int) -> tuple[int, int] | None:
    """Return (RSS, USS) of another process in bytes from /proc/<pid>/smaps_rollup; None when it is gone or not ours.

    USS is what the process alone holds (private pages): what ending it would give back.
    """
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = {name: int(rest.split()[0]) * 1024 for name, _, rest in map(_parted, text.splitlines()) if "kB" in rest}
    if "Rss" not in fields:
        return None
    return fields["Rss"], fields.get("Private_Clean", 0) + fields.get("Private_Dirty", 0)


def _parted(line: str) -> tuple[str, str, str]:
    return line.partition(":")


BUSY = 0.05
"""A thread that computed for more than this share of the window worked in it."""


class ThreadTimes(NamedTuple):
    """Of one thread: time on a CPU, and time runnable in a queue without one."""

    cpu_ns: int
    delay_ns: int


class Snapshot(NamedTuple):
    """The counters at one moment.

    Attributes:
        cpu_ns: CPU time of this process.
        threads: Times by thread; empty where the kernel keeps none.
    """

    at_ns: int
    cpu_ns: int
    preempted: int
    waits: int
    pressure_us: int | None
    threads: dict[int, ThreadTimes]


class Delta(TypedDict):
    """The difference of two snapshots, see `harness.core.record.ProcessRun`; None where the kernel keeps no counter."""

    involuntary_switches: int
    voluntary_switches: int
    cpu_pressure: float | None
    run_delay: float | None
    busy_threads: int | None
    os_threads: int
    affinity: list[int]


def snapshot(proc: Path = Path("/proc")) -> Snapshot:
    """Read the counters: some files, a fraction of a millisecond."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    at_ns, cpu_ns = time.perf_counter_ns(), time.process_time_ns()
    return Snapshot(at_ns, cpu_ns, usage.ru_nivcsw, usage.ru_nvcsw, _pressure_us(proc), _threads(proc))


def delta(before: Snapshot, after: Snapshot) -> Delta:
    """Return what happened between two snapshots, and the process's present CPUs and threads."""
    window_ns = after.at_ns - before.at_ns
    new = ThreadTimes(0, 0)
    worked = [times.cpu_ns - before.threads.get(thread, new).cpu_ns for thread, times in after.threads.items()]
    delays = [times.delay_ns - before.threads.get(thread, new).delay_ns for thread, times in after.threads.items()]
    cpus = sorted(os.sched_getaffinity(0))
    unused = len(cpus) - (after.cpu_ns - before.cpu_ns) / window_ns
    return {
        "involuntary_switches": after.preempted - before.preempted,
        "voluntary_switches": after.waits - before.waits,
        "cpu_pressure": _lost(_pressure_ns(before, after), window_ns, unused),
        "run_delay": _lost(sum(delays) if delays else None, window_ns, unused),
        "busy_threads": sum(ns > BUSY * window_ns for ns in worked) if worked else None,
        "os_threads": sum(1 for _ in os.scandir("/proc/self/task")),
        "affinity": cpus,
    }


def _lost(waited_ns: int | None, window_ns: int, unused: float) -> float | None:
    """Return the share of time spent waiting for a CPU, at most the CPUs this process left unused.

    A process that fills its CPUs lost nothing to others: then its own threads wait for each other, as TensorFlow's two
    do on one core, or others wait for it.
    """
    return None if waited_ns is None else max(0.0, min(1.0, waited_ns / window_ns, unused))


def _pressure_ns(before: Snapshot, after: Snapshot) -> int | None:
    if before.pressure_us is None or after.pressure_us is None:
        return None
    return (after.pressure_us - before.pressure_us) * 1000


def _pressure_us(proc: Path) -> int | None:
    """Return the time in which some task waited for a CPU, since boot: 'some ... total=' (Linux 4.20)."""
    try:
        first = (proc / "pressure/cpu").read_text(encoding="ascii").partition("\n")[0]
        return int(first.rpartition("total=")[2])
    except (OSError, ValueError):  # an old kernel, one started with psi=0, or a file that is masked or empty
        return None


def _threads(proc: Path) -> dict[int, ThreadTimes]:
    """Return the times of each thread: the first two numbers of its schedstat.

    A kernel without scheduler statistics has no such file, or one that reads '0 0 0'.
    """
    found: dict[int, ThreadTimes] = {}
    for task in (proc / "self/task").iterdir():
        try:
            cpu_ns, delay_ns, *_ = (task / "schedstat").read_text(encoding="ascii").split()
            found[int(task.name)] = ThreadTimes(int(cpu_ns), int(delay_ns))
        except (OSError, ValueError):  # ended meanwhile, or no such file
            continue
    return found if any(times.cpu_ns for times in found.values()) else {}
