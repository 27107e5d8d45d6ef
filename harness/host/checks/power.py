"""Power supply and power limits: a Jetson's power mode, battery or mains, under-voltage of a Raspberry Pi.

The store hashes what 'power_mode' finds into the environment of a run: its wording must not change.
"""

from __future__ import annotations

import re
from posixpath import basename, dirname

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.verdict import Finding
from harness.host.hardware import supply_ma, throttled_bits

from . import Check

_NVPMODEL_STATUS = "/var/lib/nvpmodel/status"
_NVPMODEL_CONF = "/etc/nvpmodel.conf"
_GPU_CLOCKS = ("*gpu*", "*.gv11b", "*.gp10b", "*.ga10b")

_SUPPLIES = "/sys/class/power_supply"
_BATTERIES = {"Battery", "UPS"}
_ON_MAINS = {"Charging", "Full", "Not charging"}
"""States of a battery that is not used. 'Unknown' is a state too."""

_WEAK_SUPPLY_REMEDY = "use the board's own supply and a short cable"
_PI5_SUPPLY_MA = 5000
"""With less, a Raspberry Pi 5 limits the current of its USB ports."""


def inspect_power_mode(fs: HostFs) -> Finding:
    """Warn while a Jetson's CPU clock may fall; ok when jetson_clocks keeps it at its maximum."""
    status = fs.read(_NVPMODEL_STATUS)
    if isinstance(status, Missing):
        return Finding("power_mode", "unknown", f"no nvpmodel here ({status.reason})")
    match = re.search(r"pmode:(\d+)", status)
    if not match:
        return Finding("power_mode", "unknown", f"not understood: {_NVPMODEL_STATUS}: '{status[:40]}'")
    names = _power_modes(fs)
    mode = int(match[1])
    others = ", ".join(f"{number} {name}" for number, name in sorted(names.items()) if number != mode)
    current = f"mode {mode} {names.get(mode, 'of unknown name')}" + (f" (others: {others})" if others else "")
    if _clocks_fixed(fs):
        return Finding("power_mode", "ok", f"{current}, clocks held at their maximum")
    return Finding("power_mode", "warn", f"{current}, clocks follow the load", "sudo jetson_clocks")


def _power_modes(fs: HostFs) -> dict[int, str]:
    """Return the names of the power modes by id; ids differ by board and JetPack version."""
    text = fs.read(_NVPMODEL_CONF)
    if isinstance(text, Missing):
        return {}
    modes = re.findall(r"<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+?)\s*>", text)
    return {int(number): name for number, name in modes}


def _clocks_fixed(fs: HostFs) -> bool:
    """Return whether the lowest clock of CPU and GPU is the highest, which is what `jetson_clocks` sets."""
    folders = [dirname(name) for name in fs.glob("/sys/devices/system/cpu/cpufreq/policy*/scaling_min_freq")]
    limits = [(fs.read_int(f"{each}/scaling_min_freq"), fs.read_int(f"{each}/scaling_max_freq")) for each in folders]
    gpus = [dirname(name) for pattern in _GPU_CLOCKS for name in fs.glob(f"/sys/class/devfreq/{pattern}/min_freq")]
    limits += [(fs.read_int(f"{each}/min_freq"), fs.read_int(f"{each}/max_freq")) for each in gpus]
    return bool(folders) and all(isinstance(low, int) and 0 < low == high for low, high in limits)


def inspect_power_supply(fs: HostFs) -> Finding:
    """Warn while a battery of the system discharges: many machines cap their clocks then."""
    if not fs.exists(_SUPPLIES):
        return Finding("power_supply", "unknown", f"absent: {_SUPPLIES}")
    types = {dirname(name): fs.read(name) for name in fs.glob(f"{_SUPPLIES}/*/type")}
    # scope 'Device' is the battery of a mouse or keyboard
    batteries = [s for s, kind in types.items() if kind in _BATTERIES and fs.read(f"{s}/scope") != "Device"]
    unread = [kind.reason for kind in types.values() if isinstance(kind, Missing)]
    if not batteries:
        return Finding("power_supply", *(("unknown", unread[0]) if unread else ("ok", "no battery")))
    states = {battery: fs.read(f"{battery}/status") for battery in batteries}
    discharging = next((battery for battery, state in states.items() if state == "Discharging"), None)
    if discharging is not None:
        capacity = fs.read(f"{discharging}/capacity")
        charge = f" at {capacity} %" if isinstance(capacity, str) and re.fullmatch(r"100|\d{1,2}", capacity) else ""
        return Finding("power_supply", "warn", f"on battery{charge}", "plug in the power supply")
    plugged = any(kind not in _BATTERIES and fs.read(f"{supply}/online") == "1" for supply, kind in types.items())
    if plugged or set(states.values()) <= _ON_MAINS:
        return Finding("power_supply", "ok", "mains, with a battery")
    shown = ", ".join(f"{basename(battery)}: {_shown(state)}" for battery, state in states.items())
    return Finding("power_supply", "unknown", f"whether the battery discharges ({shown})")


def _shown(state: str | Missing) -> str:
    return state.reason if isinstance(state, Missing) else f"'{state}'"


def inspect_under_voltage(fs: HostFs) -> Finding:
    """Fail while a Raspberry Pi's 5 V is low (it caps its clock), warn when it was since boot or the supply is weak."""
    bits = throttled_bits(fs)
    alarm = _voltage_alarm(fs)
    if alarm == "1" or (isinstance(bits, int) and bits & 1):
        return Finding("under_voltage", "fail", "under-voltage now", _WEAK_SUPPLY_REMEDY)
    if isinstance(bits, Missing):
        what = "not now, but since boot is not known" if alarm == "0" else "no Raspberry Pi's firmware can be asked"
        return Finding("under_voltage", "unknown", f"{what} ({bits.reason})")
    if bits >> 16 & 1:
        return Finding("under_voltage", "warn", "under-voltage since boot", _WEAK_SUPPLY_REMEDY)
    rating_ma = supply_ma(fs)
    if isinstance(rating_ma, int) and rating_ma < _PI5_SUPPLY_MA:
        found = f"none, but the supply offers only {rating_ma} mA"
        return Finding("under_voltage", "warn", found, _WEAK_SUPPLY_REMEDY)
    supply = f", the supply offers {rating_ma} mA" if isinstance(rating_ma, int) else ""
    return Finding("under_voltage", "ok", f"none{supply}")


def _voltage_alarm(fs: HostFs) -> str:
    """Return the kernel's alarm for the 5 V of a Raspberry Pi, '0' or '1', '' where there is none."""
    for name in fs.glob("/sys/class/hwmon/hwmon*/in0_lcrit_alarm"):
        alarm = fs.read(name)
        if fs.read(f"{dirname(name)}/name") == "rpi_volt" and isinstance(alarm, str):
            return alarm
    return ""


PLUGINS: tuple[Check, ...] = (
    Check("power_mode", inspect_power_mode),
    Check("power_supply", inspect_power_supply),
    Check("under_voltage", inspect_under_voltage),
)
