"""What detectors give: each convention of outputs, how it is recognised, and how it becomes boxes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import DataError, UnknownName, UsageError
from harness.runtimes.base import SessionError

from .boxes import best_of_class, decode_anchors, from_centers, from_corners, from_yxyx, ssd_anchors

Array = NDArray[Any]
Floats = NDArray[np.float64]
Outputs = Mapping[str, Array]
Shapes = Mapping[str, Sequence[int]]

LEAST = 0.001
"""Scores below it are left out: a precision at full recall needs the unsure boxes too."""


@dataclass(frozen=True)
class Convention:
    """One way in which detectors give boxes.

    Attributes:
        name: What --decode calls it.
        about: What its outputs are.
        classes: Returns the number of classes that outputs of these shapes have, 0 where that does not show; None
            where they are not of this convention. The second argument is the number of classes of the data set, 0 where
            it is not known.
        read: Returns left, top, width, height in pixels of the input, score and class of each detection, from the
            outputs for one sample and the width and height of the input. The last argument is what follows the name in
            --decode.
    """

    name: str
    about: str
    classes: Callable[[Shapes, int], int | None]
    read: Callable[[Outputs, tuple[int, int], str], Floats]


def convention(decode: str) -> Convention:
    """Return the convention that --decode names; UnknownName if there is none."""
    name = decode.partition(":")[0]
    if name not in CONVENTIONS:
        raise UnknownName("convention of outputs", name, CONVENTIONS)
    return CONVENTIONS[name]


def recognize(shapes: Shapes, classes: int = 0) -> Convention:
    """Return the only convention that outputs of these shapes can be.

    Args:
        shapes: Shape of each output for one sample.
        classes: Number of classes of the data set, 0 where it is not known.

    Raises:
        UsageError: They fit none, or several.
    """
    fitting = {name: found for name, one in CONVENTIONS.items() if (found := one.classes(shapes, classes)) is not None}
    likely = [name for name, found in fitting.items() if not classes or found in (0, classes)] or list(fitting)
    if len(likely) == 1:
        return CONVENTIONS[likely[0]]
    listed = ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in shapes.items())
    if not fitting:
        known = "; ".join(f"{one.name}: {one.about}" for one in CONVENTIONS.values())
        raise UsageError(f"the outputs are those of no detector that is known: {listed}", f"--decode knows {known}")
    raise UsageError(f"the outputs may be read in several ways: {listed}", f"say which: --decode {' or '.join(likely)}")


def check(one: Convention, shapes: Shapes, classes: int) -> int:
    """Return the number of classes that the outputs have, 0 where it does not show.

    Raises:
        UsageError: The outputs are not of the convention.
    """
    found = one.classes(shapes, classes)
    if found is None:
        listed = ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in shapes.items())
        raise UsageError(f"the outputs are not those of --decode {one.name}: {listed}", f"it reads {one.about}")
    return found


def _only(shapes: Shapes) -> tuple[int, int] | None:
    """Return rows and columns of the only output, whose first dimension is 1; None for others."""
    (shape,) = shapes.values() if len(shapes) == 1 else ((),)
    return (shape[1], shape[2]) if len(shape) == 3 and shape[0] == 1 else None


def _heads(shapes: Shapes) -> tuple[int, int] | None:
    """Return the numbers of boxes and of columns of scores of two outputs 1 x N x 4 and 1 x N x K; None for others."""
    found = [tuple(shape) for shape in shapes.values()]
    if len(found) != 2 or any(len(shape) != 3 or shape[0] != 1 for shape in found) or found[0][1] != found[1][1]:
        return None
    columns = [shape[2] for shape in found]
    return (found[0][1], columns[1 - columns.index(4)]) if 4 in columns else None


def _yolo_classes(shapes: Shapes, classes: int) -> int | None:
    sides = _only(shapes)
    if sides is None:
        return None
    if classes and 4 + classes in sides:
        return classes
    return min(sides) - 4 if min(sides) > 4 and max(sides) > 2 * min(sides) else None


def _yolo(outputs: Outputs, size: tuple[int, int], _: str) -> Floats:
    rows = _long(next(iter(outputs.values()))[0])
    return _from_rows(rows[:, :4], rows[:, 4:], size)


def _long(table: Array) -> Floats:
    """Return one row for each box: there are more boxes than numbers of one."""
    values = table.astype(np.float64)
    rows: Floats = values if values.shape[0] >= values.shape[1] else values.T
    return rows


def _from_rows(centers: Floats, scores: Floats, size: tuple[int, int]) -> Floats:
    boxes = from_centers(centers)
    if len(boxes) and np.abs(centers).max() <= 2.0:  # shares of the input, as some exporters give them
        boxes = boxes * (*size, *size)
    return best_of_class(boxes, scores, LEAST, 0.7, 300, 1000)


def _yolov5_classes(shapes: Shapes, classes: int) -> int | None:
    sides = _only(shapes)
    if sides is None or sides[0] <= sides[1] or sides[1] <= 5:
        return None
    return sides[1] - 5 if classes in (0, sides[1] - 5) else None


def _yolov5(outputs: Outputs, size: tuple[int, int], _: str) -> Floats:
    rows = next(iter(outputs.values()))[0].astype(np.float64)
    return _from_rows(rows[:, :4], rows[:, 5:] * rows[:, 4:5], size)


def _end_to_end_classes(shapes: Shapes, _: int) -> int | None:
    sides = _only(shapes)
    return 0 if sides and sides[1] == 6 else None


def _end_to_end(outputs: Outputs, size: tuple[int, int], _: str) -> Floats:
    rows = next(iter(outputs.values()))[0].astype(np.float64)
    boxes = from_corners(rows[:, :4])
    if len(rows) and np.abs(rows[:, :4]).max() <= 2.0:
        boxes = boxes * (*size, *size)
    found: Floats = np.column_stack([boxes, rows[:, 4], rows[:, 5]])[rows[:, 4] >= LEAST]
    return found


def _tflite_classes(shapes: Shapes, _: int) -> int | None:
    found = [tuple(shape) for shape in shapes.values()]
    boxes = [shape for shape in found if len(shape) == 3 and shape[2] == 4]
    lists = [shape for shape in found if len(shape) == 2]
    counts = [shape for shape in found if math.prod(shape) == 1]
    fits = len(found) == 4 and len(boxes) == 1 and len(lists) == 2 and len(counts) == 1
    return 0 if fits and all(shape[1] == boxes[0][1] for shape in lists) else None


def _tflite(outputs: Outputs, size: tuple[int, int], _: str) -> Floats:
    """Read TFLite_Detection_PostProcess; the order and the names of its outputs differ between exporters."""
    boxes = next(array for array in outputs.values() if array.ndim == 3)[0].astype(np.float64)
    count = int(min((array for array in outputs.values() if array.size == 1), key=np.ndim).reshape(-1)[0])
    first, second = (array[0].astype(np.float64)[:count] for array in outputs.values() if array.ndim == 2)
    scores_first = bool((second == np.round(second)).all()) and not bool((first == np.round(first)).all())
    classes, scores = (second, first) if scores_first else (first, second)
    boxes = from_yxyx(boxes[:count]) * (*size, *size)
    found: Floats = np.column_stack([boxes, scores, classes])[scores >= LEAST]
    return found


def _onnx_parts(shapes: Shapes) -> tuple[str, str, str] | None:
    """Return the names of the selected indices, the boxes and the scores; None where one is missing."""
    selected = [name for name, shape in shapes.items() if len(shape) == 2 and shape[1] == 3]
    boxes = [name for name, shape in shapes.items() if len(shape) == 3 and shape[2] == 4]
    if len(selected) != 1 or len(boxes) != 1:
        return None
    n = shapes[boxes[0]][1]
    scores = [name for name, shape in shapes.items() if len(shape) == 3 and shape[2] == n and name != boxes[0]]
    return (selected[0], boxes[0], scores[0]) if len(scores) == 1 else None


def _onnx_classes(shapes: Shapes, _: int) -> int | None:
    parts = _onnx_parts(shapes)
    return shapes[parts[2]][1] if parts else None


def _onnx_nms(outputs: Outputs, size: tuple[int, int], argument: str) -> Floats:
    parts = _onnx_parts({name: array.shape for name, array in outputs.items()})
    assert parts is not None
    selected, boxes, scores = (outputs[name] for name in parts)
    chosen = selected.astype(np.int64).reshape(-1, 3)
    rows = boxes[0].astype(np.float64)[chosen[:, 2]]
    found = from_centers(rows) if argument == "center" else from_yxyx(rows)
    if len(rows) and np.abs(rows).max() <= 2.0:
        found = found * (*size, *size)
    return np.column_stack([found, scores[0][chosen[:, 1], chosen[:, 2]], chosen[:, 1]])


def _ssd_classes(shapes: Shapes, classes: int) -> int | None:
    heads = _heads(shapes)
    if heads is None:
        return None
    return heads[1] if heads[1] == classes else heads[1] - 1


def complete(decode: str, shapes: Shapes, classes: int) -> str:
    """Return --decode of raw heads with all that `read` needs to know: where the anchors are, and the background.

    Args:
        decode: What the user gave, or the name of the convention.
        shapes: Shape of each output for one sample.
        classes: Number of classes without the background.

    Raises:
        DataError: The file of anchors cannot be read.
    """
    name, _, argument = decode.partition(":")
    heads = _heads(shapes)
    if name != "ssd" or heads is None:
        return decode
    words = [word for word in argument.split(",") if word]
    words = [word if word in _WORDS else str(Path(word).absolute()) for word in words]
    for word in words:
        if word not in _WORDS:
            _anchors(word)
    if heads[1] != classes and "background" not in words:
        words.append("background")
    return ":".join(filter(None, (name, ",".join(words))))


_WORDS = ("softmax", "background")


def _ssd(outputs: Outputs, size: tuple[int, int], argument: str) -> Floats:
    """Read raw heads; `argument` lists a file of anchors, 'softmax', and 'background' where that is the first class."""
    words = [word for word in argument.split(",") if word]
    files = [word for word in words if word not in _WORDS]
    offsets, logits = sorted((array[0].astype(np.float64) for array in outputs.values()), key=lambda a: a.shape[1] != 4)
    anchors = _anchors(files[0]) if files else ssd_anchors(size[1], size[0])
    if len(anchors) != len(offsets):
        raise SessionError(
            f"the model has {len(offsets)} anchors, {files[0] if files else 'TensorFlow for this input'} "
            f"{len(anchors)}",
            "give its own as y, x, height and width in shares of the input: --decode ssd:ANCHORS.npy",
        )
    if "softmax" in words:
        scores = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores /= scores.sum(axis=1, keepdims=True)
    else:
        scores = 1 / (1 + np.exp(-logits))
    scores = scores[:, 1:] if "background" in words else scores
    found: Floats = best_of_class(decode_anchors(offsets, anchors) * (*size, *size), scores, 0.01, 0.6, 100, 400)
    return found


@cache
def _anchors(file: str) -> Floats:
    try:
        anchors: Floats = np.load(Path(file), allow_pickle=False).astype(np.float64)
    except (OSError, ValueError) as error:
        raise DataError(f"{file} is no file of anchors: {error}", "an .npy of anchors x 4") from error
    if anchors.ndim != 2 or anchors.shape[1] != 4:
        raise DataError(f"{file} holds an array of {list(anchors.shape)}, not of anchors x 4")
    return anchors


_ALL = (
    Convention("yolo", "1 x (4 + classes) x boxes, of Ultralytics from YOLOv8 on", _yolo_classes, _yolo),
    Convention("yolov5", "1 x boxes x (5 + classes), with objectness", _yolov5_classes, _yolov5),
    Convention("end-to-end", "1 x boxes x 6: corners, score, class; no duplicates", _end_to_end_classes, _end_to_end),
    Convention("tflite", "TFLite_Detection_PostProcess: boxes, classes, scores, count", _tflite_classes, _tflite),
    Convention("onnx-nms", "NonMaxSuppression's indices with its boxes and scores", _onnx_classes, _onnx_nms),
    Convention("ssd", "raw heads 1 x anchors x 4 and 1 x anchors x classes", _ssd_classes, _ssd),
)
CONVENTIONS: Mapping[str, Convention] = {one.name: one for one in _ALL}
