"""Limits of the control group this process runs in: a container's CPU quota stops it in the middle of a loop."""

from __future__ import annotations

from collections.abc import Iterator

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.verdict import Finding
from harness.host import hardware

_ROOT = "/sys/fs/cgroup"


def inspect(fs: HostFs) -> Finding:
    """Warn when a quota leaves less than all CPUs; a memory limit below the machine's is told."""
    text = fs.read("/proc/self/cgroup")
    if isinstance(text, Missing):
        return Finding("cgroup", "unknown", text.reason)
    cpus = min(_cpu_limits(fs, text), default=None)
    memory = memory_limit_bytes(fs)
    found = [f"CPU quota {cpus:.2f} cores"] if cpus is not None else []
    found += [f"memory limit {memory / 2**20:.0f} MiB"] if memory is not None else []
    cpu = hardware.cpu(fs)
    if cpus is not None and not (not isinstance(cpu, Missing) and cpus >= cpu.cores):
        remedy = "run outside the container, or pin CPUs instead of a quota (docker run --cpuset-cpus, not --cpus)"
        return Finding("cgroup", "warn", ", ".join(found), remedy)
    return Finding("cgroup", "ok", ", ".join(found) or "no limit")


def memory_limit_bytes(fs: HostFs) -> int | None:
    """The tightest memory limit on this process below the machine's own memory, None when there is none."""
    text = fs.read("/proc/self/cgroup")
    total = hardware.memory_bytes(fs)
    if isinstance(text, Missing):
        return None
    files = [f"{folder}/memory.max" for folder in _folders(text, "")]
    files += [f"{folder}/memory.limit_in_bytes" for folder in _folders(text, "memory")]
    limits = [limit for name in files if isinstance(limit := fs.read_int(name), int)]
    lowest = min(limits, default=None)
    return lowest if lowest is not None and (isinstance(total, Missing) or lowest < total) else None


def _cpu_limits(fs: HostFs, membership: str) -> Iterator[float]:
    """CPU quotas in cores, of version 2 ('max 100000' is none) and version 1 (-1 is none)."""
    for folder in _folders(membership, ""):
        words = str(fs.read(f"{folder}/cpu.max")).split()
        if len(words) == 2 and all(word.isdecimal() for word in words):
            yield int(words[0]) / int(words[1])
    for folder in _folders(membership, "cpu"):
        quota, period = fs.read_int(f"{folder}/cpu.cfs_quota_us"), fs.read_int(f"{folder}/cpu.cfs_period_us")
        if isinstance(quota, int) and isinstance(period, int) and quota > 0 < period:
            yield quota / period


def _folders(membership: str, controller: str) -> Iterator[str]:
    """The group's folder and all above it: the tightest limit on the way up holds. '' is version 2's one tree."""
    for line in membership.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(","):
            base = f"{_ROOT}/{controllers}" if controller else _ROOT
            parts = [part for part in path.split("/") if part]
            yield from ("/".join([base, *parts[:depth]]) for depth in range(len(parts), -1, -1))
