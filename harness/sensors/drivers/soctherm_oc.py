"""Over-current events of Jetson Orin and later: throttling for current does not show in the clocks, only here."""

from __future__ import annotations

from collections.abc import Iterable

from harness.core.hostfs import HostFs
from harness.core.sensing import Channel, Sensor
from harness.sensors.base import SECOND_NS, FileSensor, Probe, base_of, hwmon_chips, scaled


class SocthermOc(FileSensor):
    """'soctherm-oc/oc1' to 'oc3': events since boot, once a second."""

    name = "soctherm-oc"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """One counter an alarm."""
        for folder, chip in hwmon_chips(fs):
            if chip == "soctherm_oc":
                for count in fs.glob(f"{folder}/oc*_event_cnt"):
                    name = f"soctherm-oc/{base_of(count).removesuffix('_event_cnt')}"
                    channel = Channel(name=name, unit="1", kind="counter", period_ns=SECOND_NS)
                    yield scaled(channel, fs.open(count))

    def missing(self, fs: HostFs) -> str:
        """Off a Jetson Orin or Thor."""
        return "no chip called soctherm_oc in /sys/class/hwmon"


PLUGINS: tuple[type[Sensor], ...] = (SocthermOc,)
