from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest

from harness import store
from harness.cli import main
from harness.cli.figures import width_mm
from harness.core.errors import EXIT_NOTHING_MEASURED, EXIT_OK, EXIT_USAGE
from tests import factory


@pytest.fixture
def run(tmp_path: Path) -> str:
    return str(factory.write_run(tmp_path / "run", [*factory.nets()[:4], *factory.troubled()]).path)


@pytest.mark.parametrize(("text", "width"), [("single", 88.0), ("double", 180.0), ("84", 84.0), ("122.5mm", 122.5)])
def test_widths(text: str, width: float) -> None:
    assert width_mm(text) == width


@pytest.mark.parametrize("text", ["triple", "0", "-88", "1000", "nan"])
def test_impossible_widths_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="50 to 400 millimetres"):
        width_mm(text)


def test_files_are_written_and_named_with_what_they_leave_out(
    run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    assert (
        main(["figures", run, "--format", "svg", "--only", "ecdf,history", "--out", str(tmp_path / "out")]) == EXIT_OK
    )
    printed = capsys.readouterr().out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["ecdf.svg"]
    assert f"figure: {tmp_path}/out/ecdf.svg\n  2 cases left out that cannot be trusted" in printed
    assert "no history: a history needs two runs" in printed


def test_the_folder_is_in_the_first_run(run: str) -> None:
    pytest.importorskip("matplotlib")
    assert main(["figures", f"{run}/run.json", "--only", "front"]) == EXIT_OK
    assert Path(run, "figures", "front.pdf").read_bytes().startswith(b"%PDF")


def test_runs_of_a_store_are_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    location = str(tmp_path / "bench.sqlite")
    with store.open(location) as opened:
        for day in (1, 2):
            folder = factory.write_run(
                tmp_path / str(day), factory.nets()[:2], run_id=f"r{day}", started_utc=f"2026-01-0{day}T00:00:00Z"
            )
            opened.append(folder)
    assert main(["figures", "--store", location, "--only", "history"]) == EXIT_USAGE
    assert "no default folder for figures of a store" in capsys.readouterr().err
    assert main(["figures", "--store", location, "--only", "history", "--out", str(tmp_path / "out")]) == EXIT_OK
    assert (tmp_path / "out" / "history.pdf").is_file()


def test_without_matplotlib_the_message_has_the_line_that_installs_it(
    run: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["figures", run]) == EXIT_USAGE
    assert capsys.readouterr().err == "edgebench: figures need matplotlib\n  pip install 'edgebench[figures]'\n"


def test_nothing_to_draw_is_no_success(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    assert main(["figures", run, "--only", "history"]) == EXIT_NOTHING_MEASURED
    assert "nothing to draw: history: a history needs two runs" in capsys.readouterr().err
