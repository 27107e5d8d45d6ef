"""What every measured process may have of this machine: time, memory and CPUs."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.target import Target

from .checks import system

_CPU = "/sys/devices/system/cpu/cpu"
_SAME_KIND = 0.85
"""Cores of one kind differ by a few per cent in their highest clock; kinds by a quarter and more."""


def pinning_order(allowed: Collection[int], preferred: Sequence[int], fs: HostFs) -> tuple[int, ...]:
    """The `allowed` CPUs, the best to pin to first.

    First `preferred` (a target's affinity), then the fastest kind of core; one thread of a core before its siblings.
    CPU 0 is last among equals: most interrupts arrive there.
    """
    speeds = {cpu: _speed(cpu, fs) for cpu in allowed}
    fast = _SAME_KIND * max(speeds.values(), default=0)
    return tuple(
        sorted(
            allowed,
            key=lambda cpu: (cpu not in preferred, speeds[cpu] < fast, _sibling(cpu, fs), cpu == 0, cpu),
        )
    )


def _speed(cpu: int, fs: HostFs) -> int:
    """The scheduler's capacity (Arm), else the highest clock in kHz; 0 where neither is told: then all are alike."""
    for name in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
        value = fs.read_int(f"{_CPU}{cpu}/{name}")
        if isinstance(value, int):
            return value
    return 0


def _sibling(cpu: int, fs: HostFs) -> int:
    """Which of its core's hardware threads a CPU is, from 0: thread_siblings_list is '0,4' or '0-1'."""
    text = fs.read(f"{_CPU}{cpu}/topology/thread_siblings_list")
    threads: list[int] = []
    for part in text.split(",") if isinstance(text, str) else ():
        first, _, last = part.partition("-")
        if first.isdecimal():
            threads += range(int(first), int(last if last.isdecimal() else first) + 1)
    return threads.index(cpu) if cpu in threads else 0


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
    available, group = int(found[1]) * 1024, system.memory_limit_bytes(fs)
    return available if group is None else min(available, group)


@dataclass(frozen=True)
class ResourceLimits:
    """Seconds until a process is stopped, bytes it may hold (None: no limit known), and CPUs, the best to pin to first.

    A case gets as many of the `cpus` as it has threads in all its streams; with none it runs where the system likes.
    """

    timeout_s: float
    memory_bytes: int | None = None
    cpus: tuple[int, ...] = ()

    @classmethod
    def on(cls, target: Target, timeout_s: float | None = None, memory_bytes: int | None = None) -> ResourceLimits:
        """The target's, on this very machine; `timeout_s` and `memory_bytes` go before what its descriptor says."""
        here = HostFs()
        return cls(
            timeout_s or target.limits.timeout_s,
            process_limit_bytes(memory_bytes or target.memory_limit_bytes, here),
            pinning_order(os.sched_getaffinity(0), target.affinity, here),
        )
