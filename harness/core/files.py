"""Folders of the project, and atomic writes: a killed run must not leave half a record."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import UsageError


def cache_dir() -> Path:
    """Return the folder of files that can be recreated: $XDG_CACHE_HOME/edgebench, by default ~/.cache/edgebench."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgebench"


def data_dir() -> Path:
    """Return the folder of lasting files: $XDG_DATA_HOME/edgebench, by default ~/.local/share/edgebench."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "edgebench"


_MAX_NAME_LENGTH = 150


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` so that `path` holds all of it or is unchanged, even after a power failure.

    A temporary file in the same folder is synced and renamed; then the folder is synced.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    fsync_folder(path.parent)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a folder to fill, which becomes `path` when the block ends and disappears when it raises.

    Raises:
        UsageError: `path` exists and is not an empty folder.
    """
    path = path.absolute()
    refusal = UsageError(f"{path} already exists", "choose another --out, or an empty folder")
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise refusal
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name[:50]}.{uuid.uuid4().hex[:12]}.tmp")
    unfinished.mkdir()
    try:
        yield unfinished
        unfinished.rename(path)
    except BaseException as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise refusal from None  # another process made it meanwhile
        raise
    fsync_folder(path.parent)


def record_name(case_id: str, slug: str) -> str:
    """Return the file name of a case's record: the slug, with a short hash if another id may have the same slug.

    A slug is lossy ('a b' and 'a_b' have the same one) and may be longer than file systems allow.
    """
    lossless = re.fullmatch(r"[A-Za-z0-9._|-]+", case_id) and "__" not in case_id and not slug.startswith(".")
    if lossless and len(slug) <= _MAX_NAME_LENGTH:
        return f"{slug}.json"
    return f"{slug[:_MAX_NAME_LENGTH].lstrip('.')}-{hashlib.sha256(case_id.encode()).hexdigest()[:12]}.json"


def fsync_folder(folder: Path) -> None:
    """Sync a folder; a rename is durable only after that."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
