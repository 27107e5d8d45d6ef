"""The clock that times everything: its source must be the CPU's own counter, read without a system call."""

from __future__ import annotations

import time

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.verdict import Finding

_SOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
_GOOD = {"tsc", "arch_sys_counter", "kvm-clock", "hyperv_clocksource_tsc_page"}


def inspect(fs: HostFs) -> Finding:
    """Warn when reading the clock needs a slow device (hpet, acpi_pm): each reading then costs a microsecond."""
    source = fs.read(_SOURCE)
    resolution_ns = time.get_clock_info("perf_counter").resolution * 1e9
    told = f", resolution {resolution_ns:.0f} ns" if fs.live else ""
    if isinstance(source, Missing):
        return Finding("timer", "unknown", source.reason + told)
    if source in _GOOD:
        return Finding("timer", "ok", source + told)
    remedy = f"echo tsc | sudo tee {_SOURCE}, where tsc is among available_clocksource"
    return Finding("timer", "warn", f"{source} is slow to read{told}", remedy)
