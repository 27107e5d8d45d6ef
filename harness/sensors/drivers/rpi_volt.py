"""A Raspberry Pi's under-voltage alarm in hwmon. Its driver polls every 2 s and clears the firmware's sticky bits."""

from __future__ import annotations

from collections.abc import Iterable

from harness.core.hostfs import HostFs
from harness.core.sensing import Channel, Sensor
from harness.sensors.base import SECOND_NS, FileSensor, Probe, hwmon_chips, scaled


class RpiVolt(FileSensor):
    """'rpi-volt/under-voltage': 1 while 5 V is too low, every two seconds."""

    name = "rpi-volt"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """At most one channel."""
        for folder, chip in hwmon_chips(fs):
            if chip == "rpi_volt":
                channel = Channel(name="rpi-volt/under-voltage", unit="1", period_ns=2 * SECOND_NS)
                yield scaled(channel, fs.open(f"{folder}/in0_lcrit_alarm"))

    def missing(self, fs: HostFs) -> str:
        """Off a Raspberry Pi."""
        return "no chip called rpi_volt in /sys/class/hwmon"


PLUGINS: tuple[type[Sensor], ...] = (RpiVolt,)
