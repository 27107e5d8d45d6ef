"""Every file of a driver in its channel's unit: what a file holds, and what that is in watts, joules, degrees or hertz.

A factor of a thousand gives a figure that still looks like one, so each driver reads a number that no other unit
would turn into the expected value.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from harness.core.hardware.raspberry_pi import throttle_word
from harness.core.hostfs import HostFs
from harness.core.sensing import Channel
from harness.sensors import open_sensors, read_all
from harness.sensors.drivers.raspberry_pi import parse_pmic
from harness.sensors.drivers.system import System
from tests import trees

MS = 1_000_000
IIO = "sys/bus/i2c/drivers/ina3221x/1-0040/iio:device0"
ZONE = f"{trees.THERMAL}/thermal_zone3"
TREES: dict[str, tuple[trees.Tree, dict[str, tuple[str, float]]]] = {
    "thermal": ({f"{ZONE}/type": "cpu", f"{ZONE}/temp": 48850}, {"thermal/cpu": ("degC", 48.85)}),
    "hwmon": (
        trees.below(f"{trees.HWMON}/hwmon0", {"name": "chip", "temp1_input": 54310}),
        {"hwmon/chip/temp1": ("degC", 54.31)},
    ),
    "cpufreq": ({f"{trees.CPU}/cpufreq/policy4/scaling_cur_freq": 2_400_000}, {"cpufreq/policy4": ("Hz", 2.4e9)}),
    "devfreq": ({"sys/class/devfreq/gpu/cur_freq": 306_000_000}, {"devfreq/gpu": ("Hz", 306e6)}),
    "gpu-load": ({"sys/devices/gpu.0/load": 875}, {"gpu-load/gpu": ("1", 0.875)}),
    "ina2xx": (
        trees.below(f"{trees.HWMON}/hwmon2", {"name": "ina226", "power1_input": 3_250_000}),
        {"ina2xx/hwmon2/power1": ("W", 3.25)},
    ),
    "ina3221": (
        trees.below(
            f"{trees.HWMON}/hwmon4",
            {
                "name": "ina3221",
                "in1_label": "VDD_IN",
                "in1_input": 5000,
                "curr1_input": 1000,
                "in3_input": 3300,
                "curr3_input": 200,
            },
        ),
        {"ina3221/hwmon4/VDD_IN": ("W", 5.0), "ina3221/hwmon4/in3": ("W", 0.66)},
    ),
    "ina3221x": (
        {
            f"{IIO}/rail_name_0": "VDD_IN",
            f"{IIO}/in_power0_input": 4250,
            f"{IIO}/rail_name_1": "",
            f"{IIO}/in_power1_input": 750,
        },
        {"ina3221x/1-0040/VDD_IN": ("W", 4.25), "ina3221x/1-0040/in2": ("W", 0.75)},
    ),
    "powercap": (
        {
            "sys/class/powercap/intel-rapl:0/name": "package-0",
            "sys/class/powercap/intel-rapl:0/energy_uj": 7_500_000,
            "sys/class/powercap/intel-rapl:0/max_energy_range_uj": 262_143_328_850,
            "sys/class/powercap/intel-rapl:0:0/name": "core",
            "sys/class/powercap/intel-rapl:0:0/energy_uj": 1_500_000,
            "sys/class/powercap/intel-rapl:1/name": "psys",
            "sys/class/powercap/intel-rapl:1/energy_uj": 9_000_000,
            "sys/class/powercap/intel-rapl-mmio:0/name": "package-0",
            "sys/class/powercap/intel-rapl-mmio:0/energy_uj": 11,
        },
        {"powercap/package-0": ("J", 7.5), "powercap/package-0/core": ("J", 1.5), "powercap/psys": ("J", 9.0)},
    ),
    "apex": (
        trees.below("sys/class/apex/apex_0", {"temp": 84_800, "trip_point0_temp": 85_000, "status": "ALIVE"}),
        {"apex/apex_0/temperature": ("degC", 84.8), "apex/apex_0/over-trip": ("1", 0), "apex/apex_0/alive": ("1", 1)},
    ),
    "cpu-throttle": (
        {
            f"{trees.CPU}/cpu0/thermal_throttle/core_throttle_count": 3,
            f"{trees.CPU}/cpu1/thermal_throttle/core_throttle_count": 45,
        },
        {"cpu-throttle/core": ("1", 45)},
    ),
}
MakeTree = Callable[[trees.Tree], HostFs]


def channels_of(fs: HostFs, name: str) -> dict[str, Channel]:
    return {channel.name: channel for sensor in open_sensors(fs, [name]) for channel in sensor.channels}


@pytest.mark.parametrize("name", TREES)
def test_a_file_is_read_in_its_channels_unit(name: str, tree: MakeTree) -> None:
    files, expected = TREES[name]
    fs = tree(files)
    units = {name: channel.unit for name, channel in channels_of(fs, name).items()}
    seen = {name: reading.value for name, reading in read_all(open_sensors(fs, [name])).items()}
    assert units == {name: unit for name, (unit, _) in expected.items()}
    assert seen == pytest.approx({name: value for name, (_, value) in expected.items()})


def test_a_counter_wraps_in_its_unit_and_a_part_of_a_package_is_no_package(tree: MakeTree) -> None:
    found = channels_of(tree(TREES["powercap"][0]), "powercap")
    assert found["powercap/package-0"].wrap == pytest.approx(262_143.32885)
    assert {name: channel.scope for name, channel in found.items()} == {
        "powercap/package-0": "package",
        "powercap/package-0/core": "rail",
        "powercap/psys": "board",
    }


@pytest.mark.parametrize(("interval", "period_ns"), [(430, 430 * MS), (None, 100 * MS)])
def test_a_power_monitors_period_is_its_update_interval(tree: MakeTree, interval: int | None, period_ns: int) -> None:
    chip: trees.Tree = {"name": "ina3221", "in1_input": 5000, "curr1_input": 1000}
    if interval is not None:
        chip["update_interval"] = interval
    (channel,) = channels_of(tree(trees.below(f"{trees.HWMON}/hwmon4", chip)), "ina3221").values()
    assert (channel.kind, channel.period_ns) == ("mean", period_ns)


def test_volts_and_amperes_of_the_firmware_are_not_confused() -> None:
    amperes, volts = parse_pmic("VDD_CORE_A current(7)=0.5000A\nVDD_CORE_V volt(15)=0.9000V\nEXT5V_V volt(24)=5.1000V")
    assert (amperes, volts) == ({"VDD_CORE": 0.5}, {"VDD_CORE": 0.9, "EXT5V": 5.1})


@pytest.mark.parametrize(("text", "bits"), [("50005", 0x50005), ("throttled=0x50005", 0x50005), ("throttled=0x0", 0)])
def test_a_throttle_word_is_hexadecimal_and_whole(text: str, bits: int) -> None:
    assert throttle_word(text) == bits


def test_a_machine_that_waits_for_its_disk_is_idle_and_guests_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = ("user", "system", "idle", "iowait", "guest")
    times = iter([(0.0, 0.0, 0.0, 0.0, 0.0), (3.0, 1.0, 4.0, 2.0, 3.0)])

    def cpu_times() -> Any:
        return SimpleNamespace(_fields=fields, **dict(zip(fields, next(times), strict=True)))

    monkeypatch.setattr(psutil, "cpu_times", cpu_times)
    sensor = System(HostFs())
    sensor.read()
    busy = {reading.channel: reading.value for reading in sensor.read()}["system/cpu"]
    assert busy == pytest.approx(4 / 10)
