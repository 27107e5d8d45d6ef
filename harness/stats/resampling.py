"""Bootstrap over samples, for a quality that is no mean of hits: mAP, word error rate, mean error."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .distributions import normal_quantile
from .validation import count, fraction

RESAMPLES = 1000
"""Resamples of an interval: its ends then vary by about 3 % of its width."""

_BEYOND = 5
"""Resamples beyond an end of an interval that it takes to know where the end is."""

Statistic = Callable[[NDArray[np.int64]], float]
"""Returns the statistic of the samples at some indices, which may repeat."""


def bootstrap(
    statistic: Statistic, n: int, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile interval (lo, hi) of a statistic of `n` samples (Efron 1979).

    Args:
        statistic: The statistic, of the samples at some indices.
        n: Number of samples.
        level: Confidence of the interval.
        resamples: Number of resamples.
        seed: Seed of the draws.

    """
    return _percentiles(_draws(statistic, n, resamples, seed), level)


def paired_bootstrap(
    difference: Statistic, n: int, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float, float]:
    """Return the interval (lo, hi) of a difference between two models on the same `n` samples, and its p-value.

    p is twice the share of resamples on the other side of 0, resamples without a difference counted on both sides, and
    at least 2 / (resamples + 1); 1 where the two models never differ.

    Args:
        difference: The difference, of the samples at some indices.
        n: Number of samples.
        level: Confidence of the interval.
        resamples: Number of resamples.
        seed: Seed of the draws.

    """
    draws = _draws(difference, n, resamples, seed)
    below, above = int((draws <= 0).sum()), int((draws >= 0).sum())
    p = min(1.0, 2 * (min(below, above) + 1) / (resamples + 1))
    return (*_percentiles(draws, level), p)


def _draws(statistic: Statistic, n: int, resamples: int, seed: int) -> NDArray[np.float64]:
    if count("n", n) == 0:
        raise ValueError("n: at least 1 sample needed, got 0")
    generator = np.random.default_rng(seed)
    return np.array([statistic(generator.integers(0, n, n)) for _ in range(count("resamples", resamples))])


def _percentiles(draws: NDArray[np.float64], level: float) -> tuple[float, float]:
    """Return the ends of an interval; of a level that few resamples are beyond, by their standard deviation."""
    tail = (1 - fraction("level", level)) / 2
    if tail * len(draws) < _BEYOND:
        middle, half = float(draws.mean()), normal_quantile(1 - tail) * float(draws.std(ddof=1))
        return middle - half, middle + half
    lo, hi = np.quantile(draws, (tail, 1 - tail))
    return float(lo), float(hi)
