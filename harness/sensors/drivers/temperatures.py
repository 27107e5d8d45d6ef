"""Thermal zones, by their type. Numbers change between boots: never used.

A Jetson's 'cv*' zones are gated while unused and answer EAGAIN: 'unavailable', not 0.

Temperatures in hwmon, by chip and label. Numbers change between boots: never used.

States of the thermal cooling devices: above 0, a '*-throttle-alert', 'Processor' or 'cpufreq-*' slows the chip.

How often an Intel processor has throttled since boot: the highest count over its CPUs, of cores and of packages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from harness.core.hostfs import HostFs, OpenFile
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Sensor
from harness.sensors.base import SECOND_NS, FileSensor, Probe, base_of, folder_of, read_label, scaled


class Thermal(FileSensor):
    """'thermal/cpu-thermal' in degrees Celsius, once a second."""

    name = "thermal"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """One channel a zone, found by its type, so that one without a readable temp is listed with the reason."""
        for file in fs.glob("/sys/class/thermal/thermal_zone*/type"):
            channel = Channel(name=f"thermal/{read_label(fs, file, 'unnamed')}", unit="degC", period_ns=SECOND_NS)
            yield scaled(channel, fs.open(f"{folder_of(file)}/temp"), divide=1000)

    def missing(self, fs: HostFs) -> str:
        """Usual in a virtual machine."""
        return "no zone in /sys/class/thermal"


class Hwmon(FileSensor):
    """'hwmon/coretemp/Package id 0' in degrees Celsius, once a second; an input without a label is 'temp1'."""

    name = "hwmon"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """One channel a temperature input."""
        for file in fs.glob("/sys/class/hwmon/hwmon*/temp*_input"):
            folder, stem = folder_of(file), base_of(file).removesuffix("_input")
            chip = read_label(fs, f"{folder}/name", "unnamed")
            label = read_label(fs, f"{folder}/{stem}_label", stem)
            channel = Channel(name=f"hwmon/{chip}/{label}", unit="degC", period_ns=SECOND_NS)
            yield scaled(channel, fs.open(file), divide=1000)

    def missing(self, fs: HostFs) -> str:
        """Usual in a virtual machine."""
        return "no temperature in /sys/class/hwmon"


class Cooling(FileSensor):
    """'cooling/cpu-throttle-alert': the device's state, 0 when idle, once a second."""

    name = "cooling"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """One channel a device."""
        for file in fs.glob("/sys/class/thermal/cooling_device*/type"):
            channel = Channel(name=f"cooling/{read_label(fs, file, 'unnamed')}", unit="1", period_ns=SECOND_NS)
            yield scaled(channel, fs.open(f"{folder_of(file)}/cur_state"))

    def missing(self, fs: HostFs) -> str:
        """Usual in a virtual machine."""
        return "no cooling device in /sys/class/thermal"


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


PLUGINS: tuple[type[Sensor], ...] = (
    Thermal,
    Hwmon,
    Cooling,
    CpuThrottle,
)
