"""Object detection: boxes with classes and scores, judged by the mean average precision of COCO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.core.artifact import ScoredOutput
from harness.core.errors import DataError, UsageError
from harness.core.quality import QualityKind
from harness.core.quantity import Missing, Quantity, Value
from harness.core.task import Interface, PairedTest, PerSample, Predictions, Task, Wanted
from harness.core.verdict import Finding
from harness.datasets.boxes import BoxSet, open_boxes, recognize_boxes
from harness.datasets.placement import placement
from harness.datasets.preprocessing import preprocess
from harness.runtimes.base import SessionError
from harness.stats.average_precision import AREAS, CLASS, SCORE, TRUE_CLASS, AveragePrecision, iou, match_image
from harness.stats.resampling import bootstrap, paired_bootstrap

from .conventions import check, complete, convention, recognize

if TYPE_CHECKING:
    from harness.core.artifact import Preprocess

Array = NDArray[Any]

CONFIDENT = 0.25
"""Score from which a box takes part in the agreement of two models: those that a user would draw."""

SAME = 0.5
"""IoU from which two boxes are the same."""

_WORK = 2_000_000_000
"""Detections x thresholds x resamples of a bootstrap: fewer resamples of large sets, so that it ends on a board."""

_COLUMNS = 6


class Detection(Task):
    """Images and boxes.

    A prediction has a row for each box: left, top, width and height in pixels of the image, score and class. A truth
    has the columns of `harness.datasets.boxes`, an outcome those of `harness.stats.average_precision.match_image`.
    """

    name = "detection"
    title = "object detection"
    quality = QualityKind("map", "mAP", "mAP")
    samples = "images"

    def open(self, kind: str, path: Path) -> BoxSet:
        """Open COCO's JSON, a YOLO folder or a Pascal VOC folder."""
        return open_boxes(kind, path)

    def recognize(self, path: Path) -> str:
        """Return which of the three formats the boxes are in."""
        return recognize_boxes(path)

    def stratum(self, label: Any) -> int:
        """Return the class of an image's first object; -1 for an image without one."""
        return int(label[0, TRUE_CLASS]) if len(label) else -1

    def interface(self, preprocess: Preprocess, outputs: Mapping[str, Sequence[int]], wanted: Wanted) -> Interface:
        """Return the convention of the outputs, and which of the model's classes those of the data set are.

        Raises:
            DataError: The model has another number of classes.
            UsageError: The convention is not recognised, or the outputs are not of the one given.
        """
        dataset: BoxSet = wanted.dataset
        shapes = {name: (1, *shape[1:]) for name, shape in outputs.items()}
        if wanted.output is not None:
            raise UsageError("--output is for classifiers: a detector is read from all outputs", "leave it out")
        n = len(dataset.names)
        one = convention(wanted.decode) if wanted.decode else recognize(shapes, n)
        classes = check(one, shapes, n)
        places = class_places(classes, dataset, wanted.class_names) if classes else ()
        decode = complete(wanted.decode or one.name, shapes, classes)
        return Interface(preprocess, ScoredOutput("", classes, places) if classes else None, decode)

    def decided(self, how: Interface, wanted: Wanted) -> Sequence[Finding]:
        """Return which convention the outputs are read in, where the user did not name it."""
        if wanted.decode:
            return ()
        one = convention(how.decode)
        return [Finding("decode", "ok", f"the outputs are read as {one.name} ({one.about}); another: --decode NAME")]

    def encode(self, sample: Any, how: Preprocess) -> Array:
        """Resize, pad and normalize an image."""
        return preprocess(sample, how)

    def decode(self, outputs: Mapping[str, Array], samples: Sequence[Any], how: Interface) -> Sequence[Array]:
        """Return the boxes of each image, in its own pixels.

        Raises:
            SessionError: The outputs are not of the convention.
        """
        found = []
        for place, image in enumerate(samples):
            own = {name: _of_sample(array, place, len(samples)) for name, array in outputs.items()}
            found.append(self._boxes(own, image, how))
        return found

    def _boxes(self, outputs: Mapping[str, Array], image: Any, how: Interface) -> Array:
        shapes = {name: array.shape for name, array in outputs.items()}
        classes = len(how.output.classes) if how.output else 0
        try:
            one = convention(how.decode) if how.decode else recognize(shapes, classes)
            check(one, shapes, classes)
        except UsageError as error:
            raise SessionError(error.message, error.remedy) from error
        where = placement(how.preprocess, image.shape)
        rows = one.read(outputs, where.size, how.decode.partition(":")[2]).reshape(-1, _COLUMNS)
        scale, offset = np.array(where.scale), np.array(where.offset)
        corners = np.stack([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1)
        corners = np.clip((corners - offset) / scale, 0, (image.shape[1], image.shape[0]))
        boxes = np.concatenate([corners[:, 0], corners[:, 1] - corners[:, 0], rows[:, 4:]], axis=1)
        return boxes[(boxes[:, 2] > 0) & (boxes[:, 3] > 0)]

    def truths(self, labels: Sequence[Any]) -> PerSample:
        """Return the objects of each image."""
        return PerSample.of(labels)

    def facts(self, dataset: Any) -> dict[str, Any]:
        """Return the names of the classes, and their numbers in the file."""
        return {"classes": list(dataset.names), "class_ids": list(dataset.ids)}

    def fit(
        self, predictions: Predictions, facts: Mapping[str, Any], how: Interface
    ) -> tuple[Predictions, tuple[Finding, ...]]:
        """Return the predictions with classes as the data set counts them.

        Raises:
            DataError: A class is none of the data set.
        """
        n = len(facts["classes"])
        if how.output is not None and how.output.classes:
            places = how.output.classes
        else:
            places = self._by_highest(predictions, n, facts["class_ids"])
        own = {place: index for index, place in enumerate(places)}
        values = predictions.predicted.values.copy()
        values[:, CLASS] = [own.get(int(one), -1) for one in values[:, CLASS]]
        return replace(predictions, predicted=PerSample(values, predictions.predicted.counts)), ()

    def _by_highest(self, predictions: Predictions, n: int, ids: Sequence[int]) -> tuple[int, ...]:
        """Return the model's class of each of the data set's, where the outputs do not show how many there are."""
        values = predictions.predicted.values
        highest = int(values[:, CLASS].max()) if len(values) else 0
        if ids and max(ids) > n and highest < max(ids):  # such as COCO's 80 classes, numbered up to 90
            return tuple(one - 1 for one in ids)
        if highest >= n:
            raise DataError(
                f"the model gives boxes of class {highest}, the data set has {n} classes",
                "give data of its classes; classes count from 0",
            )
        return tuple(range(n))

    def judge(self, predictions: Predictions) -> PerSample:
        """Return which boxes of each image are right, at each threshold."""
        pairs = zip(predictions.predicted, predictions.truths, strict=True)
        return PerSample.of([match_image(found, objects) for found, objects in pairs])

    def score(self, outcomes: PerSample) -> Value:
        """Return mAP, its interval by bootstrap over the images."""
        precision = _precision(outcomes)
        lo, hi = bootstrap(partial(_resampled, precision), len(outcomes), resamples=_resamples(precision))
        return Value(precision.mean(), lo, hi, len(outcomes))

    def compare(self, outcomes: PerSample, reference: PerSample, level: float = 0.95) -> PairedTest:
        """Return the difference of mAP, with its interval and p by a paired bootstrap over the images."""
        own, other = _precision(outcomes), _precision(reference)

        def difference(images: NDArray[np.int64]) -> float:
            return _resampled(own, images) - _resampled(other, images)

        resamples = max(200, _resamples(own) // 2)
        lo, hi, p = paired_bootstrap(difference, len(outcomes), level, resamples)
        before, after = other.mean(), own.mean()
        words = f"{before:.4f} to {after:.4f} on {len(outcomes)} images; paired bootstrap p {p:.2g}"
        return PairedTest(after - before, lo, hi, p, words, {"before": before, "after": after, "images": len(outcomes)})

    def agreement(self, predictions: Predictions, reference: Predictions) -> Quantity:
        """Return the share of boxes that both models give: of the same class, with an IoU of at least 0.5."""
        pairs = zip(predictions.predicted, reference.predicted, strict=True)
        counts = np.array([_agreed(own, other) for own, other in pairs], np.float64)
        if not counts[:, 1].sum():
            return Missing(f"neither model gives a box with a score of {CONFIDENT}")

        def share(images: NDArray[np.int64]) -> float:
            agreed, every = counts[images].sum(axis=0)
            return float(agreed / every) if every else 1.0

        lo, hi = bootstrap(share, len(counts))
        return Value(share(np.arange(len(counts))), lo, hi, len(counts))

    def findings(self, predictions: Predictions, outcomes: PerSample) -> Sequence[Finding]:
        """Return that no box is right, or that there is none."""
        values, n = predictions.predicted.values, len(predictions)
        remedy = "check --preprocess, --decode and the order of the classes; a setting may have broken it"
        if not len(values):
            return [Finding("no_boxes", "warn", f"the model gives no box on {n} images", remedy)]
        if _precision(outcomes).mean(threshold=0) == 0:
            words = f"none of {len(values)} boxes on {n} images lies on an object of its class"
            return [Finding("chance_level", "warn", words, remedy)]
        return ()

    def is_constant(self, predictions: Predictions) -> str:
        """Return that there is no box at all."""
        confident = predictions.predicted.values[:, SCORE] >= CONFIDENT
        return "" if confident.any() else f"it gives no box with a score of {CONFIDENT}"

    def details(self, outcomes: PerSample, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Return the figures of COCO beside mAP, and the average precision of each class."""
        whole = _precision(outcomes)
        figures = {"AP50": whole.mean(threshold=0), "AP75": whole.mean(threshold=5)}
        figures |= {f"AP_{area}": _precision(outcomes, area).mean() for area in AREAS if area != "all"}
        return {
            "n": len(outcomes),
            "figures": {name: value for name, value in figures.items() if not np.isnan(value)},
            "by_class": {facts["classes"][one]: float(values.mean()) for one, values in whole.by_class().items()},
        }


def class_places(classes: int, dataset: BoxSet, names: Sequence[str] = ()) -> tuple[int, ...]:
    """Return which of a model's classes each class of the data set is.

    Args:
        classes: Number of the model's classes.
        dataset: The data set.
        names: Class names that the model file carries, in order.

    Raises:
        DataError: The model has other classes.
    """
    n = len(dataset.names)
    if len(names) == classes and len(set(names)) == classes and set(dataset.names) <= set(names):
        return tuple(names.index(name) for name in dataset.names)
    if classes == n:
        return tuple(range(n))
    if dataset.ids and max(dataset.ids) == classes:  # numbered with gaps, as COCO's 80 classes up to 90
        return tuple(one - 1 for one in dataset.ids)
    raise DataError(
        f"the model has {classes} classes, the data set {n}: {', '.join(dataset.names[:8])}{' ...' if n > 8 else ''}",
        "give data of its classes, or name the convention of its outputs with --decode",
    )


def _of_sample(array: Array, place: int, batch: int) -> Array:
    """Return the part of an output that belongs to one sample of a batch."""
    if batch == 1:
        return array
    if array.ndim == 0 or len(array) != batch:
        raise SessionError(f"an output of shape {list(array.shape)} is not one of {batch} samples")
    return array[place : place + 1]


def _precision(outcomes: PerSample, area: str = "all") -> AveragePrecision:
    images = np.repeat(np.arange(len(outcomes)), outcomes.counts)
    return AveragePrecision(outcomes.values, images, len(outcomes), area)


def _resamples(precision: AveragePrecision) -> int:
    return int(np.clip(_WORK // (10 * max(precision.rows, 1)), 200, 1000))


def _resampled(precision: AveragePrecision, images: NDArray[np.int64]) -> float:
    """Return mAP of images that may repeat; 0 where none of them has an object."""
    value = precision.mean(np.bincount(images, minlength=precision.n).astype(np.float64))
    return 0.0 if np.isnan(value) else value


def _agreed(own: Array, other: Array) -> tuple[int, int]:
    """Return how many confident boxes of two models are in pairs, and how many there are."""
    own, other = (rows[rows[:, SCORE] >= CONFIDENT] for rows in (own, other))
    overlaps = iou(own[:, :4], other[:, :4])
    overlaps[own[:, CLASS][:, None] != other[:, CLASS][None]] = 0.0
    pairs = 0
    while overlaps.size and overlaps.max() >= SAME:
        row, column = np.unravel_index(int(overlaps.argmax()), overlaps.shape)
        overlaps[row], overlaps[:, column] = 0.0, 0.0
        pairs += 1
    return 2 * pairs, len(own) + len(other)


PLUGINS: tuple[Task, ...] = (Detection(),)
