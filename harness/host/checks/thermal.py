"""Heat: how warm the chip is, what cools it by slowing it down, and whether it has throttled."""

from __future__ import annotations

from fnmatch import fnmatchcase
from posixpath import basename

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.target import Target, Thermal
from harness.core.verdict import Finding
from harness.host.hardware import throttled_bits
from harness.host.thermal import processor_temperature

from . import Check

_TRIP_MARGIN_C = 15.0
_ALWAYS_COOL_C = 60.0
"""The lowest throttling temperature of all boards (the soft limit of a Raspberry Pi 3B+): none throttles below."""

_SLOWING_DEVICES = ("*throttle-alert", "Processor", "cpufreq-*", "thermal-cpufreq-*", "devfreq-*", "thermal-devfreq-*",
                    "intel_powerclamp", "thermal-idle-*", "cpuidle-*")  # fmt: skip
"""Types of cooling devices that slow the processor down; a fan is none of them."""

_IDLE_IS_NEGATIVE = "intel_powerclamp"
"""It reports -1 while it is idle."""

_THROTTLE_BITS = {1: "ARM clock capped", 2: "throttled", 3: "soft temperature limit"}
"""Bits of get_throttled that hold now; 16 higher, the same since boot. Bits 0 and 16 are the check 'under_voltage'."""

_THROTTLE_REMEDY = "better cooling or supply; compare with the same finding after the run"


def inspect_temperature(fs: HostFs, thermal: Thermal | None = None) -> Finding:
    """Warn within 15 degrees of where the processor throttles, fail at it.

    Args:
        fs: The machine.
        thermal: The descriptor's zones and throttling temperature, where the board is known.
    """
    now = processor_temperature(fs, thermal.zones if thermal else ())
    if isinstance(now, Missing):
        return Finding("temperature", "unknown", now.reason)
    sensor, trip_c = now.hottest, thermal.throttle_c if thermal else None
    if trip_c is None and (nearest := now.nearest_to_trip):
        sensor, trip_c = nearest, nearest.trip_c
    found = now.describe(sensor)
    if trip_c is None:
        found += ", and where it throttles is not known"
        return Finding("temperature", "ok" if sensor.temperature_c < _ALWAYS_COOL_C else "unknown", found)
    found += f", throttles at {trip_c:.0f} C"
    if sensor.temperature_c >= trip_c:
        return Finding("temperature", "fail", found, "let it cool, better cooling")
    if sensor.temperature_c >= trip_c - _TRIP_MARGIN_C:
        return Finding("temperature", "warn", found, "let it cool before measuring")
    return Finding("temperature", "ok", found)


def _inspect_temperature_of(fs: HostFs, target: Target) -> Finding:
    return inspect_temperature(fs, target.thermal)


def inspect_cooling(fs: HostFs) -> Finding:
    """Fail while a thermal cooling device slows the processor down."""
    n_devices = 0
    active: list[str] = []
    unread: list[str] = []
    for name in fs.glob("/sys/class/thermal/cooling_device*/type"):
        kind = fs.read(name)
        if isinstance(kind, str) and any(fnmatchcase(kind, pattern) for pattern in _SLOWING_DEVICES):
            n_devices += 1
            state = fs.read_int(name.replace("/type", "/cur_state"))
            if isinstance(state, Missing):
                unread.append(f"{kind}: {state.reason}")
            elif state > 0:
                active.append(f"{kind} at {state}")
            elif state < 0 and kind != _IDLE_IS_NEGATIVE:
                unread.append(f"{kind}: impossible: its state is {state}")
    if active:
        return Finding("cooling", "fail", f"slowing down now: {', '.join(active)}", "let it cool, better cooling")
    if unread:
        return Finding("cooling", "unknown", "; ".join(unread))
    if n_devices:
        return Finding("cooling", "ok", f"none of {n_devices} active")
    return Finding("cooling", "unknown", "no cooling device of the processor is listed")


def inspect_throttled(fs: HostFs) -> Finding:
    """Fail while heat or power caps the clock, warn when it has since boot."""
    bits = throttled_bits(fs)
    now = [text for bit, text in _THROTTLE_BITS.items() if isinstance(bits, int) and bits >> bit & 1]
    if now:
        return Finding("throttled", "fail", f"now: {', '.join(now)}", _THROTTLE_REMEDY)
    past = [
        f"{text} (since boot)" for bit, text in _THROTTLE_BITS.items() if isinstance(bits, int) and bits >> bit + 16 & 1
    ]
    by_heat, by_current = _throttle_counts(fs), _over_current_counts(fs)
    past += [f"{name} {count} times since boot" for name, count in {**by_heat, **by_current}.items() if count]
    if past:
        return Finding("throttled", "warn", ", ".join(past), _THROTTLE_REMEDY)
    if isinstance(bits, int) or by_heat:
        return Finding("throttled", "ok", "never since boot")
    if by_current:
        return Finding("throttled", "unknown", "no over-current since boot; throttling by heat is not counted here")
    why = f" ({bits.reason})" if isinstance(bits, Missing) and not bits.reason.startswith("absent") else ""
    return Finding("throttled", "unknown", f"neither throttle bits nor counters on this machine{why}")


def _throttle_counts(fs: HostFs) -> dict[str, int]:
    """Return the highest count over the CPUs of each Intel counter by name; an impossible count is left out."""
    counts: dict[str, int] = {}
    for kind in ("core", "package"):
        files = fs.glob(f"/sys/devices/system/cpu/cpu*/thermal_throttle/{kind}_throttle_count")
        values = [value for name in files if isinstance(value := fs.read_int(name), int) and value >= 0]
        if values:
            counts[f"{kind} throttled"] = max(values)
    return counts


def _over_current_counts(fs: HostFs) -> dict[str, int]:
    """Return a Jetson's over-current events by alarm."""
    counts: dict[str, int] = {}
    for name in fs.glob("/sys/class/hwmon/hwmon*/oc*_event_cnt"):
        value = fs.read_int(name)
        if isinstance(value, int) and value >= 0:
            counts[f"over-current {basename(name).split('_')[0]}"] = value
    return counts


PLUGINS: tuple[Check, ...] = (
    Check("temperature", inspect_temperature, inspect_target=_inspect_temperature_of),
    Check("cooling", inspect_cooling),
    Check("throttled", inspect_throttled),
)
