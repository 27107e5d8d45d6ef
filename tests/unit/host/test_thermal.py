"""Which temperature is the processor's, and waiting until it has cooled down."""

from __future__ import annotations

from pathlib import Path

import pytest

import targets
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.host.checks.thermal import inspect_temperature
from harness.host.thermal import ProcessorTemperature, processor_temperature, wait_until_cool
from tests import trees


def zones(**millidegrees: int) -> trees.Tree:
    """Thermal zones by type; '_' stands for '-'."""
    return listed(*((kind.replace("_", "-"), value) for kind, value in millidegrees.items()))


def listed(*types: tuple[str, int | None]) -> trees.Tree:
    files: trees.Tree = {}
    for number, (kind, value) in enumerate(types):
        temp: trees.Tree = {} if value is None else {"temp": value}
        files |= trees.below(f"{trees.THERMAL}/thermal_zone{number}", {"type": kind, **temp})
    return files


def chip(number: int, name: str, **files: trees.Content) -> trees.Tree:
    return trees.below(f"{trees.HWMON}/hwmon{number}", {"name": name, **files})


def read(root: Path, files: trees.Tree, target: str = "") -> ProcessorTemperature:
    patterns = targets.load(target).thermal.zones if target else ()
    found = processor_temperature(HostFs(trees.write(root, files)), patterns)
    assert isinstance(found, ProcessorTemperature), found
    return found


def reason(root: Path, files: trees.Tree) -> str:
    found = processor_temperature(HostFs(trees.write(root, files)))
    assert isinstance(found, Missing), found
    return found.reason


JETSON_NANO = zones(AO_therm=38_500, CPU_therm=31_000, GPU_therm=30_500, PLL_therm=29_500, PMIC_Die=100_000)
RK3588 = zones(soc_thermal=61_000, bigcore0_thermal=84_000, littlecore_thermal=62_000, gpu_thermal=90_000)


@pytest.mark.parametrize(
    ("files", "target", "channel", "temperature_c"),
    [
        pytest.param(JETSON_NANO, "jetson-nano", "thermal/CPU-therm", 31.0, id="a descriptor's zone, not the PMIC"),
        pytest.param(JETSON_NANO, "", "thermal/CPU-therm", 31.0, id="a known type, not the PMIC"),
        pytest.param(RK3588, "", "thermal/bigcore0-thermal", 84.0, id="the hottest of several kinds of core"),
        pytest.param(RK3588, "aarch64", "thermal/bigcore0-thermal", 84.0, id="generic descriptors name no zone"),
        pytest.param(
            listed(("iwlwifi_1", 90_000), ("x86_pkg_temp", 60_000), ("acpitz", 70_000)),
            *("x86-64", "thermal/x86_pkg_temp", 60.0),
            id="neither radio nor ACPI",
        ),
        pytest.param(
            {**zones(acpitz=27_800), **chip(1, "coretemp", temp1_input=55_000, temp1_label="Package id 0")},
            *("", "hwmon/coretemp/Package id 0", 55.0),
            id="hwmon beside zones that are not the processor's",
        ),
        pytest.param(
            {**listed(("x86_pkg_temp", -274_000)), **chip(1, "coretemp", temp2_input=55_000, temp2_label="Core 0")},
            *("", "hwmon/coretemp/Core 0", 55.0),
            id="hwmon beside a zone that shows nothing possible",
        ),
        pytest.param(
            chip(1, "k10temp", temp1_input=71_000, temp1_label="Tctl", temp2_input=61_000, temp2_label="Tdie"),
            *("", "hwmon/k10temp/Tdie", 61.0),
            id="the die, not the value of fan control",
        ),
        pytest.param(
            chip(1, "k10temp", temp1_input=46_000, temp1_label="Tctl"),
            *("", "hwmon/k10temp/Tctl", 46.0),
            id="the value of fan control where there is no other",
        ),
        pytest.param(
            {**chip(1, "dell_smm", temp1_input=50_000, temp1_label="CPU"), **chip(2, "nvme", temp1_input=80_000)},
            *("", "hwmon/dell_smm/CPU", 50.0),
            id="a firmware's label",
        ),
        pytest.param(
            {**zones(tmp=99_000), **chip(1, "cpu_thermal", temp1_input=44_000)},
            *("raspberry-pi-4b", "hwmon/cpu_thermal/temp1", 44.0),
            id="known names where the descriptor's zone is not there",
        ),
        pytest.param(
            listed(("cpu-thermal", None), ("cpu-thermal", 47_000)),
            *("raspberry-pi-4b", "thermal/cpu-thermal#2", 47.0),
            id="the second of two zones of one type",
        ),
    ],
)
def test_the_hottest_sensor_of_the_processor_is_used(
    tmp_path: Path, files: trees.Tree, target: str, channel: str, temperature_c: float
) -> None:
    hottest = read(tmp_path, files, target).hottest

    assert (hottest.channel, hottest.temperature_c) == (channel, temperature_c)


@pytest.mark.parametrize(
    "kind",
    [
        "cpu-thermal", "cpu_thermal", "cpu0-thermal", "CPU-therm", "MCPU-therm", "soc-thermal", "soc_thermal",
        "tj-thermal", "soc012-thermal", "bigcore1-thermal", "littlecore-thermal", "little-core-thermal",
        "package-thermal", "cpuss0-usr",
        "cpu-0-0-usr", "cluster0_thermal", "cpub_thermal_zone", "x86_pkg_temp", "TCPU", "B0D4", "soc_dts0", "mtktscpu",
        "imx_thermal_zone", "BIG", "LITTLE", "main0-thermal", "bcm2835_thermal",
    ],
)  # fmt: skip
def test_a_type_of_the_processor(tmp_path: Path, kind: str) -> None:
    assert read(tmp_path, listed((kind, 50_000))).hottest.channel == f"thermal/{kind}"


@pytest.mark.parametrize(
    "kind",
    [
        "acpitz", "PMIC-Die", "iwlwifi_1", "pch_skylake", "AUX-therm", "thermal-fan-est", "gpu-thermal", "battery",
        "INT3400 Thermal",
        "soc-pmic", "cpu_vr", "TSKN", "TMEM", "nvme", "center-thermal", "ddr_thermal", "cpu-board", "skin-therm",
    ],
)  # fmt: skip
def test_a_type_beside_the_processor(tmp_path: Path, kind: str) -> None:
    assert f"not the processor's: thermal/{kind}" in reason(tmp_path, listed((kind, 50_000)))


def test_a_copy_of_a_zone_is_no_second_sensor(tmp_path: Path) -> None:
    found = read(tmp_path, {**zones(cpu_thermal=48_000), **chip(0, "cpu_thermal", temp1_input=48_000)})

    assert found.describe(found.hottest) == "thermal/cpu-thermal 48.0 C"


def test_the_reasons_of_all_sensors_are_given(tmp_path: Path) -> None:
    found = reason(tmp_path, listed(("cpu-thermal", -650_788_984), ("soc-thermal", None)))

    assert "impossible: thermal/cpu-thermal reads -650,788.984 C" in found
    assert "absent: /sys/class/thermal/thermal_zone1/temp" in found


def test_the_sensor_nearest_to_its_own_trip_decides(tmp_path: Path) -> None:
    """A hotter sensor with a higher trip point does not hide one that throttles."""
    files = listed(("cpu0-thermal", 80_000), ("cpu1-thermal", 90_000))
    for number, trip in enumerate((85_000, 120_000)):
        zone = f"{trees.THERMAL}/thermal_zone{number}"
        files |= {f"{zone}/trip_point_0_type": "passive", f"{zone}/trip_point_0_temp": trip}

    found = inspect_temperature(HostFs(trees.write(tmp_path, files)))

    assert found.status == "warn"
    assert "thermal/cpu0-thermal 80.0 C (of 2 sensors of the processor), throttles at 85 C" in found.found


def test_the_descriptor_says_where_the_board_throttles(tmp_path: Path) -> None:
    fs = HostFs(trees.write(tmp_path, zones(cpu_thermal=70_000)))

    assert inspect_temperature(fs).status == "unknown"
    found = inspect_temperature(fs, targets.load("raspberry-pi-4b").thermal)
    assert (found.status, found.found) == ("warn", "thermal/cpu-thermal 70.0 C, throttles at 80 C")


def test_a_power_chip_at_a_constant_100_degrees_delays_nothing(tmp_path: Path) -> None:
    fs = HostFs(trees.write(tmp_path, JETSON_NANO))
    zones_of_nano = targets.load("jetson-nano").thermal.zones

    found = wait_until_cool(fs, 55.0, sleep=lambda seconds: pytest.fail("waited"), patterns=zones_of_nano)

    assert (found.status, found.found) == (
        "ok",
        "thermal/CPU-therm 31.0 C (of 2 sensors of the processor) after 0 s, limit 55 C",
    )


def test_cooling_down_ends_when_it_gets_no_cooler(tmp_path: Path) -> None:
    root = trees.write(tmp_path, trees.raspberry_pi_5())
    (root / "sys/class/thermal/thermal_zone0/temp").write_text("65000\n")
    waits: list[float] = []

    found = wait_until_cool(HostFs(root), limit_c=60.0, sleep=waits.append, patterns=["thermal/cpu-thermal"])

    assert found.status == "warn"
    assert sum(waits) == 30.0
    assert "65.0 C after 30 s, limit 60 C" in found.found


def test_cooling_down_waits_until_it_is_cool(tmp_path: Path) -> None:
    root = trees.write(tmp_path, zones(cpu_thermal=70_000))
    temp = root / "sys/class/thermal/thermal_zone0/temp"
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        temp.write_text(f"{70_000 - 5_000 * len(waits)}\n")

    found = wait_until_cool(HostFs(root), limit_c=60.0, sleep=sleep)

    assert (found.status, len(waits)) == ("ok", 2)
    assert "60.0 C" in found.found


def test_cooling_down_gives_up(tmp_path: Path) -> None:
    fs = HostFs(trees.write(tmp_path, trees.raspberry_pi_5()))

    found = wait_until_cool(fs, limit_c=40.0, timeout_s=10, sleep=lambda seconds: None)

    assert found.status == "warn"
    assert "after 10 s" in found.found


def test_cooling_down_without_a_thermometer_does_not_wait(tmp_path: Path) -> None:
    found = wait_until_cool(HostFs(tmp_path), limit_c=40.0, sleep=lambda seconds: pytest.fail("waited"))

    assert found.status == "unknown"
