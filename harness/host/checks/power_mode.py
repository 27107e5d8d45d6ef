"""Jetson power mode (nvpmodel) and whether jetson_clocks holds the clocks up. Names come from /etc/nvpmodel.conf."""

from __future__ import annotations

import re

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.verdict import Finding

_STATUS = "/var/lib/nvpmodel/status"
_CONF = "/etc/nvpmodel.conf"


def inspect(fs: HostFs) -> Finding:
    """Ok when the CPU clock is held at its maximum; warn when it may fall. Unknown off a Jetson."""
    status = fs.read(_STATUS)
    if isinstance(status, Missing):
        return Finding("power_mode", "unknown", f"no nvpmodel here ({status.reason})")
    found = re.search(r"pmode:(\d+)", status)
    if not found:
        return Finding("power_mode", "unknown", f"not understood: {_STATUS}: '{status[:40]}'")
    names = modes(fs)
    mode = int(found[1])
    others = ", ".join(f"{number} {name}" for number, name in sorted(names.items()) if number != mode)
    told = f"mode {mode} {names.get(mode, 'of unknown name')}" + (f" (others: {others})" if others else "")
    if _clocks_held(fs):
        return Finding("power_mode", "ok", f"{told}, clocks held at their maximum")
    return Finding("power_mode", "warn", f"{told}, clocks follow the load", "sudo jetson_clocks")


def modes(fs: HostFs) -> dict[int, str]:
    """Power modes by id: ids differ by board and JetPack."""
    text = fs.read(_CONF)
    if isinstance(text, Missing):
        return {}
    found = re.findall(r"<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+?)\s*>", text)
    return {int(number): name for number, name in found}


def _clocks_held(fs: HostFs) -> bool:
    """What `jetson_clocks` does to cpufreq: the lowest clock allowed is the highest."""
    folders = [name.rsplit("/", 1)[0] for name in fs.glob("/sys/devices/system/cpu/cpufreq/policy*/scaling_min_freq")]
    pairs = [(fs.read_int(f"{each}/scaling_min_freq"), fs.read_int(f"{each}/scaling_max_freq")) for each in folders]
    return bool(pairs) and all(isinstance(low, int) and low == high for low, high in pairs)
