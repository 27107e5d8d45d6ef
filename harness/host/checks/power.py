"""Checks of the power supply and the power mode."""

from __future__ import annotations

import re

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.verdict import Finding
from harness.host.hardware import supply_ma, throttled_bits

from . import Check

_STATUS = "/var/lib/nvpmodel/status"
_CONF = "/etc/nvpmodel.conf"


def inspect_power_mode(fs: HostFs) -> Finding:
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


def inspect_power_supply(fs: HostFs) -> Finding:
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


_REMEDY = "use the board's own supply and a short cable"
_PI5_SUPPLY_MA = 5000


def inspect_under_voltage(fs: HostFs) -> Finding:
    """Fail while the voltage is low, warn when it was since boot or the supply is rated below what the board asks."""
    bits = throttled_bits(fs)
    if not isinstance(bits, int):
        return Finding("under_voltage", "unknown", f"no Raspberry Pi firmware here ({bits.reason})")
    if bits & 1 or _alarm(fs):
        return Finding("under_voltage", "fail", "under-voltage now", _REMEDY)
    if bits >> 16 & 1:
        return Finding("under_voltage", "warn", "under-voltage since boot", _REMEDY)
    rating = supply_ma(fs)
    if isinstance(rating, int) and rating < _PI5_SUPPLY_MA:
        return Finding("under_voltage", "warn", f"none, but the supply offers only {rating} mA", _REMEDY)
    told = f", the supply offers {rating} mA" if isinstance(rating, int) else ""
    return Finding("under_voltage", "ok", f"none{told}")


def _alarm(fs: HostFs) -> bool:
    return any(fs.read(name) == "1" for name in fs.glob("/sys/class/hwmon/hwmon*/in0_lcrit_alarm"))


PLUGINS: tuple[Check, ...] = (
    Check("power_mode", inspect_power_mode),
    Check("power_supply", inspect_power_supply),
    Check("under_voltage", inspect_under_voltage),
)
