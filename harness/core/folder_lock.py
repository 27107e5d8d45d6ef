"""The lock that whoever writes to a folder holds: a second one is refused with the process id of the first.

The kernel drops the lock when its process ends, however it ends. A forked process does not inherit it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import UsageError

NAME = ".lock"
"""The locked file in the folder; it holds the process id, and is gone when its process has ended by itself."""

_UNSUPPORTED = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS})
"""A file system without locks: there, nothing stops a second writer."""

_threads = threading.Lock()
_held: set[Path] = set()
"""Folders that this process has locked; to the kernel, all its threads are one holder."""


class FolderInUse(UsageError):
    """Another process, or another session of this one, writes to the folder."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which exists, within the `with` block.

    Raises:
        FolderInUse: It is held.
    """
    place = folder.resolve()
    with _threads:
        if place in _held:
            raise _refusal(folder, str(os.getpid()))
        _held.add(place)  # before the file is opened: to close it anywhere in this process would drop the lock
    try:
        descriptor = _acquired(place / NAME, folder)
        try:
            yield
        finally:
            with suppress(FileNotFoundError):
                (place / NAME).unlink()
            os.close(descriptor)
    finally:
        with _threads:
            _held.discard(place)


def refuse_if_used(folder: Path) -> None:
    """Raise FolderInUse where another process holds the lock of a folder; its file need not exist."""
    if (folder / NAME).exists():
        with locked(folder):
            pass


def _acquired(file: Path, folder: Path) -> int:
    """Return the descriptor of the locked file; who waited for a file that is gone by then takes the new one."""
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            pid = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
            if error.errno in (errno.EACCES, errno.EAGAIN):
                os.close(descriptor)
                raise _refusal(folder, pid) from None
            if error.errno not in _UNSUPPORTED:
                os.close(descriptor)
                raise
        if _is(file, descriptor):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            return descriptor
        os.close(descriptor)


def _is(file: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _refusal(folder: Path, pid: str) -> FolderInUse:
    who = f"process {pid}" if pid.isdecimal() else "another process"
    return FolderInUse(
        f"{folder} is in use: {who} writes to it",
        f"wait until it has ended, or end it (kill {pid}); or choose another --out"
        if pid.isdecimal()
        else "wait until it has ended, or choose another --out",
    )
