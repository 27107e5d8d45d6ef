"""Standard output that is closed or whose reader leaves: a run is interrupted, a table ends, nothing is a bug."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.cli import run as run_command
from harness.cli._console import console
from tests import factory

ROOT = Path(__file__).parents[3]
MAIN = "import sys; from harness.cli import main; sys.exit(main(sys.argv[1:]))"


def ended(words: list[str], **how: object) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    return subprocess.run([sys.executable, "-c", MAIN, *words], env=environment, check=False, **how)  # type: ignore[call-overload]


@pytest.fixture
def table(tmp_path: Path) -> list[str]:
    return ["table", str(factory.write_run(tmp_path / "run", factory.nets()).path)]


@pytest.mark.parametrize("form", ["terminal", "csv", "json", "markdown"])
def test_a_table_whose_reader_has_left_ends_well(table: list[str], form: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = ended([*table, "--format", form], stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_closed_output_is_no_bug_and_no_file_of_ours_takes_its_place(table: list[str], tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    for words in (table, ["report", table[1], "--out", str(page)]):
        command = ["sh", "-c", '"$@" <&- >&-', "sh", sys.executable, "-c", MAIN, *words]
        done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False, stderr=subprocess.PIPE)
        assert (done.returncode, done.stderr) == (0, b"")
    assert page.read_bytes().startswith(b"<!doctype html>")


class Display:
    """A display whose reader leaves at the second event."""

    def __init__(self) -> None:
        self.shown = 0

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, _: object) -> None:
        self.shown += 1
        if self.shown == 2:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")


@pytest.mark.parametrize("left", [True, False])
def test_a_run_whose_reader_leaves_is_interrupted(monkeypatch: pytest.MonkeyPatch, left: bool) -> None:
    monkeypatch.setattr(run_command, "reader_left", lambda: left)
    session, display = SimpleNamespace(interrupted=False, run=lambda: iter(range(5))), Display()
    if not left:
        with pytest.raises(BrokenPipeError):
            run_command._observe(session, display)
        return
    run_command._observe(session, display)
    assert session.interrupted
    assert display.shown == 2


def test_the_console_leaves_a_broken_pipe_to_the_command() -> None:
    try:
        raise BrokenPipeError
    except BrokenPipeError:
        with pytest.raises(BrokenPipeError):
            console().on_broken_pipe()
