"""Map the labels of a data set to the outputs of a model; the list of ImageNet's 1000 classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import DataError

CLASSES = 1000


@cache
def wordnet_indices() -> Mapping[str, int]:
    """Return the class index of each WordNet id ('n01440764'): their sorted order from 0, as published models count."""
    return {wnid: index for index, (wnid, _) in enumerate(_table())}


@cache
def kit_indices() -> Mapping[int, int]:
    """Return the class index of each ILSVRC2012_ID, 1 to 1000 in the order of the development kit's list."""
    return {number: index for index, (_, number) in enumerate(_table())}


@cache
def _table() -> tuple[tuple[str, int], ...]:
    lines = Path(__file__).with_name("imagenet_classes.txt").read_text(encoding="utf-8").splitlines()
    return tuple((wnid, int(number)) for wnid, number in map(str.split, lines))


Label = int | tuple[int, ...]
"""The class of an image; several where each of them is right."""

NO_LABEL = -1
"""Pads the rows of images that have fewer labels than others."""


@dataclass(frozen=True)
class LabelMapping:
    """What the labels of a data set count.

    Attributes:
        classes: Number of classes, counted from 0.
        complete: Whether every class occurs; otherwise the labels are indices among classes that may be more.
        imagenet: Index of each class among ImageNet's 1000 where the labels are WordNet ids, else empty.
    """

    classes: int
    complete: bool = True
    imagenet: tuple[int, ...] = ()

    def fit(self, labels: NDArray[np.int64], outputs: int) -> NDArray[np.int64]:
        """Return the labels as indices among a model's `outputs`.

        Folders named by WordNet id fit a net of as many outputs in the order of their names, and one of ImageNet's
        1000 classes at their places there; 1001 outputs are those behind a background class.

        Raises:
            DataError: The model has other classes.
        """
        background = outputs - CLASSES
        if self.imagenet and background in (0, 1):
            return np.where(labels == NO_LABEL, NO_LABEL, np.array(self.imagenet)[labels] + background)
        if outputs == self.classes or (not self.complete and outputs > self.classes):
            return labels
        if self.complete:
            raise DataError(f"the model has {outputs} outputs, the data set {self.classes} classes")
        raise DataError(f"the model has {outputs} outputs, labels of the data set go up to {self.classes - 1}")


def mapping_of_indices(labels: Sequence[int]) -> LabelMapping:
    """Return the mapping of labels that are class indices: complete when each from 0 to the last occurs."""
    classes = max(labels) + 1
    return LabelMapping(classes, complete=len(set(labels)) == classes)


def label_array(labels: Sequence[Label]) -> NDArray[np.int64]:
    """Return one label per image; where an image has several, images x the most of any, padded with `NO_LABEL`."""
    if all(isinstance(label, int) for label in labels):
        return np.array(labels, np.int64)
    several = [(label,) if isinstance(label, int) else label for label in labels]
    table = np.full((len(several), max(map(len, several))), NO_LABEL, np.int64)
    for row, each in zip(table, several, strict=True):
        row[: len(each)] = each
    return table
