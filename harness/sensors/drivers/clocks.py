"""Clocks of the CPU and other devices, and how busy a Jetson's GPU is."""

from __future__ import annotations

from collections.abc import Iterable
from posixpath import basename, dirname

from harness.core.hostfs import HostFs
from harness.core.sensing import Channel, Sensor
from harness.sensors.base import SECOND_NS, FileSensor, Probe, scaled

# By JetPack version; the first file that exists is the GPU's, later ones would show the same device again.
_GPU_LOAD_FILES = (
    "/sys/devices/gpu.0/load",
    "/sys/devices/platform/gpu.0/load",
    "/sys/devices/platform/bus@0/17000000.gpu/load",
)


class Cpufreq(FileSensor):
    """CPU clocks by cpufreq policy: 'cpufreq/policy0' in hertz.

    They are read once per second, since a read may block for 10 ms on a Raspberry Pi 3. On a Raspberry Pi this is the
    requested clock: throttling does not show in it.
    """

    name = "cpufreq"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """Yield one channel per policy."""
        for name in fs.glob("/sys/devices/system/cpu/cpufreq/policy*/scaling_cur_freq"):
            channel = Channel(name=f"cpufreq/{basename(dirname(name))}", unit="Hz", period_ns=SECOND_NS)
            yield scaled(channel, fs.open(name), multiply=1000)

    def missing(self, fs: HostFs) -> str:
        """Return the reason; a virtual machine has the folder, but nothing in it."""
        return "no policy in /sys/devices/system/cpu/cpufreq: this system does not see the clock"


class Devfreq(FileSensor):
    """Clocks of devices other than the CPU, such as a Jetson's GPU: 'devfreq/17000000.gpu' in hertz."""

    name = "devfreq"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """Yield one channel per device."""
        for file in fs.glob("/sys/class/devfreq/*/cur_freq"):
            channel = Channel(name=f"devfreq/{basename(dirname(file))}", unit="Hz", period_ns=SECOND_NS)
            yield scaled(channel, fs.open(file))

    def missing(self, fs: HostFs) -> str:
        """Return the reason, which most machines have."""
        return "no device in /sys/class/devfreq"


class GpuLoad(FileSensor):
    """Load of a Jetson's GPU: 'gpu-load/gpu' from 0 to 1."""

    name = "gpu-load"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """Yield at most one channel; the driver counts in thousandths."""
        for file in _GPU_LOAD_FILES:
            if fs.exists(file):
                yield scaled(Channel(name="gpu-load/gpu", unit="1", period_ns=SECOND_NS), fs.open(file), divide=1000)
                return

    def missing(self, fs: HostFs) -> str:
        """Return the reason off a Jetson."""
        return "no GPU load file of a Jetson"


PLUGINS: tuple[type[Sensor], ...] = (Cpufreq, Devfreq, GpuLoad)
