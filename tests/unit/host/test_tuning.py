"""Knobs are turned back by whatever way the block ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.core.hostfs import HostFs
from harness.host.checks import Change
from harness.host.tuning import apply, restore, tuned
from tests import trees

KNOB = "/sys/devices/system/cpu/intel_pstate/no_turbo"
CHANGES = [Change(KNOB, "1")]


@pytest.fixture
def fs(tmp_path: Path) -> HostFs:
    return HostFs(trees.write(tmp_path / "tree", {KNOB.lstrip("/"): "0"}))


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "state" / "tuned.json"


def test_set_within_the_block_and_back_after(fs: HostFs, journal: Path) -> None:
    with tuned(fs, CHANGES, journal) as applied:
        assert fs.read(KNOB) == "1"
        assert journal.exists()
    assert fs.read(KNOB) == "0"
    assert not journal.exists()
    assert [(each.before, each.after, each.refused) for each in applied] == [("0", "1", "")]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_back_after_an_error_or_an_interrupt(fs: HostFs, journal: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), tuned(fs, CHANGES, journal):
        raise error
    assert fs.read(KNOB) == "0"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_back_after_a_signal(fs: HostFs, journal: Path, number: signal.Signals) -> None:
    program = f"""
import signal
from pathlib import Path
from harness.core.hostfs import HostFs
from harness.host.checks import Change
from harness.host.tuning import tuned
before = signal.getsignal({int(number)})
try:
    with tuned(HostFs({str(fs.root)!r}), [Change({KNOB!r}, "1")], Path({str(journal)!r})):
        signal.raise_signal({int(number)})
        raise SystemExit("the signal did not end the block")
finally:
    assert signal.getsignal({int(number)}) is before
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[3], check=False)
    assert ended.returncode == 128 + number
    assert fs.read(KNOB) == "0"
    assert not journal.exists()


def test_the_next_run_undoes_what_a_killed_one_left(fs: HostFs, journal: Path) -> None:
    program = f"""
import os, signal
from pathlib import Path
from harness.core.hostfs import HostFs
from harness.host.checks import Change
from harness.host.tuning import tuned
with tuned(HostFs({str(fs.root)!r}), [Change({KNOB!r}, "1")], Path({str(journal)!r})):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[3], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert fs.read(KNOB) == "1"

    with tuned(fs, [], journal):
        assert fs.read(KNOB) == "0"


def test_a_knob_that_refuses_is_reported(fs: HostFs, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_open = os.open

    def open_(path: str, flags: int, *rest: int) -> int:
        if flags & os.O_WRONLY and str(path).endswith("no_turbo"):
            raise PermissionError(13, "Permission denied")
        return real_open(path, flags, *rest)

    monkeypatch.setattr(os, "open", open_)

    with tuned(fs, CHANGES, journal) as applied:
        pass

    assert applied[0].refused == f"denied: {KNOB}"


def test_a_knob_that_is_not_there_is_reported(fs: HostFs, journal: Path) -> None:
    applied = apply(fs, [Change("/sys/nowhere", "1")], journal)

    assert applied[0].refused == "absent: /sys/nowhere"
    assert not journal.exists()


def test_last_change_is_undone_first(fs: HostFs, journal: Path) -> None:
    apply(fs, [Change(KNOB, "1"), Change(KNOB, "2")], journal)
    assert fs.read(KNOB) == "2"

    undone = restore(fs, journal)

    assert [each.after for each in undone] == ["1", "0"]
    assert fs.read(KNOB) == "0"


def test_what_cannot_be_undone_stays_in_the_journal(fs: HostFs, journal: Path) -> None:
    apply(fs, CHANGES, journal)
    fs.path(KNOB).unlink()

    (undone,) = restore(fs, journal)

    assert undone.refused
    assert journal.exists()
    trees.write(fs.root, {KNOB.lstrip("/"): "1"})
    restore(fs, journal)
    assert fs.read(KNOB) == "0"
    assert not journal.exists()


def test_a_damaged_journal_is_a_clear_error(fs: HostFs, journal: Path) -> None:
    journal.parent.mkdir()
    journal.write_text("{")

    with pytest.raises(UsageError, match="journal of tuned settings"):
        restore(fs, journal)
