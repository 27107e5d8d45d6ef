"""Accuracy of a model's outputs on labelled images, and agreement and signal-to-noise ratio with another model's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.core.quantity import Missing, Quantity, Value

from . import wilson

Outputs = NDArray[np.float32]


def accuracy(outputs: Outputs, labels: NDArray[np.int64], k: int) -> Quantity:
    """Return the share of rows whose label is among the `k` largest outputs, with Wilson's 95 % interval."""
    n, classes = outputs.shape
    if k >= classes:
        return Missing(f"top-{k} is meaningless with {classes} classes")
    if broken := not_finite(outputs):
        return broken
    return _share(int(hits(outputs, labels, k).sum()), n)


def not_finite(outputs: Outputs) -> Missing | None:
    """Return the reason that rows without a best class give for every figure; None where there are none.

    A NaN or an infinity is one; minus infinity is how a net masks a class, and is none where another class is finite.
    """
    broken = int((np.isnan(outputs).any(axis=1) | ~np.isfinite(outputs.max(axis=1))).sum())
    return Missing(f"{broken} of {len(outputs)} outputs are not finite") if broken else None


def hits(outputs: Outputs, labels: NDArray[np.int64], k: int = 1) -> NDArray[np.bool_]:
    """Return for each row whether one of its labels is among the `k` largest outputs.

    Args:
        outputs: Outputs, shape (rows, classes). Equal outputs rank by class index, as in argmax.
        labels: Labels, as `harness.datasets.label_mapping.label_array` returns them.
        k: Number of outputs.

    """
    best = np.argsort(-outputs, axis=1, kind="stable")[:, :k]
    matches: NDArray[np.bool_] = (best[:, :, None] == labels.reshape(len(labels), 1, -1)).any(axis=(1, 2))
    return matches


def class_scores(outputs: Outputs) -> Outputs:
    """Return a score for each class: the outputs, or two columns for the single output of a binary classifier.

    A single output within [0, 1] on all rows is taken as the probability of the second class, with its threshold at
    0.5; any other as a logit, with its threshold at 0. At the threshold it is the first class, as in Keras.
    """
    if outputs.shape[1] != 1:
        return outputs
    probability = bool(((outputs >= 0) & (outputs <= 1)).all())
    return np.hstack([1 - outputs if probability else -outputs, outputs])


def discordant(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> tuple[int, int]:
    """Count the images that only the first net gets right, and those that only the second does, for McNemar's test."""
    return int((first & ~second).sum()), int((second & ~first).sum())


def agreement(outputs: Outputs, reference: Outputs) -> Quantity:
    """Return the share of rows with the same argmax as the reference, with Wilson's 95 % interval."""
    return _share(int((outputs.argmax(axis=1) == reference.argmax(axis=1)).sum()), len(outputs))


def sqnr_db(outputs: Outputs, reference: Outputs) -> Quantity:
    """Return 10 log10(sum y^2 / sum (y - y')^2) over all outputs; y is the fp32 reference."""
    masked = (outputs == reference) & ~np.isfinite(reference)
    wide, own = np.where(masked, 0.0, reference.astype(np.float64)), np.where(masked, 0.0, outputs)
    signal, noise = float(np.square(wide).sum()), float(np.square(own - wide).sum())
    if noise == 0:
        return Missing("the outputs are bit-identical to those of the reference")
    if signal == 0:
        return Missing("the reference's outputs are all zero")
    ratio = 10 * np.log10(signal / noise)
    return Value(float(ratio), n=len(outputs)) if np.isfinite(ratio) else Missing("outputs are not finite")


def _share(k: int, n: int) -> Value:
    lo, hi = wilson(k, n)
    return Value(k / n, lo, hi, n)
