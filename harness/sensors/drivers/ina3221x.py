"""The INA3221 of Jetsons on JetPack 4: NVIDIA's own driver 'ina3221x', in iio."""

from __future__ import annotations

from collections.abc import Iterable

from harness.core.hostfs import HostFs
from harness.core.sensing import Channel, Sensor
from harness.sensors.base import FileSensor, Probe, base_of, folder_of, label_or, scaled

_GLOB = "/sys/bus/i2c/drivers/ina3221x/*/iio:device*/rail_name_[0-9]"
_PERIOD_NS = 100_000_000


class Ina3221x(FileSensor):
    """'ina3221x/1-0040/VDD_IN' in watts: I2C bus and address, rail."""

    name = "ina3221x"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """One channel a rail: in_powerN_input is in milliwatts."""
        for file in fs.glob(_GLOB):
            folder, number = folder_of(file), file.rsplit("_", 1)[1]
            rail = label_or(fs, file, f"in{int(number) + 1}")  # iio counts channels from 0, hwmon and rules from 1
            name = f"ina3221x/{base_of(folder_of(folder))}/{rail}"
            channel = Channel(name=name, unit="W", scope="rail", kind="mean", period_ns=_PERIOD_NS)
            yield scaled(channel, fs.open(f"{folder}/in_power{number}_input"), divide=1000)

    def missing(self, fs: HostFs) -> str:
        """What was looked for."""
        return "no rail under /sys/bus/i2c/drivers/ina3221x (JetPack 4)"


PLUGINS: tuple[type[Sensor], ...] = (Ina3221x,)
