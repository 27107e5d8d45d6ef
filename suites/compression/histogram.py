"""Ranges of activations from their histograms: outliers are cut off for finer steps elsewhere.

Two passes over the images, one image in memory at a time: the first for the extremes, the second for the histograms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

Activations = Callable[[], Iterable[Mapping[str, NDArray[np.float32]]]]
"""Starts a pass: the activations by name, image after image."""
Range = tuple[NDArray[np.float32], NDArray[np.float32]]

IMAGES = 128
"""Images looked at: on a board more cost minutes, and move the ranges little."""
BINS = 512
LEVELS = 256
"""Steps of 8 bits."""
PERCENTILE = 99.99
"""Share of values in percent that stays within the range; half of the rest is cut off each end."""

PARAMETERS: Mapping[str, Mapping[str, float]] = {
    "MinMax": {},
    "Entropy": {"bins": BINS, "levels": LEVELS, "images": IMAGES},
    "Percentile": {"bins": BINS, "percentile": PERCENTILE, "images": IMAGES},
}
"""What decides the ranges, by method, for the recipe."""


def ranges(activations: Activations, method: str) -> dict[str, Range]:
    """Lower and upper end of each activation by ``method``, 'Entropy' or 'Percentile'."""
    extremes: dict[str, tuple[float, float]] = {}
    for image in activations():
        for name, values in image.items():
            low, high = extremes.get(name, (np.inf, -np.inf))
            extremes[name] = min(low, float(values.min())), max(high, float(values.max()))
    counts = {name: np.zeros(BINS, np.int64) for name in extremes}
    for image in activations():
        for name, values in image.items():
            counts[name] += _counted(values, extremes[name], method)
    cut = _by_entropy if method == "Entropy" else _by_percentile
    ends = {name: cut(counts[name], extremes[name]) for name in extremes}
    return {name: (np.array(low, np.float32), np.array(high, np.float32)) for name, (low, high) in ends.items()}


def _counted(values: NDArray[np.float32], extremes: tuple[float, float], method: str) -> NDArray[np.int64]:
    """The histogram of one image: of the values, or for 'Entropy' of their sizes.

    Zeros do not count there: every range holds 0 exactly, and after an activation function they are so many that
    they would hide what happens to all others.
    """
    if method == "Percentile":
        return np.histogram(values, BINS, extremes)[0]
    return np.histogram(np.abs(values[values != 0]), BINS, (0.0, _size(extremes)))[0]


def _size(extremes: tuple[float, float]) -> float:
    """The largest magnitude; 1 where all is zero."""
    return max(map(abs, extremes)) or 1.0


def _by_percentile(counts: NDArray[np.int64], extremes: tuple[float, float]) -> tuple[float, float]:
    """The ends of the outermost bins that are not cut off."""
    edges = np.linspace(*extremes, BINS + 1)
    share, cut = np.cumsum(counts) / counts.sum(), (1 - PERCENTILE / 100) / 2
    return float(edges[np.searchsorted(share, cut)]), float(edges[np.searchsorted(share, 1 - cut) + 1])


def _by_entropy(counts: NDArray[np.int64], extremes: tuple[float, float]) -> tuple[float, float]:
    """The size up to which ``LEVELS`` steps tell least wrong of the distribution of sizes.

    Least Kullback-Leibler divergence over the candidates (Migacz, '8-bit inference with TensorRT', 2017); a range
    never leaves what was seen.
    """
    candidates = range(LEVELS, BINS + 1, 8)
    best = min(candidates, key=lambda kept: divergence(counts, kept))
    size = _size(extremes) * best / BINS
    return max(extremes[0], -size), min(extremes[1], size)


def divergence(counts: NDArray[np.int64], kept: int) -> float:
    """Of the ``kept`` first bins, with all beyond them put into the last, from their ``LEVELS``-step version, in nats.

    ``counts`` from size 0 upwards. A step spreads its count evenly over those of its bins that hold any.
    """
    inside = counts[:kept]
    true = inside.astype(np.float64)
    true[-1] += counts[kept:].sum()
    step = np.arange(kept) * LEVELS // kept
    filled = np.bincount(step, inside > 0, LEVELS)
    told = np.where(inside > 0, (np.bincount(step, inside, LEVELS) / np.maximum(filled, 1))[step], 0.0)
    held = true > 0
    true, told = true[held] / true.sum(), np.maximum(told[held] / max(told.sum(), 1.0), 1e-9)
    return float((true * np.log(true / told)).sum())
