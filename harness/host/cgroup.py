"""Limits of the control group this process runs in, of both versions of the cgroup file system."""

from __future__ import annotations

from collections.abc import Iterator

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing

from . import hardware

_ROOT = "/sys/fs/cgroup"
_MEMBERSHIP = "/proc/self/cgroup"


def cpu_quota_cores(fs: HostFs) -> float | Missing | None:
    """Return the tightest CPU quota on this process in cores, None when there is none, Missing when it is not shown."""
    membership = fs.read(_MEMBERSHIP)
    if isinstance(membership, Missing):
        return membership
    quotas = list(_cpu_quotas(fs, membership))
    if unread := [quota for quota in quotas if isinstance(quota, Missing)]:
        return unread[0]
    own = [folders[0] for controller in ("", "cpu") if (folders := list(_folders(membership, controller)))]
    if not quotas and not any(fs.exists(folder) for folder in own):
        return Missing(f"the control group is not visible here: absent: {' and '.join(own) or _ROOT}")
    return min((quota for quota in quotas if isinstance(quota, float)), default=None)


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


def own_folders(fs: HostFs, controller: str) -> list[str]:
    """Return the folders of our control group and of all above it; '' is the one tree of version 2."""
    membership = fs.read(_MEMBERSHIP)
    return [] if isinstance(membership, Missing) else list(_folders(membership, controller))


def _cpu_quotas(fs: HostFs, membership: str) -> Iterator[float | Missing | None]:
    """Yield what each file of a quota says, of both versions: cores, None for no quota, Missing if not understood."""
    for folder in _folders(membership, ""):
        if fs.exists(name := f"{folder}/cpu.max"):
            yield _quota(name, fs.read(name))
    for folder in _folders(membership, "cpu"):
        if fs.exists(name := f"{folder}/cpu.cfs_quota_us"):
            yield _quota(name, fs.read(name), fs.read(f"{folder}/cpu.cfs_period_us"))


def _quota(name: str, text: str | Missing, period: str | Missing = "") -> float | Missing | None:
    """Return a quota in cores: '50000 100000' of version 2 ('max' is none), or two files of version 1 (-1 is none)."""
    if isinstance(text, Missing) or isinstance(period, Missing):
        return text if isinstance(text, Missing) else Missing(f"no period beside {name}")
    words = [*text.split(), *period.split()]
    if words and words[0] in {"max", "-1"}:
        return None
    if len(words) == 2 and all(word.isdecimal() and int(word) > 0 for word in words):
        return int(words[0]) / int(words[1])
    return Missing(f"not understood: '{' '.join(words)[:40]}' in {name}")


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
