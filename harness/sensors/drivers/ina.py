"""Texas Instruments INA power monitors on I2C: of Jetsons, carrier boards and HATs.

A chip is identified by its name, bus and address, a rail by its label. A gated rail may truly read 0 or slightly less.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from posixpath import basename, dirname
from typing import Literal

from harness.core.hardware.physical_limits import LIMITS, check
from harness.core.hostfs import HostFs, OpenFile, read_label
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Sensor
from harness.sensors.base import FileSensor, Probe, hwmon_chips, scaled

_MS_NS = 1_000_000
_DEFAULT_UPDATE_MS = 100

_INA2XX = re.compile(r"ina(219|220|226|230|231|238|260)")
_INA3221_RAILS = (1, 2, 3)  # in4-in6 are shunt voltages, in7 and curr4 are sums

_INA3221X_RAILS = "/sys/bus/i2c/drivers/ina3221x/*/iio:device*/rail_name_[0-9]"
_INA3221X_PERIOD_NS = 100 * _MS_NS


class Ina2xx(FileSensor):
    """Single-rail monitors in hwmon (HATs, carrier boards, Jetson Thor): 'ina2xx/1-0041/power1' in watts."""

    name = "ina2xx"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """Yield one channel per chip: power1_input is in microwatts."""
        for folder, chip in hwmon_chips(fs):
            if _INA2XX.fullmatch(chip):
                label = read_label(fs, f"{folder}/power1_label", read_label(fs, f"{folder}/in1_label", "power1"))
                channel = Channel(
                    name=f"ina2xx/{_i2c_address(fs, folder)}/{label}",
                    unit="W",
                    scope="rail",
                    kind="mean",
                    period_ns=_update_period_ns(fs, folder),
                )
                yield scaled(channel, fs.open(f"{folder}/power1_input"), divide=1_000_000)

    def missing(self, fs: HostFs) -> str:
        """Return which chips were looked for."""
        return "no ina219, ina220, ina226, ina230, ina231, ina238 or ina260 in /sys/class/hwmon"


class Ina3221(FileSensor):
    """INA3221 in hwmon (Jetson from JetPack 5, carrier boards): 'ina3221/1-0040/VDD_IN' in watts, three rails per chip.

    The driver gives no power: it is bus voltage (inN, mV) x current (currN, mA). NVIDIA's system averages 512 samples,
    about 430 ms: that update interval is the channel's period.
    """

    name = "ina3221"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """Yield one channel per rail that has a current; a rail without a label is called by its input, 'in1'."""
        for folder, chip in hwmon_chips(fs):
            if chip == "ina3221":
                yield from _ina3221_rails(fs, folder)

    def missing(self, fs: HostFs) -> str:
        """Return which chip was looked for."""
        return "no chip called ina3221 in /sys/class/hwmon"


class Ina3221x(FileSensor):
    """INA3221 in iio by NVIDIA's own driver (JetPack 4): 'ina3221x/1-0040/VDD_IN' in watts."""

    name = "ina3221x"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """Yield one channel per rail: in_powerN_input is in milliwatts."""
        for file in fs.glob(_INA3221X_RAILS):
            folder, number = dirname(file), file.rsplit("_", 1)[1]
            rail = read_label(fs, file, f"in{int(number) + 1}")  # iio counts channels from 0, hwmon and rules from 1
            name = f"ina3221x/{basename(dirname(folder))}/{rail}"
            channel = Channel(name=name, unit="W", scope="rail", kind="mean", period_ns=_INA3221X_PERIOD_NS)
            yield scaled(channel, fs.open(f"{folder}/in_power{number}_input"), divide=1000)

    def missing(self, fs: HostFs) -> str:
        """Return which driver was looked for."""
        return "no rail under /sys/bus/i2c/drivers/ina3221x (JetPack 4)"


def _ina3221_rails(fs: HostFs, folder: str) -> Iterable[Probe]:
    for number in _INA3221_RAILS:
        if fs.exists(f"{folder}/curr{number}_input"):
            rail = read_label(fs, f"{folder}/in{number}_label", f"in{number}")
            channel = Channel(
                name=f"ina3221/{_i2c_address(fs, folder)}/{rail}",
                unit="W",
                scope="rail",
                kind="mean",
                period_ns=_update_period_ns(fs, folder),
                samples=_samples(fs, folder),
            )
            yield _product(channel, fs.open(f"{folder}/in{number}_input"), fs.open(f"{folder}/curr{number}_input"))


def _product(channel: Channel, millivolt: OpenFile, milliampere: OpenFile) -> Probe:
    """Return a probe of a rail's power in watts, from files in mV and mA."""

    def watt() -> float | Missing:
        volt, ampere = _in_limits("V", millivolt), _in_limits("A", milliampere)
        if isinstance(volt, Missing):
            return volt
        return ampere if isinstance(ampere, Missing) else volt * ampere

    return Probe(channel, watt, (millivolt, milliampere))


def _in_limits(unit: Literal["V", "A"], thousandths: OpenFile) -> float | Missing:
    """Return what a file in mV or mA shows, in V or A; Missing where no rail can have it."""
    value = thousandths.read_int()
    return value if isinstance(value, Missing) else check(LIMITS[unit], value / 1000, unit, thousandths.name)


def _update_period_ns(fs: HostFs, folder: str) -> int:
    """Return the update_interval (ms) of a hwmon chip in nanoseconds, 100 ms where it gives none."""
    interval_ms = fs.read_int(f"{folder}/update_interval")
    period_ms = interval_ms if isinstance(interval_ms, int) and interval_ms > 0 else _DEFAULT_UPDATE_MS
    return period_ms * _MS_NS


def _samples(fs: HostFs, folder: str) -> int | None:
    samples = fs.read_int(f"{folder}/samples")
    return samples if isinstance(samples, int) and samples > 0 else None


def _i2c_address(fs: HostFs, folder: str) -> str:
    """Return the chip's I2C bus and address, such as '1-0040', else its hwmon folder.

    Power rules tell two chips apart by it.
    """
    paths = (fs.resolve(folder), fs.resolve(f"{folder}/device"))
    addresses = [address for path in paths for address in re.findall(r"/(\d+-[0-9a-f]{4})(?=/|$)", path)]
    return addresses[0] if addresses else basename(folder)


PLUGINS: tuple[type[Sensor], ...] = (Ina2xx, Ina3221, Ina3221x)
