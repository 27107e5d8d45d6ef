"""Thermal zones, by their type. Numbers change between boots: never used.

A Jetson's 'cv*' zones are gated while unused and answer EAGAIN: 'unavailable', not 0.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.core.hostfs import HostFs
from harness.core.sensing import Channel, Sensor
from harness.sensors.base import SECOND_NS, FileSensor, Probe, folder_of, label_or, scaled


class Thermal(FileSensor):
    """'thermal/cpu-thermal' in degrees Celsius, once a second."""

    name = "thermal"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """One channel a zone, found by its type, so that one without a readable temp is listed with the reason."""
        for file in fs.glob("/sys/class/thermal/thermal_zone*/type"):
            channel = Channel(name=f"thermal/{label_or(fs, file, 'unnamed')}", unit="degC", period_ns=SECOND_NS)
            yield scaled(channel, fs.open(f"{folder_of(file)}/temp"), divide=1000)

    def missing(self, fs: HostFs) -> str:
        """Usual in a virtual machine."""
        return "no zone in /sys/class/thermal"


PLUGINS: tuple[type[Sensor], ...] = (Thermal,)
