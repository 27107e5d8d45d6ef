"""Temperature and state of a PCIe Edge TPU; the USB model shows neither."""

from __future__ import annotations

from collections.abc import Iterable
from posixpath import basename

from harness.core.hardware.physical_limits import LIMITS, check
from harness.core.hostfs import HostFs, OpenFile
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Sensor
from harness.sensors.base import SECOND_NS, FileSensor, Probe, scaled

_RESOLUTION_C = 0.25
_PERIOD_NS = 5 * SECOND_NS  # the driver's temp_poll_interval


class Apex(FileSensor):
    """PCIe Edge TPUs: 'apex/apex_0/temperature' in degrees Celsius, '/over-trip' 0 or 1, '/alive' 0 or 1.

    There is no throttle counter. From the first trip point on, the driver halves the clock: 'over-trip' infers that.
    """

    name = "apex"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """Yield three channels per device."""
        for folder in fs.glob("/sys/class/apex/apex_*"):
            stem = f"apex/{basename(folder)}"
            channel = Channel(f"{stem}/temperature", "degC", period_ns=_PERIOD_NS, resolution=_RESOLUTION_C)
            yield scaled(channel, fs.open(f"{folder}/temp"), divide=1000)
            yield _over_trip(f"{stem}/over-trip", fs.open(f"{folder}/temp"), fs.open(f"{folder}/trip_point0_temp"))
            yield _alive(f"{stem}/alive", fs.open(f"{folder}/status"))

    def missing(self, fs: HostFs) -> str:
        """Return the reason without a device."""
        return "no device in /sys/class/apex: no PCIe Edge TPU, or its driver (gasket-dkms) is not loaded"


def _over_trip(name: str, temperature: OpenFile, trip: OpenFile) -> Probe:
    def value() -> float | Missing:
        now, limit = _degrees(temperature), _degrees(trip)
        if isinstance(now, Missing):
            return now
        return limit if isinstance(limit, Missing) else float(now >= limit)

    return Probe(Channel(name, "1", period_ns=_PERIOD_NS), value, (temperature, trip))


def _degrees(file: OpenFile) -> float | Missing:
    """Return a temperature in degrees Celsius; a device that has left the bus shows -89.7 C."""
    value = file.read_int()
    return value if isinstance(value, Missing) else check(LIMITS["degC"], value / 1000, "degC", file.name)


def _alive(name: str, status: OpenFile) -> Probe:
    def value() -> float | Missing:
        text = status.read()
        return text if isinstance(text, Missing) else float(text == "ALIVE")

    return Probe(Channel(name, "1", period_ns=_PERIOD_NS), value, (status,))


PLUGINS: tuple[type[Sensor], ...] = (Apex,)
