"""Accuracies as counts of images: intervals, McNemar's test, and sequential tests of paired differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .distributions import binomial_cdf, normal_quantile
from .planning import look_level
from .validation import BoolArray, at_least, count, fraction, numbers


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


FEWEST = 100
"""Images before the first look; with fewer, the interval's normal approximation is too coarse."""

Finding = Literal["within", "better", "worse", "undecided"]


@dataclass(frozen=True)
class Difference:
    """The quality of a second net less that of a first one.

    Attributes:
        value: Difference.
        lo: Lower end of its interval.
        hi: Upper end of its interval.
        level: Confidence of the interval.
        finding: 'within' the margin of 0, else 'better' or 'worse' than the first, else 'undecided'.

    """

    value: float
    lo: float
    hi: float
    level: float
    finding: Finding


def paired_difference(b: int, c: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the interval (lo, hi), within -1..1, of the accuracy of the second of two nets less that of the first.

    Of `n` images `b` only the first gets right, `c` only the second. Tango's score interval (Statistics in Medicine 17,
    1998, 891-908): all d that the score test with the restricted maximum likelihood estimate does not reject. It holds
    its level where few or no images tell the two apart, as Wald's does not.
    """
    first, second, total = count("b", b), count("c", c), count("n", n)
    if total == 0 or first + second > total:
        raise ValueError(f"b + c of n: b + c <= n and n >= 1 expected, got {first} + {second} of {total}")
    z = normal_quantile(0.5 + fraction("level", level) / 2)
    middle = (second - first) / total
    return _edge(first, second, total, z, (-1.0, middle)), _edge(first, second, total, -z, (middle, 1.0))


def _edge(b: int, c: int, n: int, z: float, within: tuple[float, float]) -> float:
    """Return the d within a range at which the score, which falls as d grows, is `z`."""
    low, high = within
    while high - low > 1e-9:
        d = 0.5 * (low + high)
        if _score(b, c, n, d) > z:
            low = d
        else:
            high = d
    return 0.5 * (low + high)


def _score(b: int, c: int, n: int, d: float) -> float:
    """Return (c - b - n d) over its standard error n (2 q + d (1 - d)) for a difference d; q is the restricted MLE."""
    linear = -c - b + (2 * n - c + b) * d
    root = float(np.sqrt(max(0.0, linear * linear + 8.0 * n * b * d * (1.0 - d))))
    q = (root - linear) / (4.0 * n)
    variance = n * (2.0 * q + d * (1.0 - d))
    off = c - b - n * d
    return off / float(np.sqrt(variance)) if variance > 0 else float(np.inf) * np.sign(off) if off else 0.0


def planned_looks(budget: int) -> tuple[int, ...]:
    """Return the numbers of images at the looks: the budget and its halves down to `FEWEST`."""
    if count("budget", budget) < 2:
        raise ValueError(f"budget: at least 2 images needed, got {budget}")
    halves = [budget]
    while (half := halves[-1] // 2) >= FEWEST:
        halves.append(half)
    return tuple(reversed(halves))


def decide(
    compare: Callable[[float], tuple[float, float, float]],
    n: int,
    budget: int,
    margin: float,
    better: Literal["higher", "lower"] = "higher",
    level: float = 0.95,
) -> Difference:
    """Decide about the difference after `n` samples.

    The intervals of all looks together have `level`, so that at most a share 1 - level of all findings is false,
    whichever look ends the test.

    Args:
        compare: Returns the difference of the second model to the first, and its interval at a level.
        n: Samples so far, one of `planned_looks(budget)`.
        budget: Samples at the last look.
        margin: Margin of 'within', in the unit of the difference.
        better: Better direction.
        level: Confidence of all looks together.

    Raises:
        ValueError: `n` is not a planned look, or the counts do not fit.

    """
    width = at_least("margin", margin, 0.0)
    adjusted_level = look_level(n, planned_looks(budget), level)
    value, lo, hi = compare(adjusted_level)
    finding: Finding = "undecided"
    if -width < lo and hi < width:
        finding = "within"
    elif lo > 0 or hi < 0:
        finding = "better" if (lo > 0) == (better == "higher") else "worse"
    return Difference(value, lo, hi, adjusted_level, finding)
