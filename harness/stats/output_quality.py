"""Accuracy, agreement and signal-to-noise ratio of a model's outputs, each with its interval."""

from __future__ import annotations

from collections.abc import Mapping

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
    """Return the Missing of outputs that are not finite; None if all are."""
    broken = int((~np.isfinite(outputs)).any(axis=1).sum())
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
    signal = float(np.square(reference, dtype=np.float64).sum())
    noise = float(np.square(outputs.astype(np.float64) - reference).sum())
    if noise == 0:
        return Missing("the outputs are bit-identical to those of the reference")
    if signal == 0:
        return Missing("the reference's outputs are all zero")
    ratio = 10 * np.log10(signal / noise)
    return Value(float(ratio), n=len(outputs)) if np.isfinite(ratio) else Missing("outputs are not finite")


def _share(k: int, n: int) -> Value:
    lo, hi = wilson(k, n)
    return Value(k / n, lo, hi, n)


NAMES = ("fidelity_sqnr_db", "fidelity_cosine", "fidelity_max_abs", "fidelity_agreement")

SQNR_DB = {"fp32": 50.0, "tf32": 40.0, "fp16": 30.0, "bf16": 10.0}
"""Least SQNR of an uncompressed net by its precision. On these nets fp32 on two libraries agrees to more than 100 dB,
fp16 (eleven bits) to 40 to 60 dB and bf16 (eight bits) to 20 to 45 dB."""

COSINE = 0.7
"""Least cosine of the outputs of any setting; below it the differing part is as large as the common part."""


def compare(outputs: Outputs, reference: Outputs) -> dict[str, Quantity]:
    """Return the metrics of `NAMES` over all rows; agreement needs more than one output per row."""
    if outputs.shape != reference.shape:
        reason = f"{outputs.shape[1]} outputs, but the reference has {reference.shape[1]}"
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


def wrong_output_reason(precision: str, fidelity: Mapping[str, Quantity]) -> str:
    """Return why the outputs are not those of the net; '' if they are.

    Args:
        precision: Precision of an uncompressed net, to which `SQNR_DB` applies; '' for a compressed one, to which only
            `COSINE` does.
        fidelity: The metrics of `compare`.

    """
    sqnr, cosine = fidelity["fidelity_sqnr_db"], fidelity["fidelity_cosine"]
    if isinstance(cosine, Missing):
        return cosine.reason if "not finite" in cosine.reason else ""
    least = SQNR_DB.get(precision)
    if least is not None and isinstance(sqnr, Value) and sqnr.value < least:
        return f"{sqnr.value:.1f} dB to the fp32 reference, {least:g} expected of {precision}"
    if cosine.value < COSINE:
        return f"cosine {cosine.value:.2f} to the fp32 reference, {COSINE:g} expected of any setting"
    return ""


def _cosine(outputs: Outputs, reference: Outputs) -> Quantity:
    """Return the cosine of all outputs as one vector."""
    a, b = outputs.astype(np.float64).ravel(), reference.astype(np.float64).ravel()
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    if lengths == 0:
        return Missing("all outputs of one of the nets are zero")
    return Value(float(a @ b / lengths), n=len(outputs))
