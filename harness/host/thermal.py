"""Find the hottest thermal zone of the processor, and wait until it has cooled down."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from harness.core.hostfs import HostFs
from harness.core.verdict import Finding

_THROTTLING_TRIPS = {"passive", "hot"}  # at 'critical' the machine switches off
_CPU_CHIPS = {"coretemp", "k10temp", "zenpower", "cpu_thermal", "soc_thermal"}
_CPU_ZONES = ("cpu", "soc", "x86_pkg_temp", "gpu", "tj", "TCPU", "package")
_POLL_S = 2.0
_SETTLED_S = 30.0
_SETTLED_C = 0.5
"""A chip that is not half a degree cooler than half a minute ago has reached its idle temperature."""


@dataclass(frozen=True)
class ThermalZone:
    """A thermal zone.

    Attributes:
        name: Type of the zone, or the chip's name.
        temperature_c: Temperature in degrees Celsius.
        trip_c: Lowest trip point in degrees Celsius at which the chip throttles, None where it has none.
    """

    name: str
    temperature_c: float
    trip_c: float | None


def hottest_zone(fs: HostFs) -> ThermalZone | None:
    """Return the hottest readable zone of the processor, else its hwmon sensor, else None.

    Zones of radios, drives and batteries are ignored, unless no zone has a processor's name.
    """
    zones = [zone for name in fs.glob("/sys/class/thermal/thermal_zone*") if (zone := _zone(fs, name))]
    zones = [zone for zone in zones if zone.name.startswith(_CPU_ZONES)] or zones
    zones = zones or [zone for name in fs.glob("/sys/class/hwmon/hwmon*/temp1_input") if (zone := _chip(fs, name))]
    return max(zones, key=lambda zone: zone.temperature_c, default=None)


def wait_until_cool(
    fs: HostFs, limit_c: float, timeout_s: float = 300.0, sleep: Callable[[float], None] = time.sleep
) -> Finding:
    """Wait until the hottest zone is at or below `limit_c`, as long as it still gets cooler.

    Args:
        fs: The machine.
        limit_c: Temperature in degrees Celsius to wait for.
        timeout_s: Longest time to wait.
        sleep: Sleeps so many seconds.

    Returns:
        'ok' when the limit is reached, 'warn' when it is not, 'unknown' when no temperature can be read.
    """
    waited_s, coolest_c, coolest_at_s = 0.0, math.inf, 0.0
    while True:
        zone = hottest_zone(fs)
        if zone is None:
            return Finding("cool_down", "unknown", "no temperature of the processor can be read")
        found = f"{zone.name} {zone.temperature_c:.1f} C after {waited_s:.0f} s, limit {limit_c:.0f} C"
        if zone.temperature_c <= limit_c:
            return Finding("cool_down", "ok", found)
        if zone.temperature_c <= coolest_c - _SETTLED_C:
            coolest_c, coolest_at_s = zone.temperature_c, waited_s
        if waited_s >= min(timeout_s, coolest_at_s + _SETTLED_S):
            return Finding("cool_down", "warn", found, "better cooling, or a higher limits.start_temperature_c")
        sleep(_POLL_S)
        waited_s += _POLL_S


def _zone(fs: HostFs, folder: str) -> ThermalZone | None:
    temperature = fs.read_int(f"{folder}/temp")
    kind = fs.read(f"{folder}/type")
    if not isinstance(temperature, int):
        return None
    trips: list[int] = []
    for name in fs.glob(f"{folder}/trip_point_*_type"):
        trip = fs.read_int(name.replace("_type", "_temp"))
        if fs.read(name) in _THROTTLING_TRIPS and isinstance(trip, int) and trip > 0:
            trips.append(trip)
    return ThermalZone(
        kind if isinstance(kind, str) else folder, temperature / 1e3, min(trips) / 1e3 if trips else None
    )


def _chip(fs: HostFs, name: str) -> ThermalZone | None:
    temperature = fs.read_int(name)
    chip = fs.read(name.replace("temp1_input", "name"))
    limit = fs.read_int(name.replace("_input", "_max"))
    if not isinstance(temperature, int) or chip not in _CPU_CHIPS:
        return None
    return ThermalZone(str(chip), temperature / 1e3, limit / 1e3 if isinstance(limit, int) else None)
