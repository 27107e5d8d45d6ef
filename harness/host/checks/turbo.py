"""Turbo or boost: clocks above the nominal one, which last only as long as the chip stays cool."""

from __future__ import annotations

from collections.abc import Iterable

from harness.core.hostfs import HostFs
from harness.core.verdict import Finding

from . import Change

# file: (value that turns turbo off)
_SWITCHES = {
    "/sys/devices/system/cpu/intel_pstate/no_turbo": "1",
    "/sys/devices/system/cpu/cpufreq/boost": "0",
}


def inspect(fs: HostFs) -> Finding:
    """Ok when turbo is off."""
    for name, off in _SWITCHES.items():
        now = fs.read(name)
        if now in {"0", "1"}:
            if now == off:
                return Finding("turbo", "ok", "off")
            return Finding("turbo", "warn", "on: the clock depends on the temperature", f"echo {off} | sudo tee {name}")
    return Finding("turbo", "unknown", "no turbo switch here")


def tune(fs: HostFs) -> Iterable[Change]:
    """Off, where there is a switch and it is on."""
    for name, off in _SWITCHES.items():
        if fs.read(name) in {"0", "1"} and fs.read(name) != off:
            yield Change(name, off)
