"""The commands targets, sensors, doctor, host and meter, as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.core.errors import DataError, DescriptorError, UnknownName, UsageError
from harness.host.checks import virtualization
from tests import trees


@pytest.fixture(autouse=True)
def no_user_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(autouse=True)
def no_emulation(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests give the same exit codes on an emulated CPU."""
    monkeypatch.setattr(virtualization, "emulated", lambda fs: "")


def call(command: str, *words: str, root: Path | None = None) -> int:
    machine = ["--host-root", str(root)] if root else []
    arguments = cli.parser().parse_args([*machine, command, *words])
    code: int = arguments.run(arguments)
    return code


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    return trees.write(tmp_path / "pi", trees.raspberry_pi_5())


def test_detect(capsys: pytest.CaptureFixture[str], pi: Path) -> None:
    assert call("targets", "detect", "--json", root=pi) == 0
    assert printed(capsys)["name"] == "raspberry-pi-5"

    assert call("targets", "detect", root=pi) == 0
    output = capsys.readouterr().out
    assert output.startswith("raspberry-pi-5: Raspberry Pi 5\n  because  ")
    assert "unknown  the memory: absent" in output


def test_list_and_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("targets", "list", "--json") == 0
    assert {"name": "coral-usb", "title": "Coral USB Accelerator", "kind": "accelerator"} in printed(capsys)

    assert call("targets", "show", "raspberry-pi-5", "--json") == 0
    assert printed(capsys)["memory"]["sizes_gib"] == [2, 4, 8, 16]

    assert call("targets", "show", "raspberry-pi-5") == 0
    assert "cpu.clusters[0].core                     Cortex-A76" in capsys.readouterr().out


def test_check(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert call("targets", "check") == 0
    assert "raspberry-pi-5: ok" in capsys.readouterr().out

    bad = tmp_path / "bad.toml"
    bad.write_text('extends = "raspberry-pi-5"\nthread = [1]\n')
    assert call("targets", "check", str(bad), "--json") == DescriptorError.exit_code
    (found,) = printed(capsys)
    assert not found["valid"]
    assert "did you mean 'threads'" in found["problem"]


def test_check_of_one_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("targets", "check", "raspberry-pi-5", "raspberry-pi-5+coral-usb") == 0
    assert capsys.readouterr().out == "raspberry-pi-5: ok\nraspberry-pi-5+coral-usb: ok\n"

    with pytest.raises(UnknownName, match="raspbery-pi-5"):
        call("targets", "check", "raspbery-pi-5")


@pytest.mark.parametrize("name", ["raspberry-pi-5.toml", "README.md"])
def test_check_of_a_file_that_is_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no descriptor file"):
        call("targets", "check", str(tmp_path / name))


def test_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("targets", "schema") == 0
    assert "extends" in printed(capsys)["properties"]


def test_sensors(capsys: pytest.CaptureFixture[str], pi: Path) -> None:
    assert call("sensors", "--json", root=pi) == 0

    found = printed(capsys)
    assert found["board_power_w"] == pytest.approx(2.76419, abs=1e-5)
    assert found["board_power_sum_w"] == pytest.approx(1.90053, abs=5e-6)
    assert found["board_power_scope"] == "board"
    by_name = {channel["name"]: channel for channel in found["channels"]}
    assert by_name["thermal/cpu-thermal"]["value"] == 48.85
    assert all((each["value"] is None) != (each["reason"] is None) for each in found["channels"])
    assert {"sensor": "ina3221", "reason": "no chip called ina3221 in /sys/class/hwmon"} in found["absent"]


def test_sensors_without_any(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert call("sensors", "--json", root=trees.write(tmp_path / "vm", trees.virtual_machine())) == 0

    found = printed(capsys)
    assert found["board_power_w"] is None
    assert "no zone in /sys/class/powercap" in found["board_power_reason"]
    assert found["channels"] == []


def test_sensors_of_a_gated_zone_gives_the_reason(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    root = trees.write(tmp_path / "orin", trees.jetson_orin_nano())
    assert call("sensors", root=root) == 0

    output = capsys.readouterr().out
    assert output.startswith("jetson-orin-nano: 9.250 W (module)\n")
    assert "thermal/cv0-thermal                  absent: " in output


def test_doctor(capsys: pytest.CaptureFixture[str], pi: Path) -> None:
    assert call("doctor", root=pi) == 0
    assert "warn  governor         ondemand\n" in capsys.readouterr().out

    (pi / "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled").write_text("4\n")
    assert call("doctor", "--strict", "--json", root=pi) == 4
    found = {each["check"]: each for each in printed(capsys)["findings"]}
    assert found["throttled"]["status"] == "fail"


def test_doctor_tunes_and_restores(capsys: pytest.CaptureFixture[str], pi: Path) -> None:
    governor = pi / trees.CPU / "cpufreq/policy0/scaling_governor"

    call("doctor", "--tune", root=pi)
    assert governor.read_text() == "performance"
    assert "set      /sys/devices/system/cpu/cpufreq/policy0/scaling_governor: ondemand -> performance" in (
        capsys.readouterr().out
    )

    call("doctor", "--restore", root=pi)
    assert governor.read_text() == "ondemand"


def test_host_show_and_record(capsys: pytest.CaptureFixture[str], pi: Path, tmp_path: Path) -> None:
    assert call("host", "show", root=pi) == 0
    assert printed(capsys)["board"] == "Raspberry Pi 5 Model B Rev 1.0"

    assert call("host", "record", str(tmp_path / "recording"), "--seconds", "0.01", root=pi) == 0
    capsys.readouterr()
    assert call("targets", "detect", "--json", root=tmp_path / "recording") == 0
    assert printed(capsys)["name"] == "raspberry-pi-5"
    with pytest.raises(UsageError, match="is a recording already"):
        call("host", "record", str(tmp_path / "again"), root=tmp_path / "recording")


def test_a_wrong_root_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder to read a machine from"):
        call("sensors", root=tmp_path / "nowhere")


def meter_trace(path: Path) -> Path:
    rows = [f"{tick / 100},{5 + (tick % 5) / 1000},{int(500 <= tick < 1500)}" for tick in range(2000)]
    path.write_text("\n".join(["time_s,power_w,trigger", *rows]) + "\n")
    return path


def test_meter(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = meter_trace(tmp_path / "trace.csv")

    assert call("meter", str(path), "--inferences", "100", "--json") == 0
    assert printed(capsys)["median_energy_gross_j"] == pytest.approx(0.5002, rel=1e-4)

    assert call("meter", str(path), "--inferences", "100") == 0
    assert "J +- " in capsys.readouterr().out


def test_meter_without_a_mark_measured_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("time_s,power_w,trigger\n0,1,0\n1,1,0\n")

    assert call("meter", str(path), "--inferences", "1") == 3
    assert "no trigger mark" in capsys.readouterr().out


def test_meter_takes_the_channel_that_it_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = meter_trace(tmp_path / "trace.csv")
    lines = path.read_text().splitlines()
    path.write_text(
        "\n".join(["time_s;power_w;D1;D2", *(f"{line.replace(',', ';')};{n % 2}" for n, line in enumerate(lines[1:]))])
    )

    assert call("meter", str(path), "--inferences", "100", "--trigger", "D1", "--json") == 0
    found = printed(capsys)
    assert (found["trigger"], len(found["windows"])) == ("d1", 1)
    with pytest.raises(DataError, match="more than one channel changes: D1, D2"):
        call("meter", str(path), "--inferences", "100")


def test_meter_wants_a_number_of_inferences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        call("meter", str(meter_trace(tmp_path / "trace.csv")), "--inferences", "0")
    assert "argument --inferences: '0' is not a positive whole number" in capsys.readouterr().err
