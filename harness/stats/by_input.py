"""Whether latency depends on the input, from a loop that takes its inputs in rotation.

Each latency is compared with the median of as many around it as there are inputs: each of them once, so that drift and
load cancel. What is left is ranked over the inputs in each stretch of the loop. If the inputs make no difference, the
ranks of a stretch may as well be shifted in a circle, whatever the dependence between neighbours: that gives the
p-value (a permutation test in the manner of Friedman's, with circular shifts).
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
SHIFTS = 1999
_FEWEST = 4
"""Stretches of all processes together, below which nothing can be said."""


@dataclass(frozen=True)
class InputSpread:
    """How latency varies between inputs, and within one.

    Attributes:
        n_inputs: Inputs in rotation.
        fastest: Median of the fastest input, in the unit of the latencies; the median over processes.
        slowest: That of the slowest input.
        within: Relative interquartile range of the latencies of one input, in the median over inputs and processes.
        p_value: Probability of such consistent ranks if the inputs make no difference; 1 where not computed.

    """

    n_inputs: int
    fastest: float
    slowest: float
    within: float
    p_value: float

    @property
    def between(self) -> float:
        """Relative difference between the slowest and the fastest input."""
        return self.slowest / self.fastest - 1

    @property
    def depends(self) -> bool:
        """Whether latency depends on the input: more between inputs than within one, and not by chance."""
        return self._is_large and self.p_value < ALPHA

    @property
    def _is_large(self) -> bool:
        return self.between > max(LEAST, self.within)


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
    rounds = [_rounds(np.log(np.asarray(series, np.float64)), first, n_inputs) for series, first in processes]
    kept = [one for one in rounds if one is not None]
    ranks = [_ranks(centred) for _, centred in kept]
    if sum(map(len, ranks)) < _FEWEST:
        return None
    medians = [np.median(raw, axis=0) for raw, _ in kept]
    quartiles = [np.quantile(raw, (0.25, 0.75), axis=0) for raw, _ in kept]
    spread = InputSpread(
        n_inputs=n_inputs,
        fastest=float(np.exp(np.median([one.min() for one in medians]))),
        slowest=float(np.exp(np.median([one.max() for one in medians]))),
        within=float(np.expm1(np.median([np.median(high - low) for low, high in quartiles]))),
        p_value=1.0,
    )
    if not spread._is_large:
        return spread
    return InputSpread(n_inputs, spread.fastest, spread.slowest, spread.within, _p_value(ranks, seed))


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


def _ranks(centred: FloatArray) -> FloatArray:
    """Return the ranks of the inputs' medians in each stretch, less their mean; equal medians share theirs."""
    parts = np.array_split(centred, min(STRETCHES, len(centred)))
    medians = np.array([np.median(part, axis=0) for part in parts])
    above = np.sign(medians[:, :, None] - medians[:, None, :]).sum(axis=2)
    return above / 2


def _p_value(ranks: Sequence[FloatArray], seed: int) -> float:
    """Return the share of circular shifts of the stretches whose ranks agree as well as they do."""
    rng = np.random.default_rng(seed)
    n_inputs = ranks[0].shape[1]
    places = np.arange(n_inputs)
    found = sum(float(np.square(one.sum(axis=0)).sum()) for one in ranks)
    totals = np.zeros(SHIFTS)
    for one in ranks:
        for number in range(SHIFTS):
            shifts = rng.integers(0, n_inputs, (len(one), 1))
            shifted = np.take_along_axis(one, (places + shifts) % n_inputs, axis=1)
            totals[number] += np.square(shifted.sum(axis=0)).sum()
    return float((1 + np.count_nonzero(totals >= found * (1 - 1e-12))) / (1 + SHIFTS))
