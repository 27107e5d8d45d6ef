"""The raw files of a store: samples, sensor readings and records, each named by the hash of its contents."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from harness.core.errors import RecordError, reason_of
from harness.core.files import fsync_folder, write_atomic


class BlobStore:
    """A content-addressed folder: `<folder>/<first two digits>/<sha256>.<codec>`. Files are never changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, sha256: str, codec: str) -> Path:
        """Return the path of the contents with a hash, which need not exist."""
        return self.folder / sha256[:2] / f"{sha256}.{codec}"

    def take(self, source: Path, codec: str, sha256: str | None = None) -> tuple[str, int]:
        """Add a file, by hard link where the file system can. It is durable only after `flush`.

        Args:
            source: The file.
            codec: Suffix of its name here.
            sha256: Hash that its contents must have, None for any.

        Returns:
            Its hash, and its size in bytes.

        Raises:
            RecordError: The file is absent, or its contents have another hash.

        """
        try:
            data = source.read_bytes()
        except FileNotFoundError:
            raise RecordError(f"{source}: absent", "the run folder was copied without its blobs") from None
        digest = hashlib.sha256(data).hexdigest()
        if sha256 not in {None, digest}:
            raise RecordError(f"{source}: the contents do not match the name", "the file was damaged; copy it again")
        path = self.file(digest, codec)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _link_or_copy(source, path, data)
        return digest, len(data)

    def flush(self) -> None:
        """Make the names of all added files durable."""
        folders = [entry for entry in self.folder.glob("*") if entry.is_dir()]
        for folder in [*folders, self.folder] if folders else []:
            fsync_folder(folder)

    def read(self, sha256: str, codec: str) -> bytes:
        """Return the contents with a hash; RecordError if they are absent or damaged."""
        path = self.file(sha256, codec)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise RecordError(
                f"{path}: {reason_of(error)}", "raw files are on the machine that added the run"
            ) from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise RecordError(f"{path}: the contents do not match the name", "the file was damaged")
        return data


def _link_or_copy(source: Path, target: Path, data: bytes) -> None:
    """Link a file, which costs no space and is safe since neither name is written again; copy across file systems."""
    with contextlib.suppress(FileExistsError):
        try:
            os.link(source, target)
        except FileExistsError:
            raise
        except OSError:
            write_atomic(target, data)
