"""Limits of the control group this process runs in, of both versions of the cgroup file system."""

from __future__ import annotations

from collections.abc import Iterator

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing

from . import hardware

_ROOT = "/sys/fs/cgroup"
_MEMBERSHIP = "/proc/self/cgroup"


def cpu_quota_cores(fs: HostFs) -> float | None:
    """Return the tightest CPU quota on this process in cores, None when there is none."""
    membership = fs.read(_MEMBERSHIP)
    return None if isinstance(membership, Missing) else min(_cpu_quotas(fs, membership), default=None)


def memory_limit_bytes(fs: HostFs) -> int | None:
    """Return the tightest memory limit on this process below the machine's own memory, None when there is none."""
    membership = fs.read(_MEMBERSHIP)
    total = hardware.memory_bytes(fs)
    if isinstance(membership, Missing):
        return None
    files = [f"{folder}/memory.max" for folder in _folders(membership, "")]
    files += [f"{folder}/memory.limit_in_bytes" for folder in _folders(membership, "memory")]
    limits = [limit for name in files if isinstance(limit := fs.read_int(name), int)]
    lowest = min(limits, default=None)
    return lowest if lowest is not None and (isinstance(total, Missing) or lowest < total) else None


def _cpu_quotas(fs: HostFs, membership: str) -> Iterator[float]:
    """Yield quotas in cores of version 2 ('max 100000' is no quota) and version 1 (-1 is no quota)."""
    for folder in _folders(membership, ""):
        words = str(fs.read(f"{folder}/cpu.max")).split()
        if len(words) == 2 and all(word.isdecimal() for word in words):
            yield int(words[0]) / int(words[1])
    for folder in _folders(membership, "cpu"):
        quota_us, period_us = fs.read_int(f"{folder}/cpu.cfs_quota_us"), fs.read_int(f"{folder}/cpu.cfs_period_us")
        if isinstance(quota_us, int) and isinstance(period_us, int) and quota_us > 0 < period_us:
            yield quota_us / period_us


def _folders(membership: str, controller: str) -> Iterator[str]:
    """Yield the group's folder and all above it, since the tightest limit on the way up holds.

    Args:
        membership: Text of /proc/self/cgroup.
        controller: A controller of version 1, or '' for the one tree of version 2.
    """
    for line in membership.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(","):
            base = f"{_ROOT}/{controllers}" if controller else _ROOT
            parts = [part for part in path.split("/") if part]
            yield from ("/".join([base, *parts[:depth]]) for depth in range(len(parts), -1, -1))
