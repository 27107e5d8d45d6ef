"""How busy a Jetson's GPU is: 0 to 1 (the driver counts in thousandths)."""

from __future__ import annotations

from collections.abc import Iterable

from harness.core.hostfs import HostFs
from harness.core.sensing import Channel, Sensor
from harness.sensors.base import SECOND_NS, FileSensor, Probe, scaled

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


PLUGINS: tuple[type[Sensor], ...] = (GpuLoad,)
