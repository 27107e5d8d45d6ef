"""Does a case answer as the fp32 net on the reference runtime does, given the same inputs?

A setting may cost accuracy; a runtime that computes something else than it was asked to must not pass for fast.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from harness.core.quantity import Missing, Quantity, Value

from .output_quality import agreement, not_finite, sqnr_db

Outputs = NDArray[np.float32]

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
    if broken := not_finite(outputs):
        return dict.fromkeys(NAMES, broken)
    classes = outputs.shape[1] > 1
    return {
        "fidelity_sqnr_db": sqnr_db(outputs, reference),
        "fidelity_cosine": _cosine(outputs, reference),
        "fidelity_max_abs": Value(float(np.abs(outputs.astype(np.float64) - reference).max()), n=len(outputs)),
        "fidelity_agreement": agreement(outputs, reference) if classes else Missing("one output has no best class"),
    }


def wrong(precision: str, found: Mapping[str, Quantity]) -> str:
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
