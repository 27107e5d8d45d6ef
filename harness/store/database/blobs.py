"""A store's raw files: samples, sensor readings and whole records, each under the hash of its contents."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from harness.core.errors import RecordError
from harness.core.files import fsync_folder, write_atomic


class BlobStore:
    """`<folder>/<first two digits>/<sha256>.<codec>`. A name says what the file must hold, so none is ever changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, sha256: str, codec: str) -> Path:
        """Where the contents with that hash are, or would be."""
        return self.folder / sha256[:2] / f"{sha256}.{codec}"

    def take(self, source: Path, codec: str, sha256: str | None = None) -> tuple[str, int]:
        """Take a file in, by hard link where the file system can; its hash and size in bytes.

        RecordError when the file is absent or is not what `sha256` says. It is on the medium only after `flush`.
        """
        try:
            data = source.read_bytes()
        except FileNotFoundError:
            raise RecordError(f"{source}: absent", "the run folder was copied without its blobs") from None
        digest = hashlib.sha256(data).hexdigest()
        if sha256 not in {None, digest}:
            raise RecordError(f"{source}: the contents do not match the name", "the file was damaged; copy it again")
        place = self.file(digest, codec)
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            _link_or_copy(source, place, data)
        return digest, len(data)

    def flush(self) -> None:
        """Put the names of all files taken in on the medium."""
        folders = [entry for entry in self.folder.glob("*") if entry.is_dir()]
        for folder in [*folders, self.folder] if folders else []:
            fsync_folder(folder)

    def read(self, sha256: str, codec: str) -> bytes:
        """The contents with that hash; RecordError when they are not here or not what the name says."""
        path = self.file(sha256, codec)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise RecordError(f"{path}: {error.strerror}", "raw files stay where the run was added") from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise RecordError(f"{path}: the contents do not match the name", "the file was damaged")
        return data


def _link_or_copy(source: Path, place: Path, data: bytes) -> None:
    """A link costs no space; both names lead to a file that nobody changes. Another file system needs a copy."""
    with contextlib.suppress(FileExistsError):
        try:
            os.link(source, place)
        except FileExistsError:
            raise
        except OSError:
            write_atomic(place, data)
