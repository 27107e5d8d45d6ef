"""Does a latency bound hold at a percentile? MLPerf LoadGen's early stopping, read in both directions.

LoadGen (loadgen/early_stopping.cc) passes a Server run with t queries beyond the bound once n is so large that a
system which misses the bound more often than it may would rarely show so few. The same in the other direction tells
that it misses too often. Between the two nothing is known. As in `tail`, the effective sample size takes the place
of n, since queries that queue behind one another are late together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .autocorrelation import QUANTILES, effective_sample_size
from .distributions import binomial_cdf
from .proportions import wilson
from .validation import at_least, fraction, samples


@dataclass(frozen=True)
class Bound:
    """`share` of `n` samples within the limit with its 95 % interval `lo`..`hi`.

    `held` says whether at least a share `p` of the population lies within, None where `n_effective` samples do not
    tell at `confidence`.
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
