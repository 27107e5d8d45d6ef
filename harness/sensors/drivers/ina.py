"""Single-rail power monitors in hwmon: INA219, 220, 226, 230, 231, 238 and 260 (HATs, carrier boards, Jetson Thor)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.core.hostfs import HostFs
from harness.core.sensing import Channel, Sensor
from harness.sensors.base import FileSensor, Probe, hwmon_chips, label_or, scaled

from .ina3221 import i2c_place, update_period_ns

_CHIP = re.compile(r"ina(219|220|226|230|231|238|260)")


class Ina2xx(FileSensor):
    """'ina2xx/1-0041/power1' in watts: I2C bus and address, then the chip's label where it has one."""

    name = "ina2xx"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """One channel a chip: power1_input is in microwatts."""
        for folder, chip in hwmon_chips(fs):
            if _CHIP.fullmatch(chip):
                label = label_or(fs, f"{folder}/power1_label", label_or(fs, f"{folder}/in1_label", "power1"))
                channel = Channel(
                    name=f"ina2xx/{i2c_place(fs, folder)}/{label}",
                    unit="W",
                    scope="rail",
                    kind="mean",
                    period_ns=update_period_ns(fs, folder),
                )
                yield scaled(channel, fs.open(f"{folder}/power1_input"), divide=1_000_000)

    def missing(self, fs: HostFs) -> str:
        """What was looked for."""
        return "no ina219, ina220, ina226, ina230, ina231, ina238 or ina260 in /sys/class/hwmon"


PLUGINS: tuple[type[Sensor], ...] = (Ina2xx,)
