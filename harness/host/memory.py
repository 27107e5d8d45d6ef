"""How much memory a measured process may hold: less than what would wake the kernel's out-of-memory killer."""

from __future__ import annotations

import re

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing

from .checks import cgroup

SHARE = 0.9
"""Part of the available memory that one process may take; the rest is for what the others need meanwhile."""


def process_limit_bytes(wanted: int | None, fs: HostFs) -> int | None:
    """`wanted` (the target's or the user's), but never more than nine tenths of what is available now.

    None where neither is known: then nothing is stopped.
    """
    available = available_bytes(fs)
    bounds = [wanted] if wanted is not None else []
    bounds += [] if isinstance(available, Missing) else [int(SHARE * available)]
    return min(bounds, default=None)


def available_bytes(fs: HostFs) -> int | Missing:
    """MemAvailable of /proc/meminfo (what can be had without swapping), no more than the control group allows."""
    text = fs.read("/proc/meminfo")
    if isinstance(text, Missing):
        return text
    found = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    if found is None:
        return Missing("no MemAvailable in /proc/meminfo (it exists since Linux 3.14)")
    available, group = int(found[1]) * 1024, cgroup.memory_limit_bytes(fs)
    return available if group is None else min(available, group)
