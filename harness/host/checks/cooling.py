"""Thermal cooling devices that slow the processor down right now (a fan that turns is none of these)."""

from __future__ import annotations

from fnmatch import fnmatchcase

from harness.core.hostfs import HostFs
from harness.core.verdict import Finding

_SLOWING = ("*throttle-alert", "Processor", "cpufreq-*", "thermal-cpufreq-*", "devfreq-*", "thermal-devfreq-*",
            "intel_powerclamp", "thermal-idle-*", "cpuidle-*")  # fmt: skip


def inspect(fs: HostFs) -> Finding:
    """Fail when one is active."""
    seen = 0
    active: list[str] = []
    for name in fs.glob("/sys/class/thermal/cooling_device*/type"):
        kind, state = fs.read(name), fs.read_int(name.replace("/type", "/cur_state"))
        if isinstance(kind, str) and any(fnmatchcase(kind, pattern) for pattern in _SLOWING) and isinstance(state, int):
            seen += 1
            # intel_powerclamp reports -1 while it is idle
            active += [f"{kind} at {state}"] if state > 0 else []
    if active:
        return Finding("cooling", "fail", f"slowing down now: {', '.join(active)}", "let it cool, better cooling")
    if seen:
        return Finding("cooling", "ok", f"none of {seen} active")
    return Finding("cooling", "unknown", "no cooling device of the processor is listed")
