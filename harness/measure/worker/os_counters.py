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


class Snapshot(NamedTuple):
    """The counters at one moment.

    Attributes:
        cpu_ns: CPU time of this process.
        thread_ns: CPU time by thread; empty where the kernel keeps none.
    """

    at_ns: int
    cpu_ns: int
    preempted: int
    waits: int
    pressure_us: int | None
    thread_ns: dict[int, int]


class Delta(TypedDict):
    """The difference of two snapshots, see `harness.core.record.ProcessRun`; None where the kernel keeps no counter."""

    involuntary_switches: int
    voluntary_switches: int
    cpu_pressure: float | None
    busy_threads: int | None
    os_threads: int
    affinity: list[int]


def snapshot(proc: Path = Path("/proc")) -> Snapshot:
    """Read the counters: some files, a fraction of a millisecond."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    at_ns, cpu_ns = time.perf_counter_ns(), time.process_time_ns()
    return Snapshot(at_ns, cpu_ns, usage.ru_nivcsw, usage.ru_nvcsw, _pressure_us(proc), _thread_ns(proc))


def delta(before: Snapshot, after: Snapshot) -> Delta:
    """Return what happened between two snapshots, and the process's present CPUs and threads."""
    window_ns = after.at_ns - before.at_ns
    worked = [ns - before.thread_ns.get(thread, 0) for thread, ns in after.thread_ns.items()]
    cpus = sorted(os.sched_getaffinity(0))
    return {
        "involuntary_switches": after.preempted - before.preempted,
        "voluntary_switches": after.waits - before.waits,
        "cpu_pressure": _pressure(before, after, len(cpus)),
        "busy_threads": sum(ns > BUSY * window_ns for ns in worked) if worked else None,
        "os_threads": sum(1 for _ in os.scandir("/proc/self/task")),
        "affinity": cpus,
    }


def _pressure(before: Snapshot, after: Snapshot, cpus: int) -> float | None:
    """Return the share of time in which tasks waited for a CPU, at most the CPUs this process left unused.

    A process that fills its CPUs lost nothing to others: then its own threads wait for each other, as TensorFlow's two
    do on one core, or others wait for it.
    """
    if before.pressure_us is None or after.pressure_us is None:
        return None
    window_ns = after.at_ns - before.at_ns
    waited = (after.pressure_us - before.pressure_us) * 1000 / window_ns
    unused = cpus - (after.cpu_ns - before.cpu_ns) / window_ns
    return max(0.0, min(1.0, waited, unused))


def _pressure_us(proc: Path) -> int | None:
    """Return the time in which some task waited for a CPU, since boot: 'some ... total=' (Linux 4.20)."""
    try:
        first = (proc / "pressure/cpu").read_text(encoding="ascii").partition("\n")[0]
        return int(first.rpartition("total=")[2])
    except (OSError, ValueError):  # an old kernel, one started with psi=0, or a file that is masked or empty
        return None


def _thread_ns(proc: Path) -> dict[int, int]:
    """Return CPU time by thread, the first number of its schedstat."""
    found: dict[int, int] = {}
    for task in (proc / "self/task").iterdir():
        try:
            found[int(task.name)] = int((task / "schedstat").read_text(encoding="ascii").split()[0])
        except (OSError, IndexError):  # ended meanwhile, or a kernel without scheduler statistics
            continue
    return found
