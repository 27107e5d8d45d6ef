"""Scratch folders, removed when they are done with; those of killed processes are removed at the next start."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path

from .folder_lock import NAME, FolderInUse, locked

PREFIX = "edgebench-scratch-"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give an empty folder within the `with` block, in that for temporary files (TMPDIR).

    It is locked while it is in use, so that nobody takes it for one that a killed process left.
    """
    _remove_abandoned_once(tempfile.gettempdir())
    with ExitStack() as stack:
        folder = _locked_folder(stack)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _locked_folder(stack: ExitStack) -> Path:
    """Return a new folder that is locked until the stack closes."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        with suppress(FolderInUse, FileNotFoundError):  # another process took it for an abandoned one before the lock
            stack.enter_context(locked(folder))
            return folder


@cache
def _remove_abandoned_once(place: str) -> None:
    remove_abandoned(Path(place))


def remove_abandoned(place: Path) -> None:
    """Remove this user's scratch folders in `place` that no living process holds."""
    for folder in place.glob(f"{PREFIX}*"):
        with suppress(OSError, FolderInUse):
            about = folder.lstat()
            if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
                continue
            if (folder / NAME).exists():
                with locked(folder):
                    shutil.rmtree(folder)
            else:
                folder.rmdir()  # its process ended before it locked it
