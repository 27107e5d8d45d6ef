"""How often the kernel has killed a process for memory, on this machine or in this control group."""

from __future__ import annotations

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing

from .cgroup import own_folders


def kills(fs: HostFs) -> int | None:
    """Return the number of kills so far, of the machine and of the control groups above us; None if nothing counts."""
    files = ["/proc/vmstat", *(f"{folder}/memory.events" for folder in own_folders(fs, ""))]
    files += [f"{folder}/memory.oom_control" for folder in own_folders(fs, "memory")]
    counts = [count for name in files if (count := _count(fs.read(name))) is not None]
    return sum(counts) if counts else None


def _count(text: str | Missing) -> int | None:
    lines = () if isinstance(text, Missing) else text.splitlines()
    found = [line.split() for line in lines if line.startswith("oom_kill ")]
    return int(found[0][1]) if found and found[0][1].isdecimal() else None
