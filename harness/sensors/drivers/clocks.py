"""CPU clocks by cpufreq policy. On a Raspberry Pi this is the clock asked for: throttling does not show in it."""

from __future__ import annotations

from collections.abc import Iterable

from harness.core.hostfs import HostFs
from harness.core.sensing import Channel, Sensor
from harness.sensors.base import SECOND_NS, FileSensor, Probe, base_of, folder_of, scaled


class Cpufreq(FileSensor):
    """'cpufreq/policy0' in hertz, once a second (a read may block for 10 ms on a Raspberry Pi 3)."""

    name = "cpufreq"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """One channel a policy."""
        for name in fs.glob("/sys/devices/system/cpu/cpufreq/policy*/scaling_cur_freq"):
            channel = Channel(name=f"cpufreq/{base_of(folder_of(name))}", unit="Hz", period_ns=SECOND_NS)
            yield scaled(channel, fs.open(name), multiply=1000)

    def missing(self, fs: HostFs) -> str:
        """A virtual machine has the folder, but nothing in it."""
        return "no policy in /sys/devices/system/cpu/cpufreq: the clock is not this system's to see"


PLUGINS: tuple[type[Sensor], ...] = (Cpufreq,)
