"""Temperatures of thermal zones and hwmon chips, the cooling devices that act on them, and throttle counters.

Zones and chips are identified by type, name and label, since their numbers change between boots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from posixpath import dirname

from harness.core.hardware.processor_temperature import hwmon_files, zone_files
from harness.core.hostfs import HostFs, OpenFile, read_label
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Sensor
from harness.sensors.base import SECOND_NS, FileSensor, Probe, scaled

_COUNT_FILES = "/sys/devices/system/cpu/cpu*/thermal_throttle/{kind}_throttle_count"


class Thermal(FileSensor):
    """Thermal zones by type: 'thermal/cpu-thermal' in degrees Celsius.

    A Jetson's 'cv*' zones are gated while unused: they answer EAGAIN, which is 'unavailable', not 0.
    """

    name = "thermal"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """Yield one channel per type file, so that a zone without a readable temperature gives the reason."""
        for name, file in zone_files(fs):
            yield scaled(Channel(name, unit="degC", period_ns=SECOND_NS), fs.open(file), divide=1000)

    def missing(self, fs: HostFs) -> str:
        """Return the reason, usual in a virtual machine."""
        return "no zone in /sys/class/thermal"


class Hwmon(FileSensor):
    """Temperatures in hwmon by chip and label: 'hwmon/coretemp/Package id 0' in degrees Celsius."""

    name = "hwmon"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """Yield one channel per temperature input; an input without a label is 'temp1'."""
        for name, file in hwmon_files(fs):
            yield scaled(Channel(name, unit="degC", period_ns=SECOND_NS), fs.open(file), divide=1000)

    def missing(self, fs: HostFs) -> str:
        """Return the reason, usual in a virtual machine."""
        return "no temperature in /sys/class/hwmon"


class Cooling(FileSensor):
    """States of the thermal cooling devices: 'cooling/cpu-throttle-alert', 0 when idle.

    Above 0, a '*-throttle-alert', 'Processor' or 'cpufreq-*' slows the chip down.
    """

    name = "cooling"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """Yield one channel per device."""
        for file in fs.glob("/sys/class/thermal/cooling_device*/type"):
            channel = Channel(name=f"cooling/{read_label(fs, file, 'unnamed')}", unit="1", period_ns=SECOND_NS)
            yield scaled(channel, fs.open(f"{dirname(file)}/cur_state"))

    def missing(self, fs: HostFs) -> str:
        """Return the reason, usual in a virtual machine."""
        return "no cooling device in /sys/class/thermal"


class CpuThrottle(FileSensor):
    """Throttle events since boot, the highest count over the CPUs: 'cpu-throttle/core' and 'cpu-throttle/package'."""

    name = "cpu-throttle"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """Yield the counters that the kernel has."""
        for kind in ("core", "package"):
            files = tuple(fs.open(name) for name in fs.glob(_COUNT_FILES.format(kind=kind)))
            if files:
                channel = Channel(name=f"cpu-throttle/{kind}", unit="1", kind="counter", period_ns=SECOND_NS)
                yield Probe(channel, _highest(files), files)

    def missing(self, fs: HostFs) -> str:
        """Return the reason on AMD, on Arm and in a virtual machine."""
        return "no thermal_throttle counters: an Intel processor has them, a virtual machine does not"


def _highest(files: tuple[OpenFile, ...]) -> Callable[[], float | Missing]:
    """Return a reader of the highest count; a file that cannot be read counts only where none can."""

    def value() -> float | Missing:
        counts = [file.read_int() for file in files]
        known = [count for count in counts if not isinstance(count, Missing)]
        return float(max(known)) if known else next(count for count in counts if isinstance(count, Missing))

    return value


PLUGINS: tuple[type[Sensor], ...] = (Thermal, Hwmon, Cooling, CpuThrottle)
