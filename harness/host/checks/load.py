"""Other programs: pressure stall information where the kernel has it, else the load average."""

from __future__ import annotations

import re

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.verdict import Finding
from harness.host import hardware

# Shares of the last ten seconds in which some task waited for a CPU. A run notices a few per cent.
_WARN_PERCENT, _FAIL_PERCENT = 5.0, 50.0
_WARN_LOAD_PER_CORE = 0.5
_REMEDY = "stop other programs: `top` shows which; then wait ten seconds"


def inspect(fs: HostFs) -> Finding:
    """Ok when tasks hardly wait for a CPU."""
    pressure = _cpu_pressure(fs)
    load = _load_per_core(fs)
    told = "" if isinstance(load, Missing) else f"load average {load:.2f} a core"
    if isinstance(pressure, Missing):
        if isinstance(load, Missing):
            return Finding("load", "unknown", f"{pressure.reason}; {load.reason}")
        return Finding("load", "ok", told) if load <= _WARN_LOAD_PER_CORE else Finding("load", "warn", told, _REMEDY)
    found = f"tasks waited for a CPU {pressure:.1f} % of the last 10 s" + (f", {told}" if told else "")
    if pressure < _WARN_PERCENT:
        return Finding("load", "ok", found)
    return Finding("load", "fail" if pressure >= _FAIL_PERCENT else "warn", found, _REMEDY)


def _cpu_pressure(fs: HostFs) -> float | Missing:
    """'some avg10' of /proc/pressure/cpu, in per cent."""
    text = fs.read("/proc/pressure/cpu")
    if isinstance(text, Missing):
        return text
    found = re.search(r"^some avg10=(\d+\.?\d*)", text, re.MULTILINE)
    return float(found[1]) if found else Missing(f"not understood: /proc/pressure/cpu: {text[:60]!r}")


def _load_per_core(fs: HostFs) -> float | Missing:
    text = fs.read("/proc/loadavg")
    cpu = hardware.cpu(fs)
    if isinstance(text, Missing):
        return text
    if isinstance(cpu, Missing):
        return cpu
    found = re.match(r"\d+\.?\d*", text)
    return float(found[0]) / cpu.cores if found else Missing(f"not understood: /proc/loadavg: {text[:60]!r}")
