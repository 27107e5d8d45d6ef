"""One writer per run folder: the second is refused with the process id of the first, which takes its lock with it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.core import folder_lock
from harness.core.errors import UsageError
from harness.core.folder_lock import FolderInUse, locked, refuse_if_used
from harness.store.runfolder import RunFolder
from tests import factory

HOLD = "import sys, pathlib\nfrom harness.core.folder_lock import locked\nwith locked(pathlib.Path(sys.argv[1])):\n"


def holder(folder: Path, then: str = "print('held', flush=True); sys.stdin.read()") -> subprocess.Popen[str]:
    """A process that holds the lock of a folder, when its first line is read."""
    command = [sys.executable, "-c", f"{HOLD}    {then}", str(folder)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def test_a_second_writer_is_refused_with_the_process_id_of_the_first(tmp_path: Path) -> None:
    with holder(tmp_path) as child:
        with pytest.raises(FolderInUse, match=f"in use: process {child.pid} writes"), locked(tmp_path):
            pass
        with pytest.raises(FolderInUse):
            refuse_if_used(tmp_path)
        with pytest.raises(FolderInUse):
            RunFolder.create(tmp_path, factory.header(factory.nets()[:1]))
        assert RunFolder.create(tmp_path, factory.header(factory.nets()[:1]), number=True).path != tmp_path
        child.kill()
    with locked(tmp_path):
        assert (tmp_path / folder_lock.NAME).read_text() == f"{os.getpid()}\n"


def test_a_lock_goes_with_its_process_though_a_forked_one_lives_on(tmp_path: Path) -> None:
    forked = (
        "import os; r = os.fork()\n    if r: print('held', flush=True); sys.stdin.read()\n    else: sys.stdin.read()"
    )
    child = holder(tmp_path, forked)
    child.kill()
    child.wait()  # the forked process still reads
    with locked(tmp_path):
        pass
    child.communicate()


def test_two_sessions_of_one_process_are_told_apart(tmp_path: Path) -> None:
    again = tmp_path / ".." / tmp_path.name
    with locked(tmp_path), pytest.raises(FolderInUse, match=f"process {os.getpid()}"), locked(again):
        pass
    with locked(tmp_path):
        pass
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def test_a_file_system_without_locks_is_no_reason_to_refuse(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(folder_lock.fcntl, "lockf", unsupported)
    with locked(tmp_path):
        assert (tmp_path / folder_lock.NAME).exists()


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("untouched")
    (tmp_path / folder_lock.NAME).symlink_to(tmp_path / "theirs")
    with pytest.raises(OSError, match=r"\.lock"), locked(tmp_path):
        pass
    assert (tmp_path / "theirs").read_text() == "untouched"


def test_a_folder_whose_process_was_killed_before_its_header_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / "run" / "records").mkdir(parents=True)
    (tmp_path / "run" / folder_lock.NAME).write_text("1\n")
    header = factory.header(factory.nets()[:1])
    assert RunFolder.create(tmp_path / "run", header).header() == header


def test_records_without_a_header_are_not_mixed_with_those_of_a_new_run(tmp_path: Path) -> None:
    folder = factory.write_run(tmp_path / "run", factory.nets()[:1])
    (folder.path / "run.json").unlink()
    with pytest.raises(UsageError, match="already holds a run"):
        RunFolder.create(folder.path, factory.header(factory.nets()[:1]))
