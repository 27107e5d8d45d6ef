"""States of the thermal cooling devices: above 0, a '*-throttle-alert', 'Processor' or 'cpufreq-*' slows the chip."""

from __future__ import annotations

from collections.abc import Iterable

from harness.core.hostfs import HostFs
from harness.core.sensing import Channel, Sensor
from harness.sensors.base import SECOND_NS, FileSensor, Probe, folder_of, label_or, scaled


class Cooling(FileSensor):
    """'cooling/cpu-throttle-alert': the device's state, 0 when idle, once a second."""

    name = "cooling"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """One channel a device."""
        for file in fs.glob("/sys/class/thermal/cooling_device*/type"):
            channel = Channel(name=f"cooling/{label_or(fs, file, 'unnamed')}", unit="1", period_ns=SECOND_NS)
            yield scaled(channel, fs.open(f"{folder_of(file)}/cur_state"))

    def missing(self, fs: HostFs) -> str:
        """Usual in a virtual machine."""
        return "no cooling device in /sys/class/thermal"


PLUGINS: tuple[type[Sensor], ...] = (Cooling,)
