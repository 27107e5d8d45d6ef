"""Resources that a measured process may use: time, memory and CPUs.

Memory is limited below the point at which the kernel's out-of-memory killer acts. CPUs are always the same ones, and
of the same kind.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.target import Target

from . import cgroup
from .core_kinds import core_kinds, parse_cpus

_CPU = "/sys/devices/system/cpu/cpu"

MEMORY_SHARE = 0.9
"""Share of the available memory that one process may use; the rest is for other programs."""


@dataclass(frozen=True)
class ResourceLimits:
    """Limits of a measured process.

    Attributes:
        timeout_s: Seconds after which the process is stopped.
        memory_bytes: Memory above which the process is stopped, None where no limit is known.
        cpus: CPUs to pin to, the best first. A case uses as many as it has threads in all its streams; with none, the
            system chooses.
        cpu_quota: CPU time per wall time that the control group allows, in CPUs; None where no limit is known.
    """

    timeout_s: float
    memory_bytes: int | None = None
    cpus: tuple[int, ...] = ()
    cpu_quota: float | None = None

    @classmethod
    def on(cls, target: Target, timeout_s: float | None = None, memory_bytes: int | None = None) -> ResourceLimits:
        """Return the limits of `target` on this machine; `timeout_s` and `memory_bytes` replace the descriptor's."""
        fs = HostFs()
        quota = cgroup.cpu_quota_cores(fs)
        return cls(
            timeout_s or target.limits.timeout_s,
            process_limit_bytes(memory_bytes or target.memory_limit_bytes, fs),
            pinning_order(os.sched_getaffinity(0), target.affinity, fs),
            quota if isinstance(quota, float) else None,
        )


def pinning_order(allowed: Collection[int], preferred: Sequence[int], fs: HostFs) -> tuple[int, ...]:
    """Return the `allowed` CPUs, the best to pin to first.

    Preferred CPUs (a target's affinity) come first, then the faster kinds of core, and of these one hardware thread of
    each core before its siblings. CPU 0 is last among equals: most interrupts arrive there.
    """
    kinds = core_kinds(allowed, fs)
    return tuple(
        sorted(
            allowed,
            key=lambda cpu: (cpu not in preferred, kinds.rank(cpu), _sibling(cpu, fs), cpu == 0, cpu),
        )
    )


def _sibling(cpu: int, fs: HostFs) -> int:
    """Return which of its core's hardware threads a CPU is, from 0; thread_siblings_list is '0,4' or '0-1'."""
    text = fs.read(f"{_CPU}{cpu}/topology/thread_siblings_list")
    threads = sorted(parse_cpus(text)) if isinstance(text, str) else []
    return threads.index(cpu) if cpu in threads else 0


def process_limit_bytes(limit: int | None, fs: HostFs) -> int | None:
    """Return the memory limit of a process: `limit`, but never more than nine tenths of what is available now.

    Args:
        limit: Limit of the target or the user, in bytes; None without one.
        fs: The machine.

    Returns:
        Bytes, or None where neither is known: then no process is stopped.
    """
    available = available_bytes(fs)
    bounds = [limit] if limit is not None else []
    bounds += [] if isinstance(available, Missing) else [int(MEMORY_SHARE * available)]
    return min(bounds, default=None)


def available_bytes(fs: HostFs) -> int | Missing:
    """Return MemAvailable of /proc/meminfo (memory usable without swapping), at most the control group's limit."""
    text = fs.read("/proc/meminfo")
    if isinstance(text, Missing):
        return text
    match = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    if match is None:
        return Missing("no MemAvailable in /proc/meminfo (it exists since Linux 3.14)")
    available, limit = int(match[1]) * 1024, cgroup.memory_limit_bytes(fs)
    return available if limit is None else min(available, limit)
