"""Shipped models as an installed wheel has them: packs, whose files are unpacked into the cache on first use.

`hatch_build.py` writes them. The files of one format are unpacked together: a pack is read from its beginning, and a
board with ONNX Runtime alone keeps no .tflite file.
"""

from __future__ import annotations

import logging
import lzma
import tarfile
from collections.abc import Iterator
from pathlib import Path

from harness.core.artifact import sha256_of
from harness.core.errors import SetupError
from harness.core.files import cache_dir, write_atomic

_log = logging.getLogger(__name__)


def unpack(name: str, sha256: str, packs: Path) -> Path | None:
    """Return a shipped file in the cache, unpacked with the others of its pack and format unless it is there already.

    Args:
        name: Path of the file in the folder of the shipped models.
        sha256: Hash of the file.
        packs: Folder of the packs.

    Returns:
        The file; None if no pack has it.

    Raises:
        SetupError: A pack cannot be read.
    """
    folder = cache_dir() / "shipped"
    path = folder / name
    if path.is_file() and sha256_of(path) == sha256:
        return path
    for pack in sorted(packs.glob("*.tar.xz")):
        members = dict(_members(pack, path.suffix))
        if name in members:
            _log.info("unpacking %d models into %s", len(members), folder)
            for member, content in members.items():
                (folder / member).parent.mkdir(parents=True, exist_ok=True)
                write_atomic(folder / member, content)
            return path
    return None


def _members(pack: Path, suffix: str) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of the files with a suffix."""
    try:
        with tarfile.open(pack, "r|xz") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.name.endswith(suffix) else None
                if content is not None:
                    yield member.name, content.read()
    except (OSError, EOFError, lzma.LZMAError, tarfile.TarError) as error:
        raise SetupError(f"{pack}: damaged pack of models ({error})", "install edgebench again") from error
