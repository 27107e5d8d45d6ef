"""Whether latency depends on the input, from a loop that takes its inputs in rotation.

Each latency is compared with the median of its round, in which every input comes once, so that drift and load cancel.
If the inputs make no difference, what is left of a stretch of the loop may as well be shifted in a circle over the
inputs, whatever the dependence between neighbours. So the p-value is the share of such shifts of all stretches, by
random amounts, after which the stretches agree as well as they do (a permutation test). Processes may have other
inputs, so each must show a difference by itself.
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


def input_spread(processes: Sequence[npt.ArrayLike], n_inputs: int, seed: int = 0) -> InputSpread | None:
    """Compare the latencies of the inputs.

    Args:
        processes: The latencies of each process in order, all > 0.
        n_inputs: Inputs in rotation.
        seed: Seed of the shifts.

    Returns:
        The spread; None where there is one input, or too few rounds to say.

    """
    if n_inputs < 2:
        return None
    rounds = [found for latencies in processes if (found := _rounds(latencies, n_inputs)) is not None]
    differences = [_differences(one) for one in rounds]
    if sum(map(len, differences)) < _FEWEST:
        return None
    medians = np.array([np.median(one, axis=0) for one in rounds])
    quartiles = [np.quantile(one, (0.25, 0.75), axis=0) for one in rounds]
    within = np.expm1([np.median(high - low) for low, high in quartiles])
    allowance = 1 + _FEW / np.array([len(one) for one in rounds])
    large = np.expm1(np.ptp(medians, axis=1)) > np.maximum(LEAST, within * allowance)
    return InputSpread(
        n_inputs=n_inputs,
        fastest=float(np.exp(np.median(medians.min(axis=1)))),
        slowest=float(np.exp(np.median(medians.max(axis=1)))),
        within=float(np.median(within)),
        p_value=_p_value(differences, seed) if large.sum() >= len(rounds) - len(rounds) // 4 else 1.0,
    )


def _rounds(latencies: npt.ArrayLike, n_inputs: int) -> FloatArray | None:
    """Return the logarithms of latencies as rounds x inputs; None for fewer than two rounds."""
    series = np.log(np.asarray(latencies, np.float64))
    n = series.size // n_inputs
    return series[: n * n_inputs].reshape(n, n_inputs) if n > 1 else None


def _differences(rounds: FloatArray) -> FloatArray:
    """Return how far the inputs are from the level of each stretch: signed roots, so that no outlier outweighs all."""
    level: FloatArray = np.median(rounds, axis=1, keepdims=True)
    parts = np.array_split(rounds - level, min(STRETCHES, len(rounds)))
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
