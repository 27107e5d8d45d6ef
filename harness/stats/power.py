"""How much must be measured to show an effect, and which effect can be shown with what was measured.

Latencies are compared by the logarithms of process medians, accuracies by the images that only one of two nets gets
right. An effect is *shown* if a two-sided test at `level` finds it with the probability `power`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .distributions import chi_squared_quantile, normal_quantile, t_quantile
from .validation import at_least, count, fraction

LEVEL = 0.95
POWER = 0.8
_FEWEST_PAIRS = 6  # with fewer, Wilcoxon's test cannot reach 5 %
_MOST = 1_000_000


def processes_needed(effect: float, variance: float, level: float = LEVEL, power: float = POWER) -> int:
    """Return the processes on each of two sides that show a ratio of 1 + `effect` of their latencies.

    The smallest n with `sqrt(2 V / n) (t_a + t_b) <= ln(1 + effect)`, t_a and t_b being the quantiles (1 + level) / 2
    and `power` of Student's t with 2 n - 2 degrees of freedom (Cohen, Statistical Power Analysis, 1988, 2.4).

    Args:
        effect: Relative difference, above 0.
        variance: Variance of the log median of a process, the same on both sides.
        level: Confidence of the test.
        power: Probability that the test finds the effect.

    Raises:
        ValueError: An argument is out of range, or more than a million processes are needed.

    """
    size = _log(effect)
    return _smallest(2, lambda n: _detectable(n, variance, level, power) <= size)


def detectable_effect(processes: int, variance: float, level: float = LEVEL, power: float = POWER) -> float:
    """Return the relative difference that as many processes on each of two sides can show; see `processes_needed`."""
    if count("processes", processes) < 2:
        raise ValueError(f"processes: at least 2 needed on each side, got {processes}")
    return math.expm1(_detectable(processes, variance, level, power))


def pairs_needed(effect: float, variance: float, level: float = LEVEL, power: float = POWER) -> int:
    """Return the pairs of processes that show the effect by Wilcoxon's signed rank test, at least 6.

    As `processes_needed` with the variance 2 V of a log ratio and n - 1 degrees of freedom, times pi / 3: on normal
    data the test needs that many more pairs than Student's (Hodges & Lehmann 1956).
    """
    size = _log(effect)

    def shown(n: int) -> bool:
        error = math.sqrt(2.0 * at_least("variance", variance, 0.0) * math.pi / 3 / n)
        return error * _quantiles(n - 1, level, power) <= size

    return _smallest(_FEWEST_PAIRS, shown)


def variance_limit(variance: float, processes: int, confidence: float = 0.8) -> float:
    """Return what the variance of normal values is below with a confidence, given its estimate from some processes.

    `s^2 df / chi^2`, the upper confidence limit that Browne (Statistics in Medicine 14, 1995) plans with.
    """
    df = count("processes", processes) - 1
    if df < 1:
        raise ValueError(f"processes: at least 2 needed, got {processes}")
    return at_least("variance", variance, 0.0) * df / chi_squared_quantile(1.0 - fraction("confidence", confidence), df)


def images_needed(difference: float, discordant: float, level: float = LEVEL, power: float = POWER) -> int:
    """Return the images on which McNemar's test shows a difference of two accuracies.

    `n = (z_a sqrt(p) + z_b sqrt(p - d^2))^2 / d^2` (Connor, Biometrics 43, 1987), p being the share of images that
    exactly one of the nets gets right, which is never below d.

    Args:
        difference: Difference d of the accuracies as a share, above 0 and at most 1.
        discordant: Share p.
        level: Confidence of the test.
        power: Probability that the test finds the difference.

    Raises:
        ValueError: An argument is out of range.

    """
    if not 0.0 < difference <= 1.0:
        raise ValueError(f"difference: above 0 and at most 1 expected, got {difference!r}")
    if not 0.0 <= discordant <= 1.0:
        raise ValueError(f"discordant: a share from 0 to 1 expected, got {discordant!r}")
    p = max(discordant, difference)
    z_a, z_b = normal_quantile(0.5 + fraction("level", level) / 2), normal_quantile(fraction("power", power))
    root = z_a * math.sqrt(p) + z_b * math.sqrt(p - difference**2)
    return math.ceil(root**2 / difference**2)


def _log(effect: float) -> float:
    if not (math.isfinite(effect) and effect > 0.0):
        raise ValueError(f"effect: a number above 0 expected, got {effect!r}")
    return math.log1p(effect)


def _detectable(n: int, variance: float, level: float, power: float) -> float:
    error = math.sqrt(2.0 * at_least("variance", variance, 0.0) / n)
    return error * _quantiles(2 * n - 2, level, power)


def _quantiles(df: int, level: float, power: float) -> float:
    return t_quantile(0.5 + fraction("level", level) / 2, df) + t_quantile(fraction("power", power), df)


def _smallest(least: int, enough: Callable[[int], bool]) -> int:
    """Return the smallest number from `least` on that is enough; more is always enough as well."""
    low, high = least, least
    while not enough(high):
        low, high = high + 1, 2 * high
        if high > _MOST:
            raise ValueError(f"effect: it is so small that more than {_MOST:,} processes would be needed")
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low
