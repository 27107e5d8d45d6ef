"""Boxes that a detector's outputs are made of: anchors, their decoding, and the suppression of duplicates."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from harness.stats.average_precision import iou

Floats = NDArray[np.float64]

VARIANCES = (10.0, 10.0, 5.0, 5.0)
"""What SSD's offsets of y, x, height and width are divided by."""


def from_corners(corners: Floats) -> Floats:
    """Return boxes as left, top, width, height from left, top, right, bottom."""
    return np.concatenate([corners[:, :2], corners[:, 2:4] - corners[:, :2]], axis=1)


def from_yxyx(corners: Floats) -> Floats:
    """Return boxes as left, top, width, height from two opposite corners, each y before x."""
    low, high = np.minimum(corners[:, :2], corners[:, 2:4]), np.maximum(corners[:, :2], corners[:, 2:4])
    return np.concatenate([low[:, ::-1], (high - low)[:, ::-1]], axis=1)


def from_centers(centers: Floats) -> Floats:
    """Return boxes as left, top, width, height from the middle's x and y, width and height."""
    return np.concatenate([centers[:, :2] - centers[:, 2:4] / 2, centers[:, 2:4]], axis=1)


def ssd_anchors(height: int, width: int) -> Floats:
    """Return the anchors of TensorFlow's SSD for MobileNet: y, x, height and width of the middle, as shares.

    Six maps from a sixteenth of the input on, each half as large as the one before; scales from 0.2 to 0.95, six
    anchors at each place and three on the first map.
    """
    scales = [0.2 + 0.75 * level / 5 for level in range(6)] + [1.0]
    rows, columns, anchors = math.ceil(height / 16), math.ceil(width / 16), []
    for level in range(6):
        shapes = [(scales[level], ratio) for ratio in (1.0, 2.0, 0.5, 3.0, 1 / 3)]
        shapes.append((math.sqrt(scales[level] * scales[level + 1]), 1.0))
        if level == 0:
            shapes = [(0.1, 1.0), (0.2, 2.0), (0.2, 0.5)]
        sizes = np.array([(scale / math.sqrt(ratio), scale * math.sqrt(ratio)) for scale, ratio in shapes])
        y, x = np.mgrid[0:rows, 0:columns]
        places = np.stack([(y + 0.5) / rows, (x + 0.5) / columns], axis=-1).reshape(-1, 1, 2)
        both = np.broadcast_arrays(places, sizes[None])
        anchors.append(np.concatenate(both, axis=-1).reshape(-1, 4))
        rows, columns = math.ceil(rows / 2), math.ceil(columns / 2)
    return np.concatenate(anchors)


def decode_anchors(offsets: Floats, anchors: Floats) -> Floats:
    """Return left, top, width, height, as shares, of SSD's offsets of y, x, height and width to its anchors."""
    scaled = offsets / VARIANCES
    middle = scaled[:, :2] * anchors[:, 2:] + anchors[:, :2]
    size = np.exp(np.minimum(scaled[:, 2:], 20.0)) * anchors[:, 2:]
    return np.concatenate([(middle - size / 2)[:, ::-1], size[:, ::-1]], axis=1)


def suppress(
    boxes: Floats, scores: Floats, classes: NDArray[np.int64], threshold: float, most: int
) -> NDArray[np.int64]:
    """Return the indices of the best boxes that overlap no better one of their class, the highest score first.

    Args:
        boxes: Left, top, width, height.
        scores: Score of each.
        classes: Class of each.
        threshold: IoU above which the worse of two is a duplicate.
        most: The most boxes to return.

    """
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order) and len(kept) < most:
        best, order = order[0], order[1:]
        kept.append(int(best))
        same = classes[order] == classes[best]
        overlaps = np.zeros(len(order))
        overlaps[same] = iou(boxes[best][None], boxes[order[same]])[0]
        order = order[overlaps <= threshold]
    return np.array(kept, np.int64)


def best_of_class(boxes: Floats, scores: Floats, least: float, threshold: float, most: int, candidates: int) -> Floats:
    """Return detections from a score for each box and class: left, top, width, height, score, class.

    Args:
        boxes: Left, top, width, height of n boxes.
        scores: n x classes.
        least: Scores below it are left out.
        threshold: IoU above which the worse of two boxes of a class is a duplicate.
        most: The most detections.
        candidates: The most boxes of a class that are looked at, those with the highest scores.

    """
    found, classes = (each.astype(np.int64) for each in np.nonzero(scores >= least))
    values = scores[found, classes]
    if len(values) > candidates:
        order = np.argsort(-values, kind="stable")
        rank = np.empty(len(order), np.int64)
        for one in np.unique(classes):
            of_class = order[classes[order] == one]
            rank[of_class] = np.arange(len(of_class))
        best = rank < candidates
        found, classes, values = found[best], classes[best], values[best]
    kept = suppress(boxes[found], values, classes, threshold, most)
    return np.column_stack([boxes[found[kept]], values[kept], classes[kept]])
