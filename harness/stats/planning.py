"""Sequential design: numbers of processes, inferences per process, and the level of each look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .autocorrelation import effective_sample_size
from .validation import at_least, fraction, samples

LOOKS = (5, 7, 10, 14, 20)
"""Numbers of processes after which the interval is looked at; about sqrt(2) apart."""


def look_level(n: int, looks: Sequence[int] = LOOKS, level: float = 0.95) -> float:
    """Return the confidence level for the interval at the look after `n` processes (or pairs).

    Stopping at the first interval that is narrow enough selects among len(looks) intervals, so the error
    1 - level is spent over the looks by the Pocock-type function of Lan & DeMets (Biometrika 70,
    1983), alpha(s) = alpha ln(1 + (e - 1) s) at s = n / max(looks). Each look gets what
    was added since the last one; the sum is alpha, so by Bonferroni's inequality all intervals
    together have `level`, whatever their distribution and dependence.

    Raises:
        ValueError: `n` is not one of `looks`, so no error is reserved for it.

    """
    alpha = 1.0 - fraction("level", level)
    if len(looks) == 0 or list(looks) != sorted(set(looks)) or looks[0] < 2:
        raise ValueError(f"looks: rising whole numbers >= 2 expected, got {list(looks)}")
    if n not in looks:
        raise ValueError(f"n: one of the planned looks {list(looks)} expected, got {n}")
    position = list(looks).index(n)
    before = _spent(looks[position - 1] / looks[-1]) if position else 0.0
    return 1.0 - alpha * (_spent(n / looks[-1]) - before)


def _spent(share: float) -> float:
    """Return the fraction of alpha spent at the share (0..1) of the largest sample."""
    return math.log1p((math.e - 1.0) * share)


def iterations_per_process(
    pilot: Sequence[npt.ArrayLike], process_cost: float, iteration_cost: float, limits: tuple[int, int]
) -> int:
    """Return K, the inferences per process that buy the narrowest interval for a given time.

    Kalibera & Jones (ISMM 2013, section 6): K = sqrt((c2 / c1) * (T1^2 / T2^2)), where c2 is the
    cost of a process before its first counted inference (start, load, warm-up), c1 that of one
    inference (same unit), T1^2 the variance within processes and T2^2 that between them,
    T2^2 = var(process means) - T1^2 / K0. Inferences of a process depend on each other, so T1^2
    is scaled by n / n_eff. Where processes do not differ (T2^2 <= 0) more inferences are always
    better: the upper limit.

    `pilot`: at least 2 processes of at least 2 samples > 0 each. `limits`: smallest and largest K.
    """
    at_least("process_cost", process_cost, 0.0)
    if not (math.isfinite(iteration_cost) and iteration_cost > 0.0):
        raise ValueError(f"iteration_cost: a finite number > 0 expected, got {iteration_cost!r}")
    low, high = limits
    if not 1 <= low <= high:
        raise ValueError(f"limits: 1 <= smallest <= largest expected, got {limits}")
    variance = variance_components(pilot)
    if variance.between <= 0.0:
        return high
    best = math.sqrt((process_cost / iteration_cost) * (variance.within / variance.between))
    return min(high, max(low, math.ceil(best)))


def iterations_worth(n_effective: float, pilot: Sequence[npt.ArrayLike]) -> int:
    """Return K, the inferences after which each process is worth `n_effective` independent ones.

    By the worst of the `pilot` processes (at least 1): K = n_effective n / n_eff.
    """
    at_least("n_effective", n_effective, 1.0)
    if len(pilot) == 0:
        raise ValueError("pilot: at least 1 process needed, got none")
    series = [samples(f"pilot[{i}]", p) for i, p in enumerate(pilot)]
    return math.ceil(n_effective * max(x.size / effective_sample_size(x) for x in series))


@dataclass(frozen=True)
class VarianceComponents:
    """How the logarithm of a latency varies.

    Attributes:
        within: T1^2, variance of one inference about the level of its process, times n / n_eff for dependence.
        between: T2^2, variance of the levels of processes; an estimate may be below 0.
        processes: Number of processes that they were estimated from.

    """

    within: float
    between: float
    processes: int

    def of_median(self, inferences: int) -> float:
        """Return the variance of the log median of a process with that many inferences.

        T2^2 + (pi / 2) T1^2 / K: the median of normal noise is worth 2 / pi of its mean.
        """
        return max(self.between, 0.0) + math.pi / 2 * self.within / inferences


def variance_components(pilot: Sequence[npt.ArrayLike]) -> VarianceComponents:
    """Return the variances of the two levels, per inference and per process; both of log samples.

    Args:
        pilot: At least 2 processes of at least 2 samples > 0 each.

    Raises:
        ValueError: There are fewer processes or samples, or bad ones.

    """
    logs = [np.log(samples(f"pilot[{i}]", p, 2, positive=True)) for i, p in enumerate(pilot)]
    if len(logs) < 2:
        raise ValueError(f"pilot: at least 2 processes needed, got {len(logs)}")
    # variance of each process mean, and per-inference variance: the same times n
    of_mean = [float(x.var(ddof=1)) / effective_sample_size(x) for x in logs]
    within = float(np.mean([v * x.size for v, x in zip(of_mean, logs, strict=True)]))
    between = float(np.var([x.mean() for x in logs], ddof=1)) - float(np.mean(of_mean))
    return VarianceComponents(within, between, len(logs))
