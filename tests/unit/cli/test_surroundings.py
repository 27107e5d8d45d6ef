"""Commands without a home folder, with names that are not UTF-8, and on a full disk: no traceback."""

from __future__ import annotations

import errno
import json
import os
import pwd
from pathlib import Path
from typing import NoReturn

import pytest

from harness.cli import _output, main
from harness.core.errors import EXIT_OK, EXIT_USAGE
from tests import trees

ODD = os.fsdecode(b"od\xff")


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_entry(key: object) -> NoReturn:
        raise KeyError(key)

    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "EDGEBENCH_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", no_entry)
    monkeypatch.setattr(pwd, "getpwnam", no_entry)


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    return trees.write(tmp_path / "pi", trees.raspberry_pi_5())


@pytest.mark.usefixtures("homeless")
@pytest.mark.parametrize(
    "words", [["targets", "detect"], ["targets", "list"], ["doctor"], ["sensors"], ["host", "show"]]
)
def test_what_needs_no_home_works_without_one(pi: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--host-root", str(pi), *words]) == EXIT_OK
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("homeless")
@pytest.mark.parametrize(
    ("words", "variable"),
    [
        (["doctor", "--restore"], "XDG_STATE_HOME"),
        (["history"], "XDG_DATA_HOME"),
        (["data", "list"], "XDG_CACHE_HOME"),
        (["run", "quick", "--profile", "smoke"], "XDG_CACHE_HOME"),
    ],
)
def test_what_needs_a_home_says_what_to_set(
    words: list[str], variable: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == EXIT_USAGE
    said = capsys.readouterr().err
    assert "no home folder: HOME is not set" in said
    assert f"set HOME, or {variable}, to a folder of yours" in said


def test_a_machine_whose_folder_and_files_are_not_utf_8(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    files: trees.Tree = {
        **trees.below(f"{trees.THERMAL}/thermal_zone0", {"type": b"cpu\xff-thermal", "temp": 40_000}),
        "proc/cpuinfo": b"processor : 0\nmodel name : Int\xe9l\nflags : lm\n",
    }
    root = trees.write(tmp_path / ODD, files)

    for words in (["targets", "detect"], ["doctor"], ["sensors"], ["sensors", "--json"]):
        assert main(["--host-root", str(root), *words]) == EXIT_OK
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "words",
    [
        ["meter", f"{ODD}.csv", "--inferences", "1"],
        ["run", f"{ODD}.toml"],
        ["run", "--model", f"{ODD}.onnx"],
        ["import", f"{ODD}.json"],
        ["table", ODD],
        ["report", ODD],
        ["targets", "check", f"{ODD}.toml"],
        ["--targets", ODD, "targets", "list"],
        ["--host-root", ODD, "sensors"],
        ["history", "--store", f"{ODD}.sqlite"],
    ],
)
def test_a_name_that_is_not_utf_8_is_shown_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(words) == EXIT_USAGE
    said = capsys.readouterr().err
    assert "od\\xff" in said
    assert "unexpected" not in said


def test_a_meters_file_whose_name_is_not_utf_8(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{tick / 100},{2 + tick % 5 / 1000},{int(500 <= tick < 1500)}" for tick in range(2000)]
    path = tmp_path / f"{ODD}.csv"
    path.write_text("\n".join(["time_s,power_w,trigger", *rows]))

    assert main(["meter", str(path), "--inferences", "100", "--json"]) == EXIT_OK
    assert json.loads(capsys.readouterr().out)["median_energy_gross_j"] == pytest.approx(0.2, rel=0.01)


def test_a_full_disk_names_the_file_that_was_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def write() -> None:
        with Path("/dev/full").open("w") as file:
            file.write("x")
            file.flush()

    monkeypatch.setattr("harness.cli.suites.run", lambda arguments: write())

    assert main(["suites"]) == EXIT_USAGE
    assert capsys.readouterr().err == (
        "edgebench: No space left on device: /dev/full\n  free some space, or write to another disk\n"
    )


def test_a_report_that_does_not_fit_leaves_the_run_complete(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from argparse import Namespace

    from harness.cli.run import conclude
    from harness.core.errors import UsageError
    from harness.store.runfolder import RunFolder

    def full(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "report.html"))

    monkeypatch.setattr(_output, "show_table", lambda *_, **__: None)
    monkeypatch.setattr(_output, "show_report", full)
    with pytest.raises(UsageError) as raised:
        conclude(RunFolder(tmp_path), Namespace(json=False, no_report=False))

    assert raised.value.message == f"No space left on device: {tmp_path / 'report.html'}"
    assert raised.value.remedy == (
        f"the run is complete in {tmp_path}: free some space, then: edgebench report {tmp_path}"
    )
