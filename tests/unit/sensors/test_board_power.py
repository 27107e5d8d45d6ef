"""The power of every board by its rule, on trees of files as their drivers show them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

import targets
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.sensing import matches
from harness.sensors import open_sensors, read_all
from harness.sensors.board_power import BoardPower, board_power, power_source
from tests import trees


def power_of(root: Path, target: str) -> BoardPower:
    sensors = open_sensors(HostFs(root))
    source = power_source(targets.load(target).power, sensors)
    assert not isinstance(source, Missing), source
    now = read_all(sensors)
    power = board_power(source, now, now)
    assert isinstance(power, BoardPower), power
    return power


def reason_of(root: Path, target: str) -> str:
    source = power_source(targets.load(target).power, open_sensors(HostFs(root)))
    assert isinstance(source, Missing)
    return source.reason


@pytest.mark.parametrize(
    ("tree", "target", "watts", "scope"),
    [
        (trees.jetson_orin_nano(), "jetson-orin-nano", 4.984 * 1.856, "module"),
        (trees.jetson_orin_nano(hwmon=7), "jetson-orin-nano", 4.984 * 1.856, "module"),
        (trees.jetson_orin_nano(labels=False), "jetson-orin-nano", 4.984 * 1.856, "module"),
        (trees.jetson_agx_orin(), "jetson-agx-orin", 19.04 * 0.25 + 19.04 * 0.05 + 5.0 * 0.9, "module"),
        (trees.jetson_agx_xavier(), "jetson-agx-xavier", 19.0 * (0.1 + 0.2 + 0.3 + 0.01 + 0.02) + 5.0 * 0.5, "module"),
        (trees.jetson_thor(), "jetson-thor", 38.5, "board"),
        (trees.jetson_nano(), "jetson-nano", 2.371, "module"),
        (trees.jetson_nano(labels=False), "jetson-nano", 2.371, "module"),
    ],
    ids=["orin-nano", "renumbered", "no-labels", "agx-orin", "agx-xavier", "thor", "jetpack-4", "jetpack-4-no-labels"],
)
def test_a_jetson_has_its_total(
    tmp_path: Path, tree: Mapping[str, trees.Content], target: str, watts: float, scope: str
) -> None:
    power = power_of(trees.write(tmp_path, tree), target)

    assert power.power_w == pytest.approx(watts)
    assert power.scope == scope
    assert power.estimate == ""


def test_a_pi_5_is_an_estimate_beside_the_raw_sum_of_its_rails(tmp_path: Path) -> None:
    power = power_of(trees.write(tmp_path, trees.raspberry_pi_5()), "raspberry-pi-5")

    assert power.sum_w == pytest.approx(1.90053, abs=5e-6)
    assert power.power_w == pytest.approx(2.76419, abs=1e-5)
    assert "fit" in power.estimate


@pytest.mark.parametrize("dram", [False, True])
def test_a_pc_adds_dram_to_its_package_but_not_the_mirror_nor_the_nested_zones(tmp_path: Path, dram: bool) -> None:
    sensors = open_sensors(HostFs(trees.write(tmp_path, trees.intel_laptop(dram=dram))), ["powercap"])
    source = power_source(targets.load("x86-64").power, sensors)

    assert not isinstance(source, Missing)
    expected = ["powercap/package-0", "powercap/package-0/dram"] if dram else ["powercap/package-0"]
    assert [channel.name for channel in source.channels] == expected


def test_a_counter_gives_watts_over_its_wrap(tmp_path: Path) -> None:
    root = trees.write(tmp_path, trees.intel_laptop())
    counter = root / trees.RAPL / "intel-rapl:0/energy_uj"
    counter.write_text("262143000000\n")
    sensors = open_sensors(HostFs(root), ["powercap"])
    source = power_source(targets.load("x86-64").power, sensors)
    assert not isinstance(source, Missing)

    before = read_all(sensors)
    counter.write_text("500000\n")
    now = read_all(sensors)
    power = board_power(source, now, before)

    assert isinstance(power, BoardPower)
    seconds = (now["powercap/package-0"].t_ns - before["powercap/package-0"].t_ns) / 1e9
    assert power.power_w * seconds == pytest.approx(0.828850)


def test_a_counter_that_stands_still_is_no_zero_watts(tmp_path: Path) -> None:
    sensors = open_sensors(HostFs(trees.write(tmp_path, trees.intel_laptop())), ["powercap"])
    source = power_source(targets.load("x86-64").power, sensors)
    assert not isinstance(source, Missing)

    power = board_power(source, read_all(sensors), read_all(sensors))

    assert isinstance(power, Missing)
    assert "did not move" in power.reason


def test_a_board_without_a_sensor_has_a_remedy(tmp_path: Path) -> None:
    assert "external meter" in reason_of(tmp_path, "raspberry-pi-4b")


def test_an_absent_sensor_is_named_with_its_reason(tmp_path: Path) -> None:
    reason = reason_of(tmp_path, "x86-64")

    assert "powercap/package-*" in reason
    assert "no zone in /sys/class/powercap" in reason


def test_one_unreadable_rail_makes_no_total(tmp_path: Path) -> None:
    root = trees.write(tmp_path, trees.jetson_agx_xavier())
    sensors = open_sensors(HostFs(root), ["ina3221"])
    source = power_source(targets.load("jetson-agx-xavier").power, sensors)
    assert not isinstance(source, Missing)
    (root / trees.HWMON / "hwmon1/curr2_input").write_text("")

    power = board_power(source, read_all(sensors), {})

    assert isinstance(power, Missing)
    assert "not a number: an empty text" in power.reason


def test_a_star_does_not_reach_into_nested_zones() -> None:
    assert matches("powercap/package-*", "powercap/package-0")
    assert not matches("powercap/package-*", "powercap/package-0/core")
