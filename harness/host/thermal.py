"""The processor's temperature: which sensors show it, how warm they are, and waiting until it has cooled down."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from posixpath import dirname

from harness.core.hardware.physical_limits import LIMITS, check
from harness.core.hardware.processor_temperature import hwmon_files, processor_channels, zone_files
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.sensing import unique_names
from harness.core.verdict import Finding

_THROTTLING_TRIPS = {"passive", "hot"}  # at 'critical' the machine switches off
_THROTTLES_AT_CRIT = {"coretemp"}
"""Drivers whose temp*_crit is where the chip itself throttles (Intel's TjMax).

No other limit of hwmon counts: temp*_max is where fans run at full speed, and k10temp's is a constant 70 C.
"""

_LOWEST_TRIP_C = 40.0
"""No processor throttles below: it would in a warm room."""

_POLL_S = 2.0
_SETTLED_S = 30.0
_SETTLED_C = 0.5
"""A chip that is not half a degree cooler than half a minute ago has reached its idle temperature."""


@dataclass(frozen=True)
class DieSensor:
    """A temperature sensor of the processor.

    Attributes:
        channel: Name of its channel, as `edgebench sensors` prints it.
        temperature_c: Temperature in degrees Celsius, possible for silicon.
        trip_c: Lowest temperature in degrees Celsius at which the chip throttles, None where the sensor names none.
    """

    channel: str
    temperature_c: float
    trip_c: float | None


@dataclass(frozen=True)
class ProcessorTemperature:
    """All readable temperatures of the processor, the hottest first.

    Attributes:
        sensors: The sensors, at least one.
    """

    sensors: tuple[DieSensor, ...]

    @property
    def hottest(self) -> DieSensor:
        """The sensor whose temperature is the processor's."""
        return self.sensors[0]

    @property
    def nearest_to_trip(self) -> DieSensor | None:
        """The sensor with the least distance to its own throttling temperature; None where no sensor names one."""
        limited = [(sensor.trip_c - sensor.temperature_c, sensor) for sensor in self.sensors if sensor.trip_c]
        return min(limited, key=lambda pair: pair[0])[1] if limited else None

    def describe(self, sensor: DieSensor) -> str:
        """Return a sensor's name and temperature, and how many sensors of the processor there are."""
        others = f" (of {len(self.sensors)} sensors of the processor)" if len(self.sensors) > 1 else ""
        return f"{sensor.channel} {sensor.temperature_c:.1f} C{others}"


def processor_temperature(fs: HostFs, patterns: Sequence[str] = ()) -> ProcessorTemperature | Missing:
    """Return the processor's temperature.

    Args:
        fs: The machine.
        patterns: Names of the processor's temperatures by the board's descriptor; they go before the known names.

    Returns:
        The readable sensors, hottest first; Missing with the reasons of those that cannot be read, or with the names of
        the sensors that are not the processor's.
    """
    files = (*zone_files(fs), *hwmon_files(fs))
    present = dict(zip(unique_names(name for name, _ in files), (file for _, file in files), strict=True))
    readings: list[DieSensor | Missing] = []
    for chosen in (patterns, ()):
        readings = [_read(fs, name, present[name]) for name in processor_channels(present, chosen)]
        readable = [sensor for sensor in readings if isinstance(sensor, DieSensor)]
        if readable:
            return ProcessorTemperature(tuple(sorted(readable, key=lambda sensor: -sensor.temperature_c)))
    reasons = [reading.reason for reading in readings if isinstance(reading, Missing)]
    others = f" (not the processor's: {', '.join(present)})" if present and not reasons else ""
    return Missing("no temperature of the processor can be read" + (f": {'; '.join(reasons)}" if reasons else others))


def wait_until_cool(
    fs: HostFs,
    limit_c: float,
    timeout_s: float = 300.0,
    sleep: Callable[[float], None] = time.sleep,
    patterns: Sequence[str] = (),
) -> Finding:
    """Wait until the processor is at or below `limit_c`, as long as it still gets cooler.

    Args:
        fs: The machine.
        limit_c: Temperature in degrees Celsius to wait for.
        timeout_s: Longest time to wait.
        sleep: Sleeps so many seconds.
        patterns: Names of the processor's temperatures by the board's descriptor.

    Returns:
        'ok' when the limit is reached, 'warn' when it is not, 'unknown' when no temperature can be read.
    """
    waited_s, coolest_c, coolest_at_s = 0.0, math.inf, 0.0
    while True:
        now = processor_temperature(fs, patterns)
        if isinstance(now, Missing):
            return Finding("cool_down", "unknown", now.reason)
        hottest_c = now.hottest.temperature_c
        found = f"{now.describe(now.hottest)} after {waited_s:.0f} s, limit {limit_c:.0f} C"
        if hottest_c <= limit_c:
            return Finding("cool_down", "ok", found)
        if hottest_c <= coolest_c - _SETTLED_C:
            coolest_c, coolest_at_s = hottest_c, waited_s
        if waited_s >= min(timeout_s, coolest_at_s + _SETTLED_S):
            return Finding("cool_down", "warn", found, "better cooling, or a higher limits.start_temperature_c")
        sleep(_POLL_S)
        waited_s += _POLL_S


def _read(fs: HostFs, channel: str, file: str) -> DieSensor | Missing:
    millidegrees = fs.read_int(file)
    if isinstance(millidegrees, Missing):
        return millidegrees
    temperature_c = check(LIMITS["degC"], millidegrees / 1000, "degC", channel)
    if isinstance(temperature_c, Missing):
        return temperature_c
    trips = _zone_trips(fs, dirname(file)) if channel.startswith("thermal/") else _chip_trips(fs, channel, file)
    possible = [trip for trip in trips if _LOWEST_TRIP_C <= trip <= LIMITS["degC"].high]
    return DieSensor(channel, temperature_c, min(possible, default=None))


def _zone_trips(fs: HostFs, folder: str) -> Iterator[float]:
    for name in fs.glob(f"{folder}/trip_point_*_type"):
        trip = fs.read_int(name.replace("_type", "_temp"))
        if fs.read(name) in _THROTTLING_TRIPS and isinstance(trip, int):
            yield trip / 1000


def _chip_trips(fs: HostFs, channel: str, file: str) -> Iterator[float]:
    trip = fs.read_int(file.removesuffix("_input") + "_crit")
    if channel.split("/")[1] in _THROTTLES_AT_CRIT and isinstance(trip, int):
        yield trip / 1000
