"""Scratch folders: gone with their user; those of the killed go with the next start, those of the living stay."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness.core import scratch
from harness.core.scratch import PREFIX, remove_abandoned, scratch_folder

USE = """
import sys
from harness.core.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "large").write_text("x")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder for temporary files of this process and of those it starts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    scratch._remove_abandoned_once.cache_clear()
    return tmp_path


def user() -> tuple[subprocess.Popen[str], Path]:
    """A process that uses a scratch folder, and that folder."""
    child = subprocess.Popen([sys.executable, "-c", USE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    return child, Path(child.stdout.readline().strip())


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt])
def test_a_folder_is_gone_after_use(place: Path, error: type[BaseException] | None) -> None:
    def use() -> None:
        with scratch_folder() as folder:
            (folder / "below").mkdir()
            if error:
                raise error

    if error:
        with pytest.raises(error):
            use()
    else:
        use()
    assert list(place.iterdir()) == []


def test_that_of_a_killed_process_is_removed_at_the_next_start_and_that_of_a_living_one_is_not(place: Path) -> None:
    (dead, left), (alive, kept) = user(), user()
    dead.kill()
    dead.communicate()
    assert (left / "large").exists()
    with scratch_folder() as own:
        assert set(place.iterdir()) == {kept, own}
    alive.communicate()
    assert list(place.iterdir()) == []


def test_what_is_not_ours_stays(place: Path) -> None:
    elsewhere = place / "theirs"
    elsewhere.mkdir()
    (elsewhere / "file").touch()
    (place / f"{PREFIX}link").symlink_to(elsewhere)
    (place / f"{PREFIX}file").touch()
    (place / f"{PREFIX}unlocked").mkdir()
    (place / f"{PREFIX}unlocked" / "file").touch()
    (place / f"{PREFIX}empty").mkdir()
    remove_abandoned(place)
    names = {path.name for path in place.iterdir()}
    assert names == {"theirs", f"{PREFIX}link", f"{PREFIX}file", f"{PREFIX}unlocked"}
    assert (elsewhere / "file").exists()
