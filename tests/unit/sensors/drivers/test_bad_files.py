"""Denied, gated, failing, cut and garbled files: a reason each, never 0, never an exception."""

from __future__ import annotations

import errno
import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest

import targets
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.sensors import open_sensors, read_all
from harness.sensors.registry import overview
from tests import trees
from tests.unit.sensors.conftest import FailFiles

FILES = {
    "thermal": "thermal_zone0/temp",
    "cpufreq": "policy0/scaling_cur_freq",
    "ina3221": "curr1_input",
    "powercap": "intel-rapl:0/energy_uj",
    "apex": "apex_0/temp",
    "pmic": "pmic_read_adc",
    "pi-throttled": "get_throttled",
    "cpu-throttle": "core_throttle_count",
}
WORDS = {
    errno.EACCES: "denied",
    errno.EAGAIN: "unavailable: gated or asleep",
    errno.ENODATA: "unavailable: no data",
    errno.EIO: "unavailable: device error",
}


@pytest.fixture
def everything(tmp_path: Path) -> HostFs:
    """One machine with every sensor."""
    tree = {**trees.raspberry_pi_5(), **trees.ina3221(9, "0040", {"VDD_IN": (5000, 1000)})}
    return HostFs(trees.write(tmp_path, {**tree, **trees.intel_laptop(), **trees.coral_host()}))


@pytest.mark.parametrize("sensor_name", FILES)
@pytest.mark.parametrize("number", WORDS, ids=errno.errorcode.get)
def test_a_failing_read_is_missing_with_the_reason(
    everything: HostFs, failing_reads: FailFiles, sensor_name: str, number: int
) -> None:
    (sensor,) = open_sensors(everything, [sensor_name])
    assert sensor.absent == ""

    failing_reads(FILES[sensor_name], number)
    reasons = [reading.value.reason for reading in sensor.read() if isinstance(reading.value, Missing)]

    assert reasons
    assert all(reason.startswith(WORDS[number]) for reason in reasons)


@pytest.mark.parametrize("sensor_name", sorted(set(FILES) - {"pmic"}))
def test_a_file_that_may_not_be_opened_is_listed_as_denied(
    everything: HostFs, failing_opens: FailFiles, sensor_name: str
) -> None:
    failing_opens(FILES[sensor_name], errno.EACCES)
    sensors = open_sensors(everything, [sensor_name])

    reasons = [reading.value.reason for reading in read_all(sensors).values() if isinstance(reading.value, Missing)]

    assert reasons
    assert all(reason.startswith("denied") for reason in reasons)


def test_a_denied_rapl_counter_has_the_command_that_grants_access(everything: HostFs, failing_opens: FailFiles) -> None:
    failing_opens("energy_uj", errno.EACCES)

    reading = read_all(open_sensors(everything, ["powercap"]))["powercap/package-0"]

    assert isinstance(reading.value, Missing)
    assert "chmod a+r" in reading.value.reason
    assert "tmpfiles.d" in reading.value.reason


@pytest.mark.parametrize("content", [b"", b"garbage\n", b"12x4\n", b"\xff\xfe\x00", b"4.5\n", b"--\n"])
@pytest.mark.parametrize("sensor_name", FILES)
def test_a_cut_or_garbled_file_is_missing(everything: HostFs, sensor_name: str, content: bytes) -> None:
    (sensor,) = open_sensors(everything, [sensor_name])
    for path in everything.root.rglob("*"):
        if path.is_file() and str(path).endswith(FILES[sensor_name].rsplit("/", 1)[-1]):
            path.write_bytes(content)

    values = [reading.value for reading in sensor.read()]

    assert any(isinstance(value, Missing) for value in values)
    assert all(isinstance(value, Missing) or value != 0 for value in values if sensor_name != "apex")


def test_a_cut_pmic_answer_loses_only_the_rails_that_are_cut(tmp_path: Path) -> None:
    root = trees.write(tmp_path, trees.raspberry_pi_5())
    (sensor,) = open_sensors(HostFs(root), ["pmic"])
    text = trees.pmic()
    (root / "cmd/vcgencmd/pmic_read_adc").write_text(text[: text.index("VDD_CORE_V")])

    readings = {reading.channel: reading.value for reading in sensor.read()}

    assert readings["pmic/3V3_SYS"] == pytest.approx(0.04782057 * 3.299826)
    assert readings["pmic/VDD_CORE"] == Missing("unavailable: rail VDD_CORE is not in this answer of the firmware")


NOISE: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    lambda rng, held: rng.randbytes(rng.randint(1, 64)),
    lambda rng, held: held[: len(held) // 2],
    lambda rng, held: b"",
    lambda rng, held: b"9" * 400,
    lambda rng, held: "\u0663\u0664".encode(),
    lambda rng, held: b"1_000",
    lambda rng, held: b"nan",
    lambda rng, held: b"-1",
)


@pytest.mark.parametrize("name", trees.STATIC)
def test_noise_in_every_file_is_no_exception_and_no_number_out_of_nothing(tmp_path: Path, name: str) -> None:
    root = trees.write(tmp_path, trees.STATIC[name]())
    files = {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()}
    rng = random.Random(name)
    for _ in range(4):
        for path, held in files.items():
            path.write_bytes(rng.choice(NOISE)(rng, held))
        fs = HostFs(root)
        sensors = open_sensors(fs)
        power = targets.detect(fs).target.power

        seen = overview(sensors, power, sleep=lambda seconds: None)

        assert not [reason for reason in seen.absent.values() if reason.startswith("does not open")]
        for each in seen.channels:
            assert isinstance(each.value, Missing) or math.isfinite(each.value), each
            assert not str(each.value).startswith("Missing(reason='the sensor failed"), each


def test_a_vanished_file_comes_back(tmp_path: Path) -> None:
    root = trees.write(tmp_path, trees.raspberry_pi_5())
    (sensor,) = open_sensors(HostFs(root), ["thermal"])
    temp = root / "sys/class/thermal/thermal_zone0/temp"
    temp.rename(root / "away")
    assert isinstance(sensor.read()[0].value, Missing)

    (root / "away").rename(temp)

    assert sensor.read()[0].value == 48.85


def test_closed_folders_are_absent_not_a_crash(tmp_path: Path, failing_opens: FailFiles) -> None:
    assert all(sensor.absent for sensor in open_sensors(HostFs(tmp_path / "nowhere")))
