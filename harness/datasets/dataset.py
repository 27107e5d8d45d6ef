"""Open a data set of labelled images: IDX files (MNIST, Fashion-MNIST), class folders, or a labels file."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from harness.core.errors import DataError
from harness.core.verdict import Finding

from .label_mapping import NO_CHOICE, Label, LabelChoice, LabelMapping
from .pictures import Image

if TYPE_CHECKING:
    from .class_names import ClassNames
    from .image_folders import ImageFiles


class Dataset(Protocol):
    """Labelled images in a fixed order.

    Attributes:
        label_mapping: What the labels count.
        parts: Name and size of each part that is also scored by itself, in order; empty for none.
        findings: What was decided or left out when the images were listed.
        unreadable: Images that could not be read when they were due, with the reason.
    """

    label_mapping: LabelMapping
    parts: Sequence[tuple[str, int]]
    findings: Sequence[Finding]
    unreadable: dict[Path, str]

    def __len__(self) -> int:
        """Return the number of images."""
        ...

    def items(self, limit: int | None = None) -> Iterator[tuple[Image, Label]]:
        """Yield the first `limit` images with their labels, or all."""
        ...

    def select(self, places: Iterable[int]) -> Iterator[tuple[int, Image, Label]]:
        """Yield position, image and label at these positions, in the order of `places`."""
        ...


def open_dataset(kind: str, path: Path) -> Dataset:
    """Open the data set at `path`.

    Args:
        kind: 'idx' for a folder with *-images-idx3-ubyte.gz and its labels, 'folder' for image files, 'manifest' for
            a list of those, as `harness.datasets.manifest` writes it.
        path: The folder or file.

    Raises:
        DataError: It does not exist, or holds no such data set.
    """
    if kind == "manifest":
        from .manifest import Manifest

        return Manifest.read(path)
    if not path.is_dir():
        raise DataError(f"{path} is not a folder of labelled images")
    return IdxImages(path) if kind == "idx" else open_folder(path)


def open_folder(path: Path, choice: LabelChoice = NO_CHOICE, names: ClassNames | None = None) -> ImageFiles:
    """Open images in files, labelled by a labels file or by their folders.

    Of a folder that is split, the held-out part is opened. A list of class names beside the class folders gives their
    order.

    Args:
        path: The folder.
        choice: What the user says about the labels.
        names: The class names in the order of a model's outputs, where `path` holds no list of its own.

    Raises:
        DataError: The folder does not exist, holds no labelled images, or leaves open which are meant.
    """
    from .class_names import class_list
    from .image_folders import ClassFolders
    from .labels_file import LabelledFiles, find_labels
    from .splits import held_out

    if not path.is_dir():
        raise DataError(f"{path} is not a folder of labelled images")
    names = class_list(path) or names
    labels = [file for file in find_labels(path) if names is None or file != names.source]
    if labels:
        return LabelledFiles(labels[0], choice, names)
    part, findings = held_out(path)
    if part == path:
        return ClassFolders(path, choice, names)
    dataset = open_folder(part, choice, names)
    dataset.findings = [*findings, *dataset.findings]
    return dataset


class IdxImages:
    """Images and labels in the IDX format of the MNIST family: a big-endian header, then bytes."""

    parts: Sequence[tuple[str, int]] = ()
    findings: Sequence[Finding] = ()

    def __init__(self, path: Path) -> None:
        self.unreadable: dict[Path, str] = {}
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

    def select(self, places: Iterable[int]) -> Iterator[tuple[int, Image, Label]]:
        """Yield the images at these positions; in other than file order all are held in memory, some megabytes."""
        wanted = list(places)
        if wanted == list(range(len(wanted))):
            return ((place, image, label) for place, (image, label) in enumerate(self.items(len(wanted))))
        every = list(self.items())
        return ((place, *every[place]) for place in wanted)


def _only(path: Path, pattern: str) -> Path:
    files = sorted(path.glob(pattern))
    if len(files) != 1:
        raise DataError(f"{path} holds {len(files)} files {pattern}, expected one")
    return files[0]
