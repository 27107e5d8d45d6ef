"""Accuracy, agreement and signal-to-noise of a net's outputs, each with its interval."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.core.quantity import Missing, Quantity, Value

from . import wilson

Outputs = NDArray[np.float32]


def accuracy(outputs: Outputs, labels: NDArray[np.int64], k: int) -> Quantity:
    """Share of rows whose label is among the `k` largest outputs, with Wilson's 95 % interval."""
    n, classes = outputs.shape
    if k >= classes:
        return Missing(f"top-{k} says nothing with {classes} classes")
    if broken := not_finite(outputs):
        return broken
    return _share(int(hits(outputs, labels, k).sum()), n)


def not_finite(outputs: Outputs) -> Missing | None:
    """The reason that rows with an infinity or a NaN give for every figure; None where there are none."""
    broken = int((~np.isfinite(outputs)).any(axis=1).sum())
    return Missing(f"{broken} of {len(outputs)} outputs are not finite") if broken else None


def hits(outputs: Outputs, labels: NDArray[np.int64], k: int = 1) -> NDArray[np.bool_]:
    """For each row whether its label, or any of its labels, is among the `k` largest outputs.

    `labels` as `harness.datasets.numbering.rows` makes them. Equal outputs rank by class index, as argmax has it.
    """
    best = np.argsort(-outputs, axis=1, kind="stable")[:, :k]
    found: NDArray[np.bool_] = (best[:, :, None] == labels.reshape(len(labels), 1, -1)).any(axis=(1, 2))
    return found


def discordant(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> tuple[int, int]:
    """On how many images only the first net is right, and on how many only the second: what McNemar's test takes."""
    return int((first & ~second).sum()), int((second & ~first).sum())


def agreement(outputs: Outputs, reference: Outputs) -> Quantity:
    """Share of rows whose largest output is at the reference's place, with Wilson's 95 % interval."""
    return _share(int((outputs.argmax(axis=1) == reference.argmax(axis=1)).sum()), len(outputs))


def sqnr_db(outputs: Outputs, reference: Outputs) -> Quantity:
    """10 log10(sum y^2 / sum (y - y')^2) over all outputs; y is the fp32 reference."""
    signal = float(np.square(reference, dtype=np.float64).sum())
    noise = float(np.square(outputs.astype(np.float64) - reference).sum())
    if noise == 0:
        return Missing("outputs are equal to the reference's to the last bit")
    if signal == 0:
        return Missing("the reference's outputs are all zero")
    ratio = 10 * np.log10(signal / noise)
    return Value(float(ratio), n=len(outputs)) if np.isfinite(ratio) else Missing("outputs are not finite")


def _share(k: int, n: int) -> Value:
    lo, hi = wilson(k, n)
    return Value(k / n, lo, hi, n)
