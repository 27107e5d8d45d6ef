"""The few distribution functions the analysis needs, so that it depends on NumPy alone.

Formulas: NIST Digital Library of Mathematical Functions (DLMF); Wilcoxon (1945).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from .validation import FloatArray, IntArray

_TINY = 1e-300
_NORMAL = NormalDist()


def normal_quantile(probability: float) -> float:
    """Return z with P(Z <= z) = `probability` for the standard normal Z."""
    return _NORMAL.inv_cdf(probability)


def beta_regularised(x: float, a: float, b: float) -> float:
    """Return I_x(a, b), the regularised incomplete beta function, for a, b > 0 and 0 <= x <= 1.

    Continued fraction DLMF 8.17.22, used on the side of the mean where it converges fast
    (symmetry I_x(a, b) = 1 - I_{1-x}(b, a), DLMF 8.17.4).
    """
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - beta_regularised(1.0 - x, b, a)
    log_front = a * math.log(x) + b * math.log1p(-x) - math.log(a)
    log_front += math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(log_front) * _beta_fraction(x, a, b)


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Evaluate the continued fraction of DLMF 8.17.22 by the modified Lentz method."""
    c, d = 1.0, 1.0 / _nonzero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, 100_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        step = 1.0
        for coefficient in (even, odd):
            d = 1.0 / _nonzero(1.0 + coefficient * d)
            c = _nonzero(1.0 + coefficient / c)
            step = c * d
            value *= step
        if abs(step - 1.0) < 1e-14:
            return value
    raise ArithmeticError(f"incomplete beta did not converge at x={x}, a={a}, b={b}")


def _nonzero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def binomial_cdf(k: int, n: int, p: float) -> float:
    """Return P(X <= k) for X ~ Binomial(n, p): I_{1-p}(n - k, k + 1) (DLMF 8.17.5)."""
    if k < 0:
        return 0.0
    if k >= n:
        return 1.0
    return beta_regularised(1.0 - p, n - k, k + 1)


def t_cdf(t: float, df: float) -> float:
    """Return P(T <= t) for Student's t with `df` > 0 degrees of freedom."""
    tail = 0.5 * beta_regularised(df / (df + t * t), df / 2.0, 0.5)
    return 1.0 - tail if t > 0 else tail


@lru_cache(maxsize=512)
def t_quantile(probability: float, df: float) -> float:
    """Return t with P(T <= t) = `probability` for Student's t with `df` degrees of freedom."""
    if probability < 0.5:
        return -t_quantile(1.0 - probability, df)
    high = 2.0
    while t_cdf(high, df) < probability:
        high *= 2.0
    return _bisect(lambda t: t_cdf(t, df) - probability, 0.0, high)


def t_two_sided(t: float, df: float) -> float:
    """Return P(|T| >= |t|) for Student's t with `df` degrees of freedom."""
    return beta_regularised(df / (df + t * t), df / 2.0, 0.5)


def chi_squared_cdf(x: float, df: float) -> float:
    """Return P(X <= x) for chi-squared with `df` > 0 degrees of freedom: P(df/2, x/2) by its series (DLMF 8.11.4)."""
    a, half = df / 2.0, x / 2.0
    if half <= 0.0:
        return 0.0
    term = total = 1.0 / a
    k = a
    while term > total * 1e-16:
        k += 1.0
        term *= half / k
        total += term
    return min(1.0, total * math.exp(a * math.log(half) - half - math.lgamma(a)))


@lru_cache(maxsize=512)
def chi_squared_quantile(probability: float, df: float) -> float:
    """Return x with P(X <= x) = `probability` for chi-squared with `df` degrees of freedom."""
    high = 2.0 * df
    while chi_squared_cdf(high, df) < probability:
        high *= 2.0
    return _bisect(lambda x: chi_squared_cdf(x, df) - probability, 0.0, high)


def _bisect(rising: Callable[[float], float], low: float, high: float) -> float:
    while high - low > 1e-12 * max(1.0, high):
        middle = 0.5 * (low + high)
        if rising(middle) < 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@lru_cache(maxsize=64)
def signed_rank_pmf(n: int) -> FloatArray:
    """Return P(W = w), w = 0..n(n+1)/2, of Wilcoxon's signed rank sum without ties under symmetry."""
    pmf = signed_sum_pmf(np.arange(1, n + 1, dtype=np.int64))
    pmf.setflags(write=False)  # shared through the cache
    return pmf


def signed_sum_pmf(weights: IntArray) -> FloatArray:
    """Return the exact distribution of sum(weights[i] * coin[i]) over fair coins 0/1.

    With ranks as weights this is Wilcoxon's null distribution; with doubled mid-ranks it stays
    exact under ties (Lehmann, Nonparametrics, 1975). Cost: len(weights) * sum(weights).
    """
    pmf = np.zeros(int(weights.sum()) + 1)
    pmf[0] = 1.0
    for weight in weights.tolist():
        moved = np.zeros_like(pmf)
        moved[weight:] = pmf[: pmf.size - weight]
        pmf = 0.5 * (pmf + moved)
    return pmf
