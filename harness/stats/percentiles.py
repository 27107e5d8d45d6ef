"""Tail percentiles and latency bounds, which need enough independent samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from .autocorrelation import QUANTILES, effective_sample_size
from .distributions import binomial_cdf
from .proportions import wilson
from .validation import FloatArray, at_least, fraction, samples
from .validation import samples as vector

Definition = Literal["loadgen", "openvino", "trtexec", "numpy"]

_ROUNDING = 1e-9  # n * p is meant as the exact product: .9 * 10 is 9, (1 - .9) * 10 is 1


@dataclass(frozen=True)
class Tail:
    """A percentile of samples, in their unit.

    Attributes:
        p: The percentile (0..1).
        value: Percentile of the samples.
        upper: LoadGen's early-stopping estimate: that of the population lies below it with probability `confidence`.
        n: Number of samples.
        n_effective: Number of independent samples that they are worth.
        n_required: Number of independent samples that are needed.
        confidence: Confidence of `upper`.
        definition: Definition of `value`.

    """

    p: float
    value: float
    upper: float
    n: int
    n_effective: float
    n_required: int
    confidence: float
    definition: Definition


@dataclass(frozen=True)
class TooFew:
    """No percentile: the `n` samples are worth `n_effective`, and `n_required` are needed."""

    p: float
    n: int
    n_effective: float
    n_required: int
    confidence: float

    @property
    def reason(self) -> str:
        """The reason as a sentence."""
        worth = "" if self.n_effective >= self.n else f", worth {self.n_effective:.0f} independent ones"
        return (
            f"p{100 * self.p:g} needs {self.n_required} independent samples "
            f"at {100 * self.confidence:g} % confidence; there are {self.n}{worth}"
        )


def tail(
    samples: npt.ArrayLike, p: float, confidence: float = 0.99, definition: Definition = "loadgen"
) -> Tail | TooFew:
    """Return percentile `p` (0 < p < 1) of the `samples` >= 0 in time order, or why there is none.

    The gate is `required_samples(p, confidence)` against the effective sample size of the samples, with
    clusters of samples beyond `p` itself counted as the one event they are.
    """
    series = vector("samples", samples)
    required = required_samples(p, confidence)
    n_effective = effective_sample_size(series, (*QUANTILES, p))
    if n_effective < required:
        return TooFew(p, series.size, n_effective, required, confidence)
    ordered = np.sort(series)
    spare = discardable(int(n_effective), p, confidence)
    discarded = max(1, spare * series.size // int(n_effective))
    upper = float(ordered[series.size - discarded])
    value = percentile(ordered, p, definition)
    return Tail(p, value, upper, series.size, n_effective, required, confidence, definition)


def percentile(x: npt.ArrayLike, p: float, definition: Definition = "loadgen") -> float:
    """Return percentile `p` (0 < p < 1) of `x` as the named tool defines it, however few samples.

    loadgen: sorted[floor(n p)] (MLPerf LoadGen; TFLite benchmark_model). openvino: sorted[ceil(n p) - 1]
    (benchmark_app). trtexec: sorted[n - 1 - floor((1 - p) n)]. numpy: linear interpolation.
    """
    fraction("p", p)
    if definition not in get_args(Definition):
        raise ValueError(f"definition: one of {', '.join(get_args(Definition))} expected, got {definition!r}")
    ordered = np.sort(vector("x", x))
    if definition == "numpy":
        return float(np.quantile(ordered, p))
    return float(ordered[_index(ordered, p, definition)])


def _index(ordered: FloatArray, p: float, definition: Definition) -> int:
    n = ordered.size
    if definition == "loadgen":
        return min(n - 1, math.floor(n * p + _ROUNDING))
    if definition == "openvino":
        return max(0, math.ceil(n * p - _ROUNDING) - 1)
    return max(0, n - 1 - math.floor((1.0 - p) * n + _ROUNDING))


@lru_cache(maxsize=256)
def required_samples(p: float, confidence: float = 0.99) -> int:
    """Return the smallest n from which percentile `p` may be reported at `confidence`.

    The smallest n with P(Bin(n, 1 - p) <= 1) < 1 - confidence: if a share 1 - p of the population
    were slower, so many queries would rarely show one slow query or none.
    """
    fraction("p", p)
    fraction("confidence", confidence)
    high = 2
    while binomial_cdf(1, high, 1.0 - p) >= 1.0 - confidence:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        if binomial_cdf(1, middle, 1.0 - p) < 1.0 - confidence:
            high = middle
        else:
            low = middle
    return high


def discardable(n: int, p: float, confidence: float = 0.99) -> int:
    """Return t, the largest count with P(Bin(n, 1 - p) <= t) < 1 - confidence; 0 if there is none.

    LoadGen's estimate is the t-th largest sample; it discards the t - 1 above it.
    """
    low, high = 0, n
    while high - low > 1:
        middle = (low + high) // 2
        if binomial_cdf(middle, n, 1.0 - p) < 1.0 - confidence:
            low = middle
        else:
            high = middle
    return low


@dataclass(frozen=True)
class Bound:
    """Whether a latency bound holds at a percentile.

    Attributes:
        p: The percentile (0..1).
        share: Share of the samples within the bound.
        lo: Lower end of its 95 % interval.
        hi: Upper end of its 95 % interval.
        n: Number of samples.
        n_effective: Number of independent samples that they are worth.
        held: Whether at least a share `p` of the population lies within; None if that is undecided at `confidence`.
        confidence: Confidence of `held`.

    """

    p: float
    share: float
    lo: float
    hi: float
    n: int
    n_effective: float
    held: bool | None
    confidence: float


def bound(x: npt.ArrayLike, limit: float, p: float = 0.99, confidence: float = 0.99) -> Bound:
    """Return whether percentile `p` of the population of the samples `x` >= 0, in time order, is within `limit` > 0.

    Held: P(Bin(n, 1 - p) <= late) < 1 - confidence. Missed: P(Bin(n, 1 - p) >= late) < 1 - confidence.
    """
    series = samples("x", x)
    at_least("limit", limit, 0.0)
    allowed, rare = 1.0 - fraction("p", p), 1.0 - fraction("confidence", confidence)
    n_effective = effective_sample_size(series, (*QUANTILES, p))
    n, late = int(n_effective), int(np.count_nonzero(series > limit))
    fewest, most = late * n // series.size, -(-late * n // series.size)  # whole numbers: no rounding makes 3 into 4
    held = True if binomial_cdf(most, n, allowed) < rare else None
    if 1.0 - binomial_cdf(fewest - 1, n, allowed) < rare:
        held = False
    lo, hi = wilson(n - most, n)[0], wilson(n - fewest, n)[1]
    return Bound(p, 1.0 - late / series.size, lo, hi, series.size, n_effective, held, confidence)
