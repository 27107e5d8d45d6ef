"""Single-rail power monitors in hwmon: INA219, 220, 226, 230, 231, 238 and 260 (HATs, carrier boards, Jetson Thor).

INA3221 in hwmon: three power rails a chip (Jetson from JetPack 5, carrier boards).

The chip tells no power: a rail's is bus voltage (inN, mV) x current (currN, mA). The chip is found by its name, the
rail by its label; one without a label is called by its input, 'in1'. A gated rail may truly read 0 or slightly less.
NVIDIA's system averages 512 samples, about 430 ms: that update interval is the channel's period.

The INA3221 of Jetsons on JetPack 4: NVIDIA's own driver 'ina3221x', in iio.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.core.hostfs import HostFs, OpenFile
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Sensor
from harness.sensors.base import FileSensor, Probe, base_of, folder_of, hwmon_chips, read_label, scaled

_CHIP = re.compile(r"ina(219|220|226|230|231|238|260)")


class Ina2xx(FileSensor):
    """'ina2xx/1-0041/power1' in watts: I2C bus and address, then the chip's label where it has one."""

    name = "ina2xx"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """One channel a chip: power1_input is in microwatts."""
        for folder, chip in hwmon_chips(fs):
            if _CHIP.fullmatch(chip):
                label = read_label(fs, f"{folder}/power1_label", read_label(fs, f"{folder}/in1_label", "power1"))
                channel = Channel(
                    name=f"ina2xx/{i2c_address(fs, folder)}/{label}",
                    unit="W",
                    scope="rail",
                    kind="mean",
                    period_ns=update_period_ns(fs, folder),
                )
                yield scaled(channel, fs.open(f"{folder}/power1_input"), divide=1_000_000)

    def missing(self, fs: HostFs) -> str:
        """What was looked for."""
        return "no ina219, ina220, ina226, ina230, ina231, ina238 or ina260 in /sys/class/hwmon"


_MS_NS = 1_000_000
_UPDATE_MS = 100  # where the driver does not tell its own interval
_RAILS = (1, 2, 3)  # in4-in6 are shunt voltages, in7 and curr4 are sums


class Ina3221(FileSensor):
    """'ina3221/1-0040/VDD_IN' in watts: I2C bus and address, rail."""

    name = "ina3221"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """One channel a rail that has a current."""
        for folder, chip in hwmon_chips(fs):
            if chip == "ina3221":
                yield from _rails(fs, folder)

    def missing(self, fs: HostFs) -> str:
        """What was looked for."""
        return "no chip called ina3221 in /sys/class/hwmon"


def _rails(fs: HostFs, folder: str) -> Iterable[Probe]:
    for number in _RAILS:
        if fs.exists(f"{folder}/curr{number}_input"):
            rail = read_label(fs, f"{folder}/in{number}_label", f"in{number}")
            channel = Channel(
                name=f"ina3221/{i2c_address(fs, folder)}/{rail}",
                unit="W",
                scope="rail",
                kind="mean",
                period_ns=update_period_ns(fs, folder),
                samples=_samples(fs, folder),
            )
            yield _product(channel, fs.open(f"{folder}/in{number}_input"), fs.open(f"{folder}/curr{number}_input"))


def _product(channel: Channel, millivolt: OpenFile, milliampere: OpenFile) -> Probe:
    """A rail's power: mV x mA / 10^6 = W."""

    def watt() -> float | Missing:
        volt, ampere = millivolt.read_int(), milliampere.read_int()
        if isinstance(volt, Missing):
            return volt
        return ampere if isinstance(ampere, Missing) else volt * ampere / 1e6

    return Probe(channel, watt, (millivolt, milliampere))


def update_period_ns(fs: HostFs, folder: str) -> int:
    """How often a hwmon chip has a new value: its update_interval (ms), 100 ms where it tells none."""
    interval = fs.read_int(f"{folder}/update_interval")
    period_ms = interval if isinstance(interval, int) and interval > 0 else _UPDATE_MS
    return period_ms * _MS_NS


def _samples(fs: HostFs, folder: str) -> int | None:
    samples = fs.read_int(f"{folder}/samples")
    return samples if isinstance(samples, int) and samples > 0 else None


def i2c_address(fs: HostFs, folder: str) -> str:
    """The chip's I2C bus and address ('1-0040'), by which a rule tells two chips apart; else its hwmon folder."""
    places = (fs.resolve(folder), fs.resolve(f"{folder}/device"))
    found = [place for name in places for place in re.findall(r"/(\d+-[0-9a-f]{4})(?=/|$)", name)]
    return found[0] if found else folder.rsplit("/", 1)[1]


_GLOB = "/sys/bus/i2c/drivers/ina3221x/*/iio:device*/rail_name_[0-9]"
_PERIOD_NS = 100_000_000


class Ina3221x(FileSensor):
    """'ina3221x/1-0040/VDD_IN' in watts: I2C bus and address, rail."""

    name = "ina3221x"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """One channel a rail: in_powerN_input is in milliwatts."""
        for file in fs.glob(_GLOB):
            folder, number = folder_of(file), file.rsplit("_", 1)[1]
            rail = read_label(fs, file, f"in{int(number) + 1}")  # iio counts channels from 0, hwmon and rules from 1
            name = f"ina3221x/{base_of(folder_of(folder))}/{rail}"
            channel = Channel(name=name, unit="W", scope="rail", kind="mean", period_ns=_PERIOD_NS)
            yield scaled(channel, fs.open(f"{folder}/in_power{number}_input"), divide=1000)

    def missing(self, fs: HostFs) -> str:
        """What was looked for."""
        return "no rail under /sys/bus/i2c/drivers/ina3221x (JetPack 4)"


PLUGINS: tuple[type[Sensor], ...] = (
    Ina2xx,
    Ina3221,
    Ina3221x,
)
