"""What the labels of a data set count, and which output of a model each stands for; ImageNet's 1000 classes."""

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
def indices() -> Mapping[str, int]:
    """A WordNet id ('n01440764') to its class index: the ids sorted, counted from 0, as published nets do."""
    return {wnid: index for index, (wnid, _) in enumerate(_table())}


@cache
def kit_indices() -> Mapping[int, int]:
    """ILSVRC2012_ID, 1 to 1000 in the order of the kit's own list, to the class index."""
    return {number: index for index, (_, number) in enumerate(_table())}


@cache
def _table() -> tuple[tuple[str, int], ...]:
    lines = Path(__file__).with_name("imagenet_classes.txt").read_text(encoding="utf-8").splitlines()
    return tuple((wnid, int(number)) for wnid, number in map(str.split, lines))


Label = int | tuple[int, ...]
"""The class of an image; several where any of them is right."""

NONE = -1
"""Fills the rows of images with fewer labels than others."""


@dataclass(frozen=True)
class LabelMapping:
    """`classes` are numbered from 0. `whole` False: labels are places among classes of which not all occur.

    `imagenet` holds each class's place among ImageNet's 1000, where the labels say that they are of those.
    """

    classes: int
    whole: bool = True
    imagenet: tuple[int, ...] = ()

    def fit(self, labels: NDArray[np.int64], outputs: int) -> NDArray[np.int64]:
        """The labels as places among a model's `outputs`; DataError where its classes are others.

        Folders named by WordNet id fit a net of as many outputs in the order of their names, and one of ImageNet's
        1000 classes at their places there; 1001 outputs are those behind a background class.
        """
        background = outputs - CLASSES
        if self.imagenet and background in (0, 1):
            return np.where(labels == NONE, NONE, np.array(self.imagenet)[labels] + background)
        if outputs == self.classes or (not self.whole and outputs > self.classes):
            return labels
        if self.whole:
            raise DataError(f"the model has {outputs} outputs, the data set {self.classes} classes")
        raise DataError(f"the model has {outputs} outputs, labels of the data set go up to {self.classes - 1}")


def of_numbers(labels: Sequence[int]) -> LabelMapping:
    """For labels that are places themselves: whole when each from 0 to the last occurs."""
    classes = max(labels) + 1
    return LabelMapping(classes, whole=len(set(labels)) == classes)


def rows(labels: Sequence[Label]) -> NDArray[np.int64]:
    """One label an image as a vector; where any image has several, images x most of them, filled up with `NONE`."""
    if all(isinstance(label, int) for label in labels):
        return np.array(labels, np.int64)
    several = [(label,) if isinstance(label, int) else label for label in labels]
    table = np.full((len(several), max(map(len, several))), NONE, np.int64)
    for row, each in zip(table, several, strict=True):
        row[: len(each)] = each
    return table
