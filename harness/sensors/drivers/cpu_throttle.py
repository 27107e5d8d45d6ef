"""How often an Intel processor has throttled since boot: the highest count over its CPUs, of cores and of packages."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from harness.core.hostfs import HostFs, OpenFile
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Sensor
from harness.sensors.base import SECOND_NS, FileSensor, Probe

_GLOB = "/sys/devices/system/cpu/cpu*/thermal_throttle/{kind}_throttle_count"


class CpuThrottle(FileSensor):
    """'cpu-throttle/core' and 'cpu-throttle/package': events since boot, once a second."""

    name = "cpu-throttle"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """The two counters, where the kernel has them."""
        for kind in ("core", "package"):
            files = tuple(fs.open(name) for name in fs.glob(_GLOB.format(kind=kind)))
            if files:
                channel = Channel(name=f"cpu-throttle/{kind}", unit="1", kind="counter", period_ns=SECOND_NS)
                yield Probe(channel, _highest(files), files)

    def missing(self, fs: HostFs) -> str:
        """On AMD, on Arm, in a virtual machine."""
        return "no thermal_throttle counters: an Intel processor has them, a virtual machine does not"


def _highest(files: tuple[OpenFile, ...]) -> Callable[[], float | Missing]:
    def value() -> float | Missing:
        counts = [file.read_int() for file in files]
        good = [count for count in counts if not isinstance(count, Missing)]
        return float(max(good)) if good else next(count for count in counts if isinstance(count, Missing))

    return value


PLUGINS: tuple[type[Sensor], ...] = (CpuThrottle,)
