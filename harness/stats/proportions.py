"""Accuracies are counts of images, and counts have exact statistics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .distributions import binomial_cdf, normal_quantile
from .validation import BoolArray, count, fraction, numbers


def wilson(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the interval (lo, hi) of the true rate behind `k` hits of `n`, both within 0..1.

    Wilson (JASA 22, 1927): (k + z^2/2 +- z sqrt(k (n - k) / n + z^2/4)) / (n + z^2). It keeps its
    level near 0 and 1, where p +- z sqrt(p (1 - p) / n) does not (Brown, Cai & DasGupta 2001).
    """
    fraction("level", level)
    hits, total = count("k", k), count("n", n)
    if total == 0 or hits > total:
        raise ValueError(f"k of n: 0 <= k <= n and n >= 1 expected, got {k} of {n}")
    z = normal_quantile(0.5 + level / 2)
    middle = hits + z * z / 2
    spread = z * float(np.sqrt(hits * (total - hits) / total + z * z / 4))
    lo, hi = (middle - spread) / (total + z * z), (middle + spread) / (total + z * z)
    # at the ends the formula gives exactly 0 and 1; take them without the rounding
    return (0.0 if hits == 0 else lo, 1.0 if hits == total else hi)


def mcnemar(b: int, c: int) -> float:
    """Return the exact two-sided p-value that two classifiers are equally accurate.

    `b` images only the first got right, `c` only the second; under equality b ~ Bin(b + c, 1/2)
    (McNemar 1947, exact form): p = min(1, 2 P(X <= min(b, c))). 1 when they never disagree.
    """
    first, second = count("b", b), count("c", c)
    if first + second == 0:
        return 1.0
    return min(1.0, 2.0 * binomial_cdf(min(first, second), first + second, 0.5))


def benjamini_hochberg(p_values: Sequence[float], q: float = 0.05) -> BoolArray:
    """Return which of the hypotheses to reject so that on average at most a share `q` is rejected wrongly.

    Benjamini & Hochberg (JRSS B 57, 1995): with p_(1) <= .. <= p_(m), reject the k smallest for
    the largest k with p_(k) <= k q / m. An empty list gives an empty mask.
    """
    fraction("q", q)
    p = numbers("p_values", p_values)
    if np.any((p < 0) | (p > 1)):
        raise ValueError(f"p_values: each within 0..1 expected, got {p[(p < 0) | (p > 1)][0]}")
    order = np.argsort(p, kind="stable")
    passing = np.flatnonzero(p[order] <= q * np.arange(1, p.size + 1) / max(p.size, 1))
    reject = np.zeros(p.size, dtype=np.bool_)
    if passing.size:
        reject[order[: passing[-1] + 1]] = True
    return reject
