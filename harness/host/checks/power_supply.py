"""Battery or mains: on battery many machines cap their clocks."""

from __future__ import annotations

from harness.core.hostfs import HostFs
from harness.core.verdict import Finding


def inspect(fs: HostFs) -> Finding:
    """Warn while a battery of the system discharges."""
    supplies = [name.rsplit("/", 1)[0] for name in fs.glob("/sys/class/power_supply/*/type")]
    # scope 'Device' is a mouse's or keyboard's battery
    batteries = [s for s in supplies if fs.read(f"{s}/type") == "Battery" and fs.read(f"{s}/scope") != "Device"]
    if not batteries:
        return Finding("power_supply", "ok", "no battery")
    draining = [battery for battery in batteries if fs.read(f"{battery}/status") == "Discharging"]
    if not draining:
        return Finding("power_supply", "ok", "mains, with a battery")
    level = fs.read(f"{draining[0]}/capacity")
    left = f" at {level} %" if isinstance(level, str) else ""
    return Finding("power_supply", "warn", f"on battery{left}", "plug in the power supply")
