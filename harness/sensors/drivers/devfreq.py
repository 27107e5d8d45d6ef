"""Clocks of devices other than the CPU, by devfreq: a Jetson's GPU is the one that matters."""

from __future__ import annotations

from collections.abc import Iterable

from harness.core.hostfs import HostFs
from harness.core.sensing import Channel, Sensor
from harness.sensors.base import SECOND_NS, FileSensor, Probe, base_of, folder_of, scaled


class Devfreq(FileSensor):
    """'devfreq/17000000.gpu' in hertz, once a second."""

    name = "devfreq"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """One channel a device."""
        for file in fs.glob("/sys/class/devfreq/*/cur_freq"):
            channel = Channel(name=f"devfreq/{base_of(folder_of(file))}", unit="Hz", period_ns=SECOND_NS)
            yield scaled(channel, fs.open(file))

    def missing(self, fs: HostFs) -> str:
        """Most machines have none."""
        return "no device in /sys/class/devfreq"


PLUGINS: tuple[type[Sensor], ...] = (Devfreq,)
