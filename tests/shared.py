"""What is made once and used by the tests of all workers: a measured run, a night."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return the folder `name` that `make` filled, made by whichever worker of pytest-xdist asks first.

    It is to be read only; `copy` gives a test its own.
    """
    base = factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder, done = shared / name, shared / f"{name}.done"
    folder.mkdir(parents=True, exist_ok=True)
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            make(folder)
            done.touch()
    return folder


def copy(folder: Path, to: Path) -> Path:
    """Copy a shared folder, with its links as links, to one that may be there already; return that."""
    shutil.copytree(folder, to, symlinks=True, dirs_exist_ok=True)
    return to
