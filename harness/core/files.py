"""Where this project keeps files, and how they are written whole: a killed run must not leave half a record."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path


def cache_dir() -> Path:
    """What can be made again, such as unpacked models: $XDG_CACHE_HOME/edgebench, by default ~/.cache/edgebench."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgebench"


def data_dir() -> Path:
    """What must be kept, such as the store: $XDG_DATA_HOME/edgebench, by default ~/.local/share/edgebench."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "edgebench"


_LONGEST_NAME = 150


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` so that `path` holds all of it or is untouched, also after a power cut.

    A temporary file beside it is flushed to the medium and then renamed over it; the folder is flushed last.
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


def record_name(case_id: str, slug: str) -> str:
    """File name of a case's record: the slug, and a short hash where two ids could share that slug.

    A slug is lossy ('a b' and 'a_b' give the same one) and may be longer than file systems allow.
    """
    lossless = re.fullmatch(r"[A-Za-z0-9._|-]+", case_id) and "__" not in case_id and not slug.startswith(".")
    if lossless and len(slug) <= _LONGEST_NAME:
        return f"{slug}.json"
    return f"{slug[:_LONGEST_NAME].lstrip('.')}-{hashlib.sha256(case_id.encode()).hexdigest()[:12]}.json"


def fsync_folder(folder: Path) -> None:
    """A rename is durable only once the folder's own entry is on the medium."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
