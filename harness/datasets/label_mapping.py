"""Map the labels of a data set to the outputs of a model; the list of ImageNet's 1000 classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import DataError
from harness.core.verdict import Finding

CLASSES = 1000

Order = Literal["name", "number"]
"""How class folders are counted that are named by numbers: '10' before '2', or 2 before 10."""


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
class LabelChoice:
    """What the user says about the labels; None leaves the choice to the data set and the model.

    Attributes:
        offset: Added to a label it gives the index of the model's output.
        order: How class folders are counted that are named by numbers.
    """

    offset: int | None = None
    order: Order | None = None


NO_CHOICE = LabelChoice()


@dataclass(frozen=True)
class LabelMapping:
    """What the labels of a data set count.

    Attributes:
        classes: Number of classes, counted from 0.
        complete: Whether every class occurs; otherwise the labels are indices among classes that may be more.
        imagenet: Index of each class among ImageNet's 1000 where the labels are WordNet ids, else empty.
        numbers: Of class folders that are all named by numbers, the number of each; else empty.
        names: Of class folders, the name of each; else empty.
        by_name: Index of each class among the class names that a model carries; empty where it carries none of them.
        lowest: The smallest label that occurs.
        offset: What the user gave with --label-offset.
        order: What the user gave with --label-order.
    """

    classes: int
    complete: bool = True
    imagenet: tuple[int, ...] = ()
    numbers: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    by_name: tuple[int, ...] = ()
    lowest: int = 0
    offset: int | None = None
    order: Order | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LabelMapping:
        """Return the mapping from plain JSON types, where a tuple is a list."""
        fields: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in data.items()
        }
        return cls(**fields)

    def fit(self, labels: NDArray[np.int64], outputs: int) -> NDArray[np.int64]:
        """Return the labels as indices among a model's `outputs`; 1 output is a binary classifier's.

        Folders named by WordNet id fit a model with as many outputs in the order of their names, and one with
        ImageNet's 1000 classes at their places there. 1001 outputs are 1000 classes behind a background class. Folders
        named by numbers are those indices, but where they are as many as the outputs, their order counts (`order`).

        Raises:
            DataError: The model has other classes.
        """
        indices, offset = self._rule(outputs)
        fitted: NDArray[np.int64] = np.where(labels == NO_LABEL, NO_LABEL, np.array(indices)[labels] + offset)
        real = fitted[labels != NO_LABEL]
        if real.size and (real.max() >= max(outputs, 2) or real.min() < 0):
            raise self._beyond(outputs, int(real.min()), int(real.max()))
        return fitted

    def check(self, outputs: int) -> None:
        """Raise DataError where the classes cannot be those of a model with so many outputs."""
        self.fit(np.arange(self.lowest, len(self._rule(outputs)[0])), outputs)

    def findings(self, outputs: int) -> list[Finding]:
        """Return what was decided for a model with so many outputs where it could have been decided otherwise."""
        indices, offset = self._rule(outputs)
        findings = []
        if self.by_name and self.by_name != tuple(range(outputs)):
            words = "the classes are counted as the model file names them, not in the order of the folders' names"
            return [Finding("class_names", "ok", words, "to count them otherwise: --label-order name")]
        if outputs == 1:
            findings.append(Finding("binary", "ok", "one output: a binary classifier, whose second class is above 0.5"))
        if self.offset is None and offset and not self.imagenet:
            words = f"{outputs} outputs: output 0 is taken as a background class, so that label 0 is output {offset}"
            findings.append(
                Finding("label_offset", "warn", words, "if labels count from that output: --label-offset 0")
            )
        if self.numbers and outputs == len(self.numbers) and self._ranks != tuple(range(outputs)):
            number = indices == self._ranks
            used = "by their numbers (2 before 10)" if number else "by their names (10 before 2), as ImageFolder does"
            words = f"{outputs} class folders are counted {used}; the other order gives other labels"
            status: Literal["ok", "warn"] = "warn" if self.order is None else "ok"
            remedy = f"if the model was trained with the other: --label-order {'name' if number else 'number'}"
            findings.append(Finding("label_order", status, words, remedy))
        return findings

    @property
    def _ranks(self) -> tuple[int, ...]:
        """The place of each folder when all are sorted by their numbers."""
        place = {number: rank for rank, number in enumerate(sorted(self.numbers))}
        return tuple(place[number] for number in self.numbers)

    def _rule(self, outputs: int) -> tuple[tuple[int, ...], int]:
        """Return the index of each class, and what is added to it; DataError where the numbers of classes differ."""
        if self.by_name:
            return self.by_name, 0
        every = tuple(range(self.classes))
        background = outputs - CLASSES
        if outputs == 1 and self.classes == 2:
            return every, self.offset or 0
        if self.imagenet and (background in (0, 1) or self.offset is not None):
            return self.imagenet, background if self.offset is None else self.offset
        if self.numbers and (outputs == len(self.numbers) or self.order == "name"):
            return self._ranks if self.order == "number" else every, self._offset(len(self.numbers), True, outputs)
        if self.numbers:
            classes = max(self.numbers) + 1
            return self.numbers, self._offset(classes, len(self.numbers) == classes, outputs)
        return every, self._offset(self.classes, self.complete, outputs)

    def _offset(self, classes: int, complete: bool, outputs: int) -> int:
        """Return what is added to indices among `classes`; DataError where they cannot be those of the outputs."""
        if self.offset is not None:
            return self.offset
        if outputs == CLASSES + 1 and (classes == CLASSES if complete else classes <= CLASSES):
            return 1
        if outputs == classes or (not complete and outputs > classes):
            return 0
        if complete:
            raise DataError(
                f"the model has {_outputs(outputs)}, the data set {classes} classes",
                "name the folder whose sub-folders are the classes; if the outputs are more classes than these, say "
                "which output label 0 is: --label-offset N",
            )
        raise self._beyond(outputs, min(self.numbers, default=self.lowest), classes - 1)

    def _beyond(self, outputs: int, first: int, last: int) -> DataError:
        remedy = "if they count from 1: --label-offset -1" if self.offset is None and first == 1 else ""
        given = f" with --label-offset {self.offset}" if self.offset is not None else ""
        words = f"labels of the data set go up to {last}" if first >= 0 else f"labels of the data set begin at {first}"
        return DataError(f"the model has {_outputs(outputs)}, {words}{given}", remedy or "give images of its classes")


def _outputs(count: int) -> str:
    return f"{count} output{'s' * (count != 1)}"


def mapping_of_indices(labels: Sequence[int], choice: LabelChoice) -> LabelMapping:
    """Return the mapping of labels that are class indices: complete when each from 0 to the last occurs."""
    classes = max(labels) + 1
    complete = len(set(labels)) == classes
    return LabelMapping(classes, complete, lowest=min(labels), offset=choice.offset, order=choice.order)


def label_array(labels: Sequence[Label]) -> NDArray[np.int64]:
    """Return one label per image; where an image has several, images x the most of any, padded with `NO_LABEL`."""
    if all(isinstance(label, int) for label in labels):
        return np.array(labels, np.int64)
    several = [(label,) if isinstance(label, int) else label for label in labels]
    table = np.full((len(several), max(map(len, several))), NO_LABEL, np.int64)
    for row, each in zip(table, several, strict=True):
        row[: len(each)] = each
    return table
