"""Each driver on the tree of a machine that has it: names, units, values; and the reason on one that has not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import UnknownName
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.sensors import open_sensors, read_all
from harness.sensors.registry import AbsentSensor, read_safely
from tests import trees


def values(root: Path, *names: str) -> dict[str, Any]:
    sensors = open_sensors(HostFs(root), names or None)
    return {name: reading.value for name, reading in read_all(sensors).items()}


def test_raspberry_pi_5(tmp_path: Path) -> None:
    seen = values(trees.write(tmp_path, trees.raspberry_pi_5()))

    assert seen["thermal/cpu-thermal"] == 48.85
    assert seen["hwmon/rp1_adc/temp1"] == 54.31
    assert seen["cpufreq/policy0"] == 2.4e9
    assert seen["pi-throttled/bits"] == 0
    assert seen["rpi-volt/under-voltage"] == 0
    assert seen["pmic/VDD_CORE"] == pytest.approx(0.7209762 * 0.94657990)
    assert seen["pmic/EXT5V"] == 5.11478


def test_jetson_orin_nano(tmp_path: Path) -> None:
    seen = values(trees.write(tmp_path, trees.jetson_orin_nano()))

    assert seen["ina3221/1-0040/VDD_SOC"] == pytest.approx(4.984 * 0.544)
    assert seen["soctherm-oc/oc3"] == 27390
    assert seen["cooling/gpu-throttle-alert"] == 0
    assert seen["devfreq/17000000.gpu"] == 306e6
    assert seen["gpu-load/gpu"] == 0.5
    assert isinstance(seen["thermal/cv0-thermal"], Missing)


def test_intel_laptop(tmp_path: Path) -> None:
    seen = values(trees.write(tmp_path, trees.intel_laptop()))

    assert seen["powercap/package-0"] == 240422.366267
    assert seen["powercap/package-0/core"] == 118821.284256
    assert seen["powercap/psys"] == 81234.56789
    assert seen["hwmon/coretemp/Package id 0"] == 56
    assert seen["cpu-throttle/package"] == 45
    assert not [name for name in seen if "mmio" in name]


def test_a_mirror_without_its_package_counts_as_the_package(tmp_path: Path) -> None:
    zone: dict[str, tuple[str, str, int]] = {
        "intel-rapl-mmio:0": ("intel-rapl-mmio/intel-rapl-mmio:0", "package-0", 7_000_000)
    }

    assert values(trees.write(tmp_path, trees.rapl(zone)), "powercap") == {"powercap/package-0": 7.0}


def test_coral_over_its_first_trip_point(tmp_path: Path) -> None:
    root = trees.write(tmp_path, trees.coral_host())
    assert values(root, "apex")["apex/apex_0/over-trip"] == 0

    (root / "sys/class/apex/apex_0/temp").write_text("84800\n")
    (root / "sys/class/apex/apex_0/status").write_text("LAMED\n")

    assert values(root, "apex") == {
        "apex/apex_0/temperature": 84.8,
        "apex/apex_0/over-trip": 1.0,
        "apex/apex_0/alive": 0.0,
    }


@pytest.mark.parametrize("chip", ["ina219", "ina226", "ina260"])
def test_a_single_rail_meter_on_a_hat(tmp_path: Path, chip: str) -> None:
    files = trees.below(f"{trees.HWMON}/hwmon2", {"name": chip, "power1_input": 3_250_000})

    assert values(trees.write(tmp_path, files), "ina2xx") == {"ina2xx/hwmon2/power1": 3.25}


def test_a_meter_shown_by_its_i2c_driver_alone(tmp_path: Path) -> None:
    chip: trees.Tree = {"name": "ina3221", "in1_label": "VDD_IN", "in1_input": 5000, "curr1_input": 1000}
    files = trees.below("sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon4", chip)

    assert values(trees.write(tmp_path, files), "ina3221") == {"ina3221/1-0040/VDD_IN": 5.0}


def test_two_zones_of_one_type_are_both_there(tmp_path: Path) -> None:
    files = {
        f"{trees.THERMAL}/thermal_zone{n}/{k}": v for n in (0, 1) for k, v in (("type", "acpitz"), ("temp", n * 1000))
    }

    assert values(trees.write(tmp_path, files), "thermal") == {"thermal/acpitz": 0.0, "thermal/acpitz#2": 1.0}


def test_a_virtual_machine_has_no_channels_but_reasons(tmp_path: Path) -> None:
    sensors = open_sensors(HostFs(trees.write(tmp_path, trees.virtual_machine())))

    assert read_all(sensors) == {}
    assert all(sensor.absent for sensor in sensors)
    assert "no policy" in next(sensor.absent for sensor in sensors if sensor.name == "cpufreq")


def test_every_channel_is_named_after_its_sensor(tmp_path: Path) -> None:
    for name, tree in trees.STATIC.items():
        for sensor in open_sensors(HostFs(trees.write(tmp_path / name, tree()))):
            assert [channel.name for channel in sensor.channels if not channel.name.startswith(f"{sensor.name}/")] == []
            sensor.close()


def test_every_reading_reads_the_file(tmp_path: Path) -> None:
    root = trees.write(tmp_path, trees.raspberry_pi_5())
    (sensor,) = open_sensors(HostFs(root), ["thermal"])
    assert sensor.read()[0].value == 48.85

    with (root / "sys/class/thermal/thermal_zone0/temp").open("r+") as file:
        file.write("51200\n")

    assert sensor.read()[0].value == 51.2
    sensor.close()
    assert sensor.read()[0].value == 51.2


def test_an_unknown_sensor_is_an_error_with_the_near_name(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'powercap'"):
        open_sensors(HostFs(tmp_path), ["powercp"])


class _Raising(AbsentSensor):
    def read(self) -> Any:
        raise RuntimeError("broken")


def test_a_sensor_that_breaks_its_promise_gives_reasons(tmp_path: Path) -> None:
    (thermal,) = open_sensors(HostFs(trees.write(tmp_path, trees.raspberry_pi_5())), ["thermal"])
    sensor = _Raising("third-party", "")
    sensor.channels = thermal.channels  # type: ignore[assignment]

    (reading,) = read_safely(sensor)

    assert isinstance(reading.value, Missing)
    assert "RuntimeError: broken" in reading.value.reason
