"""The CPU frequency governor: any but 'performance' lets the clock follow the load, and latency with it."""

from __future__ import annotations

from collections.abc import Iterable

from harness.core.hostfs import HostFs
from harness.core.verdict import Finding

from . import Change

_POLICIES = "/sys/devices/system/cpu/cpufreq/policy*"
_WANTED = "performance"


def inspect(fs: HostFs) -> Finding:
    """Ok when every policy is on 'performance'."""
    names = [fs.read(name) for name in fs.glob(f"{_POLICIES}/scaling_governor")]
    found = sorted({name for name in names if isinstance(name, str) and name})
    if not found:
        return Finding("governor", "unknown", "no cpufreq policy: the clock is not this system's to set")
    if found == [_WANTED]:
        return Finding("governor", "ok", _WANTED)
    remedy = f"echo {_WANTED} | sudo tee {_POLICIES}/scaling_governor"
    return Finding("governor", "warn", ", ".join(found), remedy)


def tune(fs: HostFs) -> Iterable[Change]:
    """'performance' for every policy that offers it."""
    for name in fs.glob(f"{_POLICIES}/scaling_governor"):
        offered = fs.read(name.replace("scaling_governor", "scaling_available_governors"))
        if isinstance(offered, str) and _WANTED in offered.split() and fs.read(name) != _WANTED:
            yield Change(name, _WANTED)
