"""How much memory a process holds, from the kernel's own counters."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import TypedDict

_HELD = ("VmRSS", "VmSwap")


class Mark(TypedDict):
    """A moment on the monotonic clock and the largest resident set up to then."""

    at_ns: int
    peak_rss_bytes: int


def mark() -> Mark:
    """Now, in this process: some 30 us, so it stands between phases and in none."""
    return {"at_ns": time.perf_counter_ns(), "peak_rss_bytes": peak_rss_bytes()}


def peak_rss_bytes() -> int:
    """Largest resident set of this process: VmHWM.

    `ru_maxrss` is not used: the kernel carries the parent's peak over exec into it, so a small child of a large
    parent would read as large.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return max_rss_bytes()


def max_rss_bytes() -> int:
    """`ru_maxrss` of this process, which is never less than what its parent had at the spawn."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def held_bytes(pid: int) -> int:
    """What another process holds, resident and swapped out; 0 when it has ended. Takes no lock of that process."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return sum(int(rest.split()[0]) * 1024 for name, _, rest in map(_parted, text.splitlines()) if name in _HELD)


def resident(pid: int) -> tuple[int, int] | None:
    """(RSS, USS) of another process in bytes, from /proc/<pid>/smaps_rollup; None when it has ended or is not ours.

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
