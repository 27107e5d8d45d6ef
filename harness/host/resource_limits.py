"""Which CPUs a measured process runs on: always the same ones, and the same kind."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from harness.core.hostfs import HostFs

_CPU = "/sys/devices/system/cpu/cpu"
_SAME_KIND = 0.85
"""Cores of one kind differ by a few per cent in their highest clock; kinds by a quarter and more."""


def in_order(allowed: Collection[int], preferred: Sequence[int], fs: HostFs) -> tuple[int, ...]:
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
