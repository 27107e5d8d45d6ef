"""Temperatures in hwmon, by chip and label. Numbers change between boots: never used."""

from __future__ import annotations

from collections.abc import Iterable

from harness.core.hostfs import HostFs
from harness.core.sensing import Channel, Sensor
from harness.sensors.base import SECOND_NS, FileSensor, Probe, base_of, folder_of, label_or, scaled


class Hwmon(FileSensor):
    """'hwmon/coretemp/Package id 0' in degrees Celsius, once a second; an input without a label is 'temp1'."""

    name = "hwmon"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """One channel a temperature input."""
        for file in fs.glob("/sys/class/hwmon/hwmon*/temp*_input"):
            folder, stem = folder_of(file), base_of(file).removesuffix("_input")
            chip = label_or(fs, f"{folder}/name", "unnamed")
            label = label_or(fs, f"{folder}/{stem}_label", stem)
            channel = Channel(name=f"hwmon/{chip}/{label}", unit="degC", period_ns=SECOND_NS)
            yield scaled(channel, fs.open(file), divide=1000)

    def missing(self, fs: HostFs) -> str:
        """Usual in a virtual machine."""
        return "no temperature in /sys/class/hwmon"


PLUGINS: tuple[type[Sensor], ...] = (Hwmon,)
