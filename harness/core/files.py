"""Folders of the project, and atomic writes: a killed run must not leave half a record."""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import UsageError
from .printable import escape_surrogates


class NoHome(UsageError):
    """This user has no home folder, or the one that a path names does not exist."""


def cache_dir() -> Path:
    """Return the folder of files that can be recreated: $XDG_CACHE_HOME/edgebench, by default ~/.cache/edgebench."""
    return base_folder("XDG_CACHE_HOME", ".cache") / "edgebench"


def data_dir() -> Path:
    """Return the folder of lasting files: $XDG_DATA_HOME/edgebench, by default ~/.local/share/edgebench."""
    return base_folder("XDG_DATA_HOME", ".local/share") / "edgebench"


def base_folder(variable: str, default: str) -> Path:
    """Return the folder that an environment variable names, else `default` below the user's home folder.

    Raises:
        NoHome: The variable is not set, and the user has no home folder.
    """
    if folder := os.environ.get(variable):
        return Path(folder)
    try:
        return Path.home() / default
    except RuntimeError:  # HOME is not set, as in some containers and services, and no passwd entry names one
        raise NoHome(
            f"no home folder: HOME is not set, and user {os.getuid()} has none",
            f"set HOME, or {variable}, to a folder of yours",
        ) from None


def expanded(path: Path) -> Path:
    """Return a path with a leading '~' or '~user' replaced by that home folder.

    Raises:
        NoHome: There is none.
    """
    try:
        return path.expanduser()
    except RuntimeError:
        raise NoHome(f"no home folder for {path}", "write the path without ~") from None


def state_dir() -> Path:
    """Return the folder of what is remembered: $XDG_STATE_HOME/edgebench, by default ~/.local/state/edgebench."""
    return base_folder("XDG_STATE_HOME", ".local/state") / "edgebench"


_MAX_NAME_LENGTH = 150


DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Numbers of the errors that a disk, a quota or a limit of file size ends a write with."""


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, at no moment anyone else; a link in its place is replaced."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.tmp")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` so that `path` holds all of it or is unchanged, even after a power failure.

    A temporary file in the same folder is synced and renamed; then the folder is synced.

    Raises:
        OSError: It cannot be written; the error names `path`.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        # a write that fails does not know its file
        raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
    fsync_folder(path.parent)


@contextmanager
def unfinished_folder(path: Path) -> Iterator[Path]:
    """Give a folder beside `path` to fill and to `put_in_place`; it is removed at the end where that was not done."""
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name[:50]}.{uuid.uuid4().hex[:12]}.tmp")
    unfinished.mkdir()
    try:
        yield unfinished
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def put_in_place(unfinished: Path, path: Path) -> bool:
    """Rename a folder to `path`, which appears whole; False where something is there that is not an empty folder."""
    try:
        unfinished.rename(path)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            return False
        raise
    fsync_folder(path.absolute().parent)
    return True


def numbered(path: Path) -> Iterator[Path]:
    """Yield `path`, then `path`-2, `path`-3 and so on: names for several that want the same one."""
    yield path
    yield from (path.with_name(f"{path.name}-{number}") for number in itertools.count(2))


def record_name(case_id: str, slug: str) -> str:
    """Return the file name of a case's record: the slug, with a short hash if another id may have the same slug.

    A slug is lossy ('a b' and 'a_b' have the same one) and may be longer than file systems allow.
    """
    lossless = re.fullmatch(r"[A-Za-z0-9._|-]+", case_id) and "__" not in case_id and not slug.startswith(".")
    if lossless and len(slug) <= _MAX_NAME_LENGTH:
        return f"{slug}.json"
    digest = hashlib.sha256(escape_surrogates(case_id).encode()).hexdigest()[:12]
    return f"{slug[:_MAX_NAME_LENGTH].lstrip('.')}-{digest}.json"


def fsync_folder(folder: Path) -> None:
    """Sync a folder; a rename is durable only after that."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
