"""The rule that makes synthetic weights: seeded integers times one scale per tensor.

A weight is ``q * scale``: ``q`` an integer in [-127, 127] drawn from a seeded stream, ``scale`` a float32 with a short
mantissa. Two things follow from that form:

* every machine gets the same bytes: integers from the raw stream of PCG64 (whose stream NumPy guarantees, NEP 19) and
  one exactly rounded multiplication; no logarithm, cosine or ``Generator`` method whose result may differ;
* the int8 graph holds the same net: each output channel reaches magnitude 127, so symmetric per-channel quantisation
  (``scale = max|w| / 127``) gives back ``q`` itself, and the weights of both files follow from one rule.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

PEAK = 127
"""Largest magnitude of an integer weight; every output channel reaches it."""

Integers = NDArray[np.signedinteger[Any]]

_BYTES_PER_WORD = 8
_BYTES_PER_WEIGHT = 2


def integers(seed: int, index: int, shape: Sequence[int]) -> NDArray[np.int8]:
    """Draw the integer weights of tensor number ``index`` of the net with that seed.

    ``shape`` is (output channels, input channels per group, ...). The values follow a symmetric triangular
    distribution on [-127, 127]: half the difference of two uniform bytes, standard deviation 52. Each tensor has its
    own stream, so the order of filling does not matter.
    """
    count = math.prod(shape)
    words = -(-count * _BYTES_PER_WEIGHT // _BYTES_PER_WORD)
    raw = np.random.PCG64(np.random.SeedSequence([seed, index])).random_raw(words)
    uniform = raw.astype("<u8", copy=False).view(np.uint8)[: count * _BYTES_PER_WEIGHT]
    difference = uniform[:count].astype(np.int16) - uniform[count:]
    # Halve towards zero: rounding down would give every channel the same small negative mean.
    rows = ((difference + (difference < 0)) >> 1).reshape(shape[0], -1)
    if shape[1] > 1:
        rows = _centred(rows)
    return _with_peaks(rows).reshape(shape)


def _centred(rows: Integers) -> Integers:
    """Make every output channel sum to about zero.

    Activations behind a ReLU share a positive mean; random weights amplify it from layer to layer until the output
    no longer depends on the picture. Weights that sum to zero pass on the differences instead. (A depthwise filter
    stays as drawn: with a zero sum it would be a high-pass that leaves nothing of a smooth map.)
    """
    mean = np.rint(rows.mean(axis=1, keepdims=True)).astype(np.int16)
    centred: Integers = np.clip(rows - mean, -PEAK, PEAK)
    return centred


def _with_peaks(rows: Integers) -> NDArray[np.int8]:
    """Raise the largest weight of every output channel to magnitude 127, keeping its sign."""
    values = rows.astype(np.int8)
    channel = np.arange(len(values))
    at = np.abs(values).argmax(axis=1)
    values[channel, at] = np.where(values[channel, at] < 0, -PEAK, PEAK)
    return values


def short_scale(value: float) -> float:
    """Round a positive scale to an 8-bit mantissa, so that ``q * scale`` and ``127 * scale`` are exact in float32."""
    mantissa, exponent = math.frexp(value)
    return math.ldexp(round(mantissa * 256) / 256, exponent)


def encode(values: NDArray[np.int8], dtype: str, scale: float, axes: Sequence[int]) -> bytes:
    """Turn integer weights into the bytes a model file holds.

    ``dtype`` is ``"float32"`` (``q * scale``) or ``"int8"`` (``q``); ``axes`` orders the axes as the format does, for
    example ``(0, 2, 3, 1)`` for a LiteRT convolution. Raises ValueError for another dtype.
    """
    ordered = np.ascontiguousarray(values.transpose(tuple(axes)))
    if dtype == "int8":
        return ordered.tobytes()
    if dtype == "float32":
        return (ordered.astype(np.float32) * np.float32(scale)).astype("<f4", copy=False).tobytes()
    raise ValueError(f"no weights of type {dtype!r}: expected 'float32' or 'int8'")
