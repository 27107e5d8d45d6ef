"""Checks of temperature, cooling devices and throttling."""

from __future__ import annotations

from fnmatch import fnmatchcase

from harness.core.hostfs import HostFs
from harness.core.verdict import Finding
from harness.host.hardware import throttled_bits
from harness.host.thermal import hottest_zone

from . import Check

_MARGIN_C = 15.0


def inspect_temperature(fs: HostFs) -> Finding:
    """Warn within 15 degrees of the zone's lowest throttling trip point, fail at it."""
    zone = hottest_zone(fs)
    if zone is None:
        return Finding("temperature", "unknown", "no temperature of the processor can be read")
    found = f"{zone.name} {zone.temperature_c:.1f} C"
    if zone.trip_c is None:
        return Finding("temperature", "ok", found)
    found += f", throttles at {zone.trip_c:.0f} C"
    if zone.temperature_c >= zone.trip_c:
        return Finding("temperature", "fail", found, "let it cool, better cooling")
    if zone.temperature_c >= zone.trip_c - _MARGIN_C:
        return Finding("temperature", "warn", found, "let it cool before measuring")
    return Finding("temperature", "ok", found)


_SLOWING = ("*throttle-alert", "Processor", "cpufreq-*", "thermal-cpufreq-*", "devfreq-*", "thermal-devfreq-*",
            "intel_powerclamp", "thermal-idle-*", "cpuidle-*")  # fmt: skip


def inspect_cooling(fs: HostFs) -> Finding:
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


# Bits of get_throttled (under-voltage, bits 0 and 16, is a check of its own); 16 higher: has occurred since boot.
_BITS = {1: "ARM clock capped", 2: "throttled", 3: "soft temperature limit"}
_REMEDY = "better cooling or supply; compare with the same finding after the run"


def inspect_throttled(fs: HostFs) -> Finding:
    """Fail when throttled now, warn when it has happened since boot."""
    bits = throttled_bits(fs)
    now = [word for bit, word in _BITS.items() if isinstance(bits, int) and bits >> bit & 1]
    if now:
        return Finding("throttled", "fail", f"now: {', '.join(now)}", _REMEDY)
    past = [f"{word} (since boot)" for bit, word in _BITS.items() if isinstance(bits, int) and bits >> bit + 16 & 1]
    counts = _counts(fs)
    past += [f"{name} {count} times since boot" for name, count in counts.items() if count]
    if past:
        return Finding("throttled", "warn", ", ".join(past), _REMEDY)
    if isinstance(bits, int) or counts:
        return Finding("throttled", "ok", "never since boot")
    return Finding("throttled", "unknown", "neither throttle bits nor counters on this machine")


def _counts(fs: HostFs) -> dict[str, int]:
    """Highest count over the CPUs of each Intel counter, and the Jetson's over-current events, by name."""
    counts: dict[str, int] = {}
    for kind in ("core", "package"):
        files = fs.glob(f"/sys/devices/system/cpu/cpu*/thermal_throttle/{kind}_throttle_count")
        values = [fs.read_int(name) for name in files]
        good = [value for value in values if isinstance(value, int)]
        if good:
            counts[f"{kind} throttled"] = max(good)
    for name in fs.glob("/sys/class/hwmon/hwmon*/oc*_event_cnt"):
        value = fs.read_int(name)
        if isinstance(value, int):
            counts[f"over-current {name.rsplit('/', 1)[1].split('_')[0]}"] = value
    return counts


PLUGINS: tuple[Check, ...] = (
    Check("cooling", inspect_cooling),
    Check("temperature", inspect_temperature),
    Check("throttled", inspect_throttled),
)
