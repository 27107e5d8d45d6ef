"""A store in a folder of this machine: a USB stick, a network drive."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import SetupError

from .stores import PIECE_BYTES, Store


@dataclass(frozen=True)
class FolderStore(Store):
    """Files in `path`, which is made when something is put there."""

    path: Path

    def has(self, name: str) -> bool:
        """Whether the file is there."""
        return (self.path / name).is_file()

    def read(self, name: str) -> Iterator[bytes]:
        """The file in pieces."""
        with (self.path / name).open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                yield piece

    def write(self, name: str, source: Path) -> None:
        """Copy beside, then rename: who reads meanwhile gets the old file or the new one."""
        unfinished = self.path / f".{name}.{os.getpid()}"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, unfinished)
            unfinished.replace(self.path / name)
        except OSError as error:
            raise SetupError(
                f"{self.path} cannot be written: {error.strerror}", "look at its rights and room"
            ) from error
        finally:
            unfinished.unlink(missing_ok=True)
