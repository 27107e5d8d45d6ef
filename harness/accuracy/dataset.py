"""Labelled images: IDX files (Fashion-MNIST) and folders of one sub-folder a class."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import DataError

Image = NDArray[np.uint8]
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".ppm"})


class Dataset(Protocol):
    """Labelled images in a fixed order."""

    classes: int

    def __len__(self) -> int:
        """How many images there are."""
        ...

    def items(self, limit: int | None = None) -> Iterator[tuple[Image, int]]:
        """(image as uint8 height x width x channels, class index), at most `limit` of them."""
        ...


def open_dataset(kind: str, path: Path) -> Dataset:
    """The data set at `path`: `kind` is 'idx' (folder of *-images-idx3-ubyte.gz and labels) or 'folder'."""
    if not path.is_dir():
        raise DataError(f"{path} is not a folder of labelled images")
    return IdxImages(path) if kind == "idx" else ClassFolders(path)


class IdxImages:
    """Images and labels in the IDX format of the MNIST family: big-endian header, then bytes."""

    def __init__(self, path: Path) -> None:
        self._images = _only(path, "*-images-idx3-ubyte.gz")
        labels = _only(path, "*-labels-idx1-ubyte.gz")
        with gzip.open(labels) as file:
            magic, count = struct.unpack(">II", file.read(8))
            self._labels = np.frombuffer(file.read(count), np.uint8)
        if magic != 0x801 or len(self._labels) != count:
            raise DataError(f"{labels} is not a whole IDX label file")
        self.classes = int(self._labels.max()) + 1

    def __len__(self) -> int:
        return len(self._labels)

    def items(self, limit: int | None = None) -> Iterator[tuple[Image, int]]:
        """Grey images, one channel; the file is read as far as `limit` needs."""
        with gzip.open(self._images) as file:
            magic, count, rows, columns = struct.unpack(">IIII", file.read(16))
            if magic != 0x803 or count != len(self):
                raise DataError(f"{self._images} is not an IDX image file with {len(self)} images")
            for label in self._labels[:limit]:
                pixels = file.read(rows * columns)
                yield np.frombuffer(pixels, np.uint8).reshape(rows, columns, 1), int(label)


class ClassFolders:
    """One sub-folder a class; classes are numbered in the alphabetical order of their folders' names."""

    def __init__(self, path: Path) -> None:
        folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
        self.names = [folder.name for folder in folders]
        self.classes = len(folders)
        files = [[file for file in sorted(f.rglob("*")) if file.suffix.lower() in SUFFIXES] for f in folders]
        self._items = _interleave(files)
        if not self._items:
            raise DataError(
                f"no images below {path}",
                f"expected one sub-folder a class with {', '.join(sorted(SUFFIXES))} files in it",
            )

    def __len__(self) -> int:
        return len(self._items)

    def items(self, limit: int | None = None) -> Iterator[tuple[Image, int]]:
        """RGB images, classes in turn, so that the first `limit` are balanced."""
        from PIL import Image as Pillow

        for path, label in self._items[:limit]:
            try:
                with Pillow.open(path) as image:
                    yield np.asarray(image.convert("RGB"), np.uint8), label
            except OSError as error:
                raise DataError(f"{path} cannot be read as an image: {error}", "remove or repair it") from error


def _only(path: Path, pattern: str) -> Path:
    found = sorted(path.glob(pattern))
    if len(found) != 1:
        raise DataError(f"{path} holds {len(found)} files {pattern}, expected one")
    return found[0]


def _interleave(files: list[list[Any]]) -> list[tuple[Path, int]]:
    """One image of each class, then the next of each."""
    longest = max((len(group) for group in files), default=0)
    return [(group[i], label) for i in range(longest) for label, group in enumerate(files) if i < len(group)]
