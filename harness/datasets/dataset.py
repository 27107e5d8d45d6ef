"""Open a data set of labelled images: IDX files (MNIST, Fashion-MNIST), class folders, or a labels file."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from harness.core.errors import DataError

from .image_folders import Image
from .label_mapping import Label, LabelMapping

if TYPE_CHECKING:
    from .image_folders import ClassFolders
    from .labels_file import LabelledFiles


class Dataset(Protocol):
    """Labelled images in a fixed order.

    Attributes:
        label_mapping: What the labels count.
        parts: Name and size of each part that is also scored by itself, in order; empty for none.
    """

    label_mapping: LabelMapping
    parts: Sequence[tuple[str, int]]

    def __len__(self) -> int:
        """Return the number of images."""
        ...

    def items(self, limit: int | None = None) -> Iterator[tuple[Image, Label]]:
        """Yield the first `limit` images with their labels, or all."""
        ...

    def select(self, places: Sequence[int]) -> Iterator[tuple[Image, Label]]:
        """Yield the images at these positions, in the order of `places`."""
        ...


def open_dataset(kind: str, path: Path) -> Dataset:
    """Open the data set at `path`.

    Args:
        kind: 'idx' for a folder with *-images-idx3-ubyte.gz and its labels, 'folder' for image files, 'part' for a
            subset of those, as `harness.datasets.subset.write` notes it.
        path: The folder.

    Raises:
        DataError: The folder does not exist, or holds no such data set.
    """
    if not path.is_dir():
        raise DataError(f"{path} is not a folder of labelled images")
    if kind == "idx":
        return IdxImages(path)
    if kind == "part":
        from .subset import open_subset

        return open_subset(path, open_folder)
    return open_folder(path)


def open_folder(path: Path) -> ClassFolders | LabelledFiles:
    """Images in files, labelled by their folders or by a labels file.

    Of a folder that holds a sub-folder `val`, with or without `train` and `test`, the images of `val` are taken.
    """
    from .image_folders import ClassFolders, validation_part
    from .labels_file import LabelledFiles, find_labels

    if not path.is_dir():
        raise DataError(f"{path} is not a folder of labelled images")
    listed = find_labels(path)
    return LabelledFiles(listed) if listed else ClassFolders(validation_part(path))


class IdxImages:
    """Images and labels in the IDX format of the MNIST family: a big-endian header, then bytes."""

    parts: Sequence[tuple[str, int]] = ()

    def __init__(self, path: Path) -> None:
        self._images = _only(path, "*-images-idx3-ubyte.gz")
        labels = _only(path, "*-labels-idx1-ubyte.gz")
        with gzip.open(labels) as file:
            magic, count = struct.unpack(">II", file.read(8))
            self._labels = np.frombuffer(file.read(count), np.uint8)
        if magic != 0x801 or len(self._labels) != count:
            raise DataError(f"{labels} is not a whole IDX label file")
        self.label_mapping = LabelMapping(int(self._labels.max()) + 1)

    def __len__(self) -> int:
        return len(self._labels)

    def items(self, limit: int | None = None) -> Iterator[tuple[Image, Label]]:
        """Yield grey images with one channel; the file is read only as far as needed."""
        with gzip.open(self._images) as file:
            magic, count, rows, columns = struct.unpack(">IIII", file.read(16))
            if magic != 0x803 or count != len(self):
                raise DataError(f"{self._images} is not an IDX image file with {len(self)} images")
            for label in self._labels[:limit]:
                pixels = file.read(rows * columns)
                yield np.frombuffer(pixels, np.uint8).reshape(rows, columns, 1), int(label)

    def select(self, places: Sequence[int]) -> Iterator[tuple[Image, Label]]:
        """Yield the images at these positions; all are held in memory, which takes some megabytes."""
        every = list(self.items())
        return (every[place] for place in places)


def _only(path: Path, pattern: str) -> Path:
    files = sorted(path.glob(pattern))
    if len(files) != 1:
        raise DataError(f"{path} holds {len(files)} files {pattern}, expected one")
    return files[0]
