"""Whether latency depends on the input, from a loop that takes its inputs in rotation.

Each latency is compared with the median of as many around it as there are inputs: each of them once, so that drift and
load cancel. If the inputs make no difference, what is left of a stretch of the loop may as well be shifted in a circle
over the inputs, whatever the dependence between neighbours. So the p-value is the share of such shifts of all
stretches, by random amounts, after which the stretches agree as well as they do (a permutation test). Processes may
have other inputs, so each must show a difference by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .validation import FloatArray

LEAST = 0.05
"""A smaller relative difference between inputs is not told."""
ALPHA = 0.005
STRETCHES = 16
"""The most stretches that a process is divided into."""
SHIFTS = 999
_FEWEST = 4
"""Stretches of all processes together, below which nothing can be said."""
_FEW = 8
"""With so many rounds the medians of inputs must differ by twice what one input varies: medians of few vary too."""


@dataclass(frozen=True)
class InputSpread:
    """How latency varies between inputs, and within one; all but `p_value` are medians over processes.

    Attributes:
        n_inputs: Inputs in rotation.
        fastest: Median of the fastest input, in the unit of the latencies.
        slowest: That of the slowest input.
        within: Relative interquartile range of the latencies of one input, in the median over inputs.
        p_value: Probability that stretches of the loop agree so well if the inputs make no difference; 1 where the
            difference is not large in nearly every process.

    """

    n_inputs: int
    fastest: float
    slowest: float
    within: float
    p_value: float

    @property
    def depends(self) -> bool:
        """Whether latency depends on the input: more between inputs than within one, and not by chance."""
        return self.p_value < ALPHA


def input_spread(processes: Sequence[tuple[npt.ArrayLike, int]], n_inputs: int, seed: int = 0) -> InputSpread | None:
    """Compare the latencies of the inputs.

    Args:
        processes: The latencies of each process in order, all > 0, and the input of the first of them (0..n_inputs-1).
        n_inputs: Inputs in rotation.
        seed: Seed of the shifts.

    Returns:
        The spread; None where there is one input, or too few rounds to say.

    """
    if n_inputs < 2:
        return None
    split = [_rounds(np.log(np.asarray(series, np.float64)), first, n_inputs) for series, first in processes]
    rounds = [one for one in split if one is not None]
    differences = [_differences(centred) for _, centred in rounds]
    if sum(map(len, differences)) < _FEWEST:
        return None
    medians = np.array([np.median(raw, axis=0) for raw, _ in rounds])
    quartiles = [np.quantile(raw, (0.25, 0.75), axis=0) for raw, _ in rounds]
    within = np.expm1([np.median(high - low) for low, high in quartiles])
    allowance = 1 + _FEW / np.array([len(raw) for raw, _ in rounds])
    large = np.expm1(np.ptp(medians, axis=1)) > np.maximum(LEAST, within * allowance)
    return InputSpread(
        n_inputs=n_inputs,
        fastest=float(np.exp(np.median(medians.min(axis=1)))),
        slowest=float(np.exp(np.median(medians.max(axis=1)))),
        within=float(np.median(within)),
        p_value=_p_value(differences, seed) if large.sum() >= len(rounds) - len(rounds) // 4 else 1.0,
    )


def _rounds(series: FloatArray, first: int, n_inputs: int) -> tuple[FloatArray, FloatArray] | None:
    """Return the series as rounds x inputs, as it is and less the median around each; None without a whole round."""
    skipped = -first % n_inputs
    n = (series.size - skipped) // n_inputs
    if n < 2:
        return None
    part = slice(skipped, skipped + n * n_inputs)
    centred = series - _level(series, n_inputs)
    return series[part].reshape(n, n_inputs), centred[part].reshape(n, n_inputs)


def _level(series: FloatArray, width: int) -> FloatArray:
    """Return the median of the `width` values around each; at the ends, where there are fewer, the line goes on.

    Its slope there is what one input changes from one round to the next.
    """
    around = np.median(np.lib.stride_tricks.sliding_window_view(series, width), axis=1)
    slope = float(np.median(series[width:] - series[:-width])) / width
    before = (width - 1) // 2
    behind = series.size - len(around) - before
    ahead = around[0] + slope * np.arange(-before, 0)
    return np.concatenate([ahead, around, around[-1] + slope * np.arange(1, behind + 1)])


def _differences(centred: FloatArray) -> FloatArray:
    """Return how far the inputs' medians are from their mean in each stretch: roots, so that no outlier outweighs all.

    The sign is kept.
    """
    parts = np.array_split(centred, min(STRETCHES, len(centred)))
    medians = np.array([np.median(part, axis=0) for part in parts])
    roots: FloatArray = np.sign(medians) * np.sqrt(np.abs(medians))
    centres: FloatArray = roots.mean(axis=1, keepdims=True)
    differences: FloatArray = roots - centres
    return differences


def _p_value(differences: Sequence[FloatArray], seed: int) -> float:
    """Return the share of circular shifts of the stretches that agree as well as they do."""
    rng = np.random.default_rng(seed)
    n_inputs = differences[0].shape[1]
    places = np.arange(n_inputs)
    found = sum(float(np.square(one.sum(axis=0)).sum()) for one in differences)
    totals = np.zeros(SHIFTS)
    for one in differences:
        shifts = rng.integers(0, n_inputs, (SHIFTS, len(one), 1))
        shifted = np.take_along_axis(one[None], (places + shifts) % n_inputs, axis=2)
        totals += np.square(shifted.sum(axis=1)).sum(axis=1)
    return float((1 + np.count_nonzero(totals >= found * (1 - 1e-12))) / (1 + SHIFTS))
