"""CPU time that other programs take, from the kernel's account of the whole machine."""

from __future__ import annotations

import os
import time

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing

STAT = "/proc/stat"
_SHORTEST_NS = 100_000_000
"""The kernel counts in ticks of 10 ms: a shorter window says nothing."""
_COMPUTING = 3
"""The first fields of its first line are ticks in user mode, at low priority and in the kernel."""


def busy_ns(fs: HostFs, ticks_per_s: int | None = None) -> int | Missing:
    """Return the CPU time of all programs on all CPUs since boot, without interrupts, waiting and time stolen."""
    text = fs.read(STAT)
    if isinstance(text, Missing):
        return text
    name, *ticks = text.partition("\n")[0].split()
    if name != "cpu" or len(ticks) < _COMPUTING or not all(tick.isdecimal() for tick in ticks[:_COMPUTING]):
        return Missing(f"not understood: {STAT}: {text[:40]!r}")
    return sum(map(int, ticks[:_COMPUTING])) * 1_000_000_000 // (ticks_per_s or os.sysconf("SC_CLK_TCK"))


def own_ns() -> int:
    """Return the CPU time of this process and of the children it has waited for."""
    times = os.times()
    return round((times.user + times.system + times.children_user + times.children_system) * 1e9)


class OtherPrograms:
    """The CPU time of other programs from its creation on.

    A child counts as this program's own once it has been waited for: create it before the child starts, and ask after
    it has ended.
    """

    def __init__(self, fs: HostFs) -> None:
        self._fs = fs
        self._busy_ns, self._own_ns, self._at_ns = busy_ns(fs), own_ns(), time.perf_counter_ns()

    def cpus(self) -> float | None:
        """Return how many CPUs other programs used on average, None where nothing or no tick tells it."""
        busy, window_ns = busy_ns(self._fs), time.perf_counter_ns() - self._at_ns
        if isinstance(busy, Missing) or isinstance(self._busy_ns, Missing) or window_ns < _SHORTEST_NS:
            return None
        return max(0.0, (busy - self._busy_ns - (own_ns() - self._own_ns)) / window_ns)
