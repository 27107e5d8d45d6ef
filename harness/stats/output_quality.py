"""Accuracy, agreement and signal-to-noise ratio of a model's outputs, each with its interval."""

from __future__ import annotations

from collections.abc import Mapping

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

    `labels` as `harness.datasets.label_mapping.label_array` makes them. Equal outputs rank by class index.
    """
    best = np.argsort(-outputs, axis=1, kind="stable")[:, :k]
    found: NDArray[np.bool_] = (best[:, :, None] == labels.reshape(len(labels), 1, -1)).any(axis=(1, 2))
    return found


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


NAMES = ("fidelity_sqnr_db", "fidelity_cosine", "fidelity_max_abs", "fidelity_agreement")

SQNR_DB = {"fp32": 50.0, "tf32": 40.0, "fp16": 30.0, "bf16": 10.0}
"""Least signal to noise of a plain net by its precision. fp32 on two libraries agrees to more than 100 dB; the eleven
bits of fp16 leave 40 to 60, the eight of bf16 20 to 45 on these nets."""

COSINE = 0.7
"""Least cosine of the outputs of any setting: below, the part that differs is as large as the part that agrees."""


def compare(outputs: Outputs, reference: Outputs) -> dict[str, Quantity]:
    """The metrics of `NAMES` over all inputs (rows); agreement only where outputs are classes (more than one)."""
    if outputs.shape != reference.shape:
        reason = f"{outputs.shape[1]} outputs, the reference has {reference.shape[1]}"
        return dict.fromkeys(NAMES, Missing(reason))
    if outputs.size == 0:
        return dict.fromkeys(NAMES, Missing("the outputs hold no numbers: they are empty, or strings"))
    if broken := not_finite(outputs):
        return dict.fromkeys(NAMES, broken)
    classes = outputs.shape[1] > 1
    return {
        "fidelity_sqnr_db": sqnr_db(outputs, reference),
        "fidelity_cosine": _cosine(outputs, reference),
        "fidelity_max_abs": Value(float(np.abs(outputs.astype(np.float64) - reference).max()), n=len(outputs)),
        "fidelity_agreement": agreement(outputs, reference) if classes else Missing("one output has no best class"),
    }


def wrong_output_reason(precision: str, found: Mapping[str, Quantity]) -> str:
    """Why these outputs cannot be called those of the net; '' where they can.

    `precision` is that of the plain net, rounded and nothing else; '' for a net that a setting has changed, which may
    differ as far as `COSINE` lets it.
    """
    sqnr, cosine = found["fidelity_sqnr_db"], found["fidelity_cosine"]
    if isinstance(cosine, Missing):
        return cosine.reason if "not finite" in cosine.reason else ""
    least = SQNR_DB.get(precision)
    if least is not None and isinstance(sqnr, Value) and sqnr.value < least:
        return f"{sqnr.value:.1f} dB to the fp32 reference, {least:g} expected of {precision}"
    if cosine.value < COSINE:
        return f"cosine {cosine.value:.2f} to the fp32 reference, {COSINE:g} expected of any setting"
    return ""


def _cosine(outputs: Outputs, reference: Outputs) -> Quantity:
    """Of all outputs as one vector."""
    a, b = outputs.astype(np.float64).ravel(), reference.astype(np.float64).ravel()
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    if lengths == 0:
        return Missing("the outputs of one of the two are all zero")
    return Value(float(a @ b / lengths), n=len(outputs))
