"""CPU clocks by cpufreq policy. On a Raspberry Pi this is the clock asked for: throttling does not show in it.

Clocks of devices other than the CPU, by devfreq: a Jetson's GPU is the one that matters.

How busy a Jetson's GPU is: 0 to 1 (the driver counts in thousandths).
"""

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


# By JetPack version; the first that exists is the GPU, later ones would be the same device again.
_FILES = (
    "/sys/devices/gpu.0/load",
    "/sys/devices/platform/gpu.0/load",
    "/sys/devices/platform/bus@0/17000000.gpu/load",
)


class GpuLoad(FileSensor):
    """'gpu-load/gpu', a share, once a second."""

    name = "gpu-load"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """At most one channel."""
        for file in _FILES:
            if fs.exists(file):
                yield scaled(Channel(name="gpu-load/gpu", unit="1", period_ns=SECOND_NS), fs.open(file), divide=1000)
                return

    def missing(self, fs: HostFs) -> str:
        """Off a Jetson."""
        return "no GPU load file of a Jetson"


PLUGINS: tuple[type[Sensor], ...] = (
    Cpufreq,
    Devfreq,
    GpuLoad,
)
