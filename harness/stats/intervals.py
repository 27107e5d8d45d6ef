"""A confidence interval of the median latency, from one process or from several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from .autocorrelation import effective_sample_size
from .distributions import binomial_cdf, t_quantile
from .validation import FloatArray, fraction, process_medians, samples

Method = Literal["order-statistic", "t-log", "range"]


@dataclass(frozen=True)
class Interval:
    """A two-sided confidence interval of a median, in the unit of the samples.

    Attributes:
        lo: Lower end.
        mid: The median.
        hi: Upper end.
        n_effective: Independent values behind it: effective samples of one process, or processes.
        level: Its confidence; lower than requested if there are too few samples (method 'range').
        method: How it was computed.

    """

    lo: float
    mid: float
    hi: float
    n_effective: float
    level: float = 0.95
    method: Method = "order-statistic"

    @property
    def half_width(self) -> float:
        """Half the width over the median: 0.01 is +-1 %."""
        return 0.5 * (self.hi - self.lo) / self.mid


def median_interval(processes: Sequence[npt.ArrayLike], level: float = 0.95) -> Interval:
    """Return the interval of the median over processes.

    One process: order statistics at its effective sample size. They bound the median of that process; processes differ
    by more (memory layout, page colours), so a case needs several.

    Several processes: each counts once, by its median. From the number of processes whose range alone has the level (6
    at 95 %), interpolated order statistics (Hettmansperger & Sheather 1986), which assume nothing about the
    distribution over processes; below that Student's t on the logarithms, never narrower than the range. They bound the
    median of all processes that could be started.

    Args:
        processes: Samples > 0 of each process, in time order.
        level: Confidence.

    Raises:
        ValueError: There is no process, one is empty, or a sample is NaN, infinite, zero or negative.

    """
    fraction("level", level)
    medians = process_medians("processes", processes)
    if medians.size == 1:
        return _within_process(samples("processes[0]", processes[0]), level)
    return _across_processes(np.sort(medians), level)


def _within_process(series: FloatArray, level: float) -> Interval:
    """Return the order-statistic interval with ranks from Binomial(n_eff, 1/2), stretched to n samples."""
    n, n_effective = series.size, effective_sample_size(series)
    m = int(n_effective)
    ordered, mid = np.sort(series), float(np.median(series))
    rank = _rank(m, level)
    if rank == 0:
        reached = 1.0 - 2.0 ** (1 - m)
        return Interval(float(ordered[0]), mid, float(ordered[-1]), n_effective, reached, "range")
    index = (n + 1) * rank // (m + 1) - 1
    return Interval(float(ordered[index]), mid, float(ordered[n - 1 - index]), n_effective, level)


def _across_processes(ordered: FloatArray, level: float) -> Interval:
    count, mid = ordered.size, float(np.median(ordered))
    rank = _rank(count, level)
    if rank == 0:
        lo, hi = _t_on_logs(ordered, mid, level)
        lo, hi = min(lo, float(ordered[0])), max(hi, float(ordered[-1]))
        return Interval(lo, mid, hi, float(count), level, "t-log")
    inward = _interpolation(count, rank, level)
    logs = np.log(ordered / mid)  # over the median: exp(log(x)) may differ from x by rounding, exp(log(1)) does not
    lo = (1.0 - inward) * logs[rank - 1] + inward * logs[rank]
    hi = (1.0 - inward) * logs[count - rank] + inward * logs[count - rank - 1]
    return Interval(mid * float(np.exp(lo)), mid, mid * float(np.exp(hi)), float(count), level)


def _t_on_logs(values: FloatArray, mid: float, level: float) -> tuple[float, float]:
    """Return exp(mean +- t_{P-1} s / sqrt(P)) of the logarithms; latency noise is multiplicative."""
    logs = np.log(values / mid)
    half = t_quantile(0.5 + level / 2, values.size - 1) * logs.std(ddof=1) / np.sqrt(values.size)
    return mid * float(np.exp(logs.mean() - half)), mid * float(np.exp(logs.mean() + half))


@lru_cache(maxsize=4096)
def _rank(n: int, level: float) -> int:
    """Return the largest r with P(X_(r) <= median <= X_(n+1-r)) >= level; 0 if not even r = 1.

    That probability is 1 - 2 P(Bin(n, 1/2) <= r - 1) (David & Nagaraja, Order Statistics, 7.1).
    """
    low, high = 0, (n + 1) // 2
    while low < high:
        r = (low + high + 1) // 2
        if 1.0 - 2.0 * binomial_cdf(r - 1, n, 0.5) >= level:
            low = r
        else:
            high = r - 1
    return low


def _interpolation(n: int, rank: int, level: float) -> float:
    """Return how far (0..1) to move from the order statistic `rank` to the next inner one.

    Hettmansperger & Sheather (Statistics & Probability Letters 4, 1986): with the confidences
    g_r >= level > g_{r+1} of the two, I = (g_r - level) / (g_r - g_{r+1}) and the weight is
    (n - r) I / (r + (n - 2r) I).
    """
    if 2 * rank >= n:
        return 0.0
    outer = 1.0 - 2.0 * binomial_cdf(rank - 1, n, 0.5)
    inner = 1.0 - 2.0 * binomial_cdf(rank, n, 0.5)
    share = (outer - level) / (outer - inner)
    return (n - rank) * share / (rank + (n - 2 * rank) * share)
