"""Average precision of object detection as COCO defines it, on NumPy arrays.

`match_image` compares the boxes of one image with what is right; its result is the image's outcome. `AveragePrecision`
makes the mean average precision of many outcomes, each counted as often as wanted, so that a bootstrap over images
matches no box twice.

Boxes are left, top, width, height in pixels. The definition is that of pycocotools' `COCOeval` for boxes: ten
thresholds of IoU from 0.50 to 0.95, 101 points of recall, at most 100 detections of a class in an image; crowds and
objects outside of the range of areas neither count nor cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
AREAS = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
"""Ranges of the objects' areas in pixels."""

MOST = 100
"""Detections of a class in an image that count: those with the highest scores."""

X, Y, WIDTH, HEIGHT = range(4)
SCORE, CLASS = 4, 5
"""Columns of a detection, behind those of its box."""
TRUE_CLASS, CROWD, AREA = 4, 5, 6
"""Columns of an object, behind those of its box: its class, whether it is a crowd, and its area in pixels."""

_DETECTION, _CLASS, _SCORE, _FLAGS = 0, 1, 2, 3
"""Columns of an outcome: 1 for a detection and 0 for an object, its class, its score, then for each range of areas what
is true and what is ignored: bit t for threshold t of a detection, bit 0 of an object."""
_WIDTH = _FLAGS + 2 * len(AREAS)


def iou(first: Floats, second: Floats, crowd: NDArray[np.bool_] | None = None) -> Floats:
    """Return the intersection over union of each box of `first` with each of `second`.

    Args:
        first: Boxes, n x 4.
        second: Boxes, m x 4.
        crowd: Which of `second` are crowds: a box within one agrees with it, however small it is.

    """
    a, b = first[:, None], second[None]
    width = np.minimum(a[..., X] + a[..., WIDTH], b[..., X] + b[..., WIDTH]) - np.maximum(a[..., X], b[..., X])
    height = np.minimum(a[..., Y] + a[..., HEIGHT], b[..., Y] + b[..., HEIGHT]) - np.maximum(a[..., Y], b[..., Y])
    common = np.where((width > 0) & (height > 0), width * height, 0.0)
    own, other = (box[..., WIDTH] * box[..., HEIGHT] for box in (a, b))
    union = own + other - common
    if crowd is not None:
        union = np.where(crowd[None], own, union)
    found: Floats = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return found


def match_image(detections: Floats, objects: Floats) -> Floats:
    """Return the outcome of one image, for `AveragePrecision`.

    Args:
        detections: Left, top, width, height, score and class of each detection.
        objects: Left, top, width, height, class, crowd and area of each object.

    """
    classes = np.union1d(detections[:, CLASS], objects[:, TRUE_CLASS])
    rows = [
        _match_class(detections[detections[:, CLASS] == one], objects[objects[:, TRUE_CLASS] == one], one)
        for one in classes
    ]
    return np.concatenate(rows) if rows else np.empty((0, _WIDTH))


def _match_class(detections: Floats, objects: Floats, one: float) -> Floats:
    best = np.argsort(-detections[:, SCORE], kind="stable")[:MOST]
    detections = detections[best]
    crowd = objects[:, CROWD] > 0
    overlaps = iou(detections[:, :4], objects[:, :4], crowd)
    found, truth = np.zeros((len(detections), _WIDTH)), np.zeros((len(objects), _WIDTH))
    found[:, _DETECTION], found[:, _CLASS], found[:, _SCORE] = 1, one, detections[:, SCORE]
    truth[:, _CLASS] = one
    areas = detections[:, WIDTH] * detections[:, HEIGHT]
    for place, (least, most) in enumerate(AREAS.values()):
        ignored = crowd | (objects[:, AREA] < least) | (objects[:, AREA] > most)
        true, ignore = _matches(overlaps, ignored, crowd)
        ignore |= ~true & ((areas < least) | (areas > most))[None]
        bits = 2.0 ** np.arange(len(THRESHOLDS))
        found[:, _FLAGS + 2 * place], found[:, _FLAGS + 2 * place + 1] = bits @ true, bits @ ignore
        truth[:, _FLAGS + 2 * place + 1] = ignored
    return np.concatenate([found, truth])


def _matches(
    overlaps: Floats, ignored: NDArray[np.bool_], crowd: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return for each threshold and detection whether it has an object, and whether that one is ignored.

    The best detections choose first: each takes the object that it overlaps most among those that are left, a counted
    one before one that is ignored. Any number of detections may lie in a crowd.
    """
    shape = (len(THRESHOLDS), len(overlaps))
    true, ignore = np.zeros(shape, bool), np.zeros(shape, bool)
    order = np.argsort(ignored, kind="stable")
    overlaps, ignored, crowd = overlaps[:, order], ignored[order], crowd[order]
    free, steps = np.ones((len(THRESHOLDS), len(order)), bool), np.arange(len(THRESHOLDS))
    for place in np.flatnonzero((overlaps >= THRESHOLDS[0]).any(axis=1)):
        row = overlaps[place]
        able = (row >= np.minimum(THRESHOLDS, 1 - 1e-10)[:, None]) & (free | crowd)
        counted = able & ~ignored
        wanted = np.where(counted.any(axis=1)[:, None], counted, able)
        chosen = len(row) - 1 - np.argmax(np.where(wanted, row, -1.0)[:, ::-1], axis=1)  # the last of equals
        matched = wanted[steps, chosen]
        free[steps[matched], chosen[matched]] = False
        true[matched, place], ignore[matched, place] = True, ignored[chosen[matched]]
    return true, ignore


@dataclass(frozen=True)
class _ClassTable:
    """The detections of one class in all images, the highest score first, and its objects.

    Attributes:
        images: Image of each detection.
        hits: For each threshold, which detections are true and counted.
        misses: For each threshold, which are false and counted.
        of_objects: Image of each object that counts.
    """

    images: NDArray[np.int64]
    hits: NDArray[np.bool_]
    misses: NDArray[np.bool_]
    of_objects: NDArray[np.int64]

    def precision(self, weights: Floats) -> Floats:
        """Return the average precision at each threshold; NaN without an object.

        Args:
            weights: How often each image counts.

        """
        objects = weights[self.of_objects].sum()
        if objects == 0:
            return np.full(len(THRESHOLDS), np.nan)
        often = weights[self.images]
        true, false = np.cumsum(self.hits * often, axis=1), np.cumsum(self.misses * often, axis=1)
        recall, counted = true / objects, true + false
        precision = np.divide(true, counted, out=np.zeros_like(true), where=counted > 0)
        precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        precision = np.concatenate([precision, np.zeros((len(precision), 1))], axis=1)
        places = [np.searchsorted(row, RECALLS) for row in recall]
        return np.array([row[place].mean() for row, place in zip(precision, places, strict=True)])


class AveragePrecision:
    """The average precision of a set of images.

    Args:
        outcomes: The outcomes of all images, one behind the other.
        images: The image of each row.
        n: Number of images.
        area: The range of areas that counts.
    """

    def __init__(self, outcomes: Floats, images: NDArray[np.int64], n: int, area: str = "all") -> None:
        self._outcomes, self._images, self.n = outcomes, images, n
        self._column = _FLAGS + 2 * list(AREAS).index(area)

    @cached_property
    def _tables(self) -> dict[int, _ClassTable]:
        classes = np.unique(self._outcomes[:, _CLASS]).astype(int).tolist()
        return {one: self._table(one) for one in classes}

    def _table(self, one: int) -> _ClassTable:
        here = self._outcomes[:, _CLASS] == one
        rows, images = self._outcomes[here], self._images[here]
        found = rows[:, _DETECTION] == 1
        order = np.argsort(-rows[found, _SCORE], kind="stable")
        true, ignored = (_bits(rows[found, column][order]) for column in (self._column, self._column + 1))
        counted = rows[~found, self._column + 1] == 0
        return _ClassTable(images[found][order], true & ~ignored, ~true & ~ignored, images[~found][counted])

    def by_class(self, weights: Floats | None = None) -> dict[int, Floats]:
        """Return the average precision of each class at each threshold, without those that have no object."""
        often = np.ones(self.n) if weights is None else weights
        found = {one: table.precision(often) for one, table in self._tables.items()}
        return {one: values for one, values in found.items() if not np.isnan(values).any()}

    def mean(self, weights: Floats | None = None, threshold: int | None = None) -> float:
        """Return the mean over classes and thresholds; NaN where no class has an object.

        Args:
            weights: How often each image counts; None for once.
            threshold: Index of the only threshold to count; None for all.

        """
        values = list(self.by_class(weights).values())
        if not values:
            return float("nan")
        table = np.array(values)
        return float((table if threshold is None else table[:, threshold]).mean())

    @property
    def rows(self) -> int:
        """Number of detections and objects."""
        return len(self._outcomes)


def _bits(numbers: Floats) -> NDArray[np.bool_]:
    """Return thresholds x numbers: which bits are set."""
    found: NDArray[Any] = numbers.astype(np.int64)[None] >> np.arange(len(THRESHOLDS))[:, None] & 1
    return found.astype(bool)
