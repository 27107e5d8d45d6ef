"""Ticks of logarithmic axes."""

from __future__ import annotations

import math

_FEWEST = 3  # within an axis
_DENSER = ((1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9))
_MOST_STEPS = 6  # between evenly spaced ticks


def log_ticks(low: float, high: float, fewest: int = _FEWEST) -> list[float]:
    """Return ticks at 1, 2 and 5 of every decade, at 1 alone over many; denser or evenly spaced ones if too few fit.

    Args:
        low: Lower end of the axis, above 0.
        high: Upper end.
        fewest: Least number of ticks within the axis.

    """
    first, last = math.log10(low), math.log10(high)
    powers = range(math.floor(first) - 1, math.ceil(last) + 1)
    for multiples in _DENSER if last - first < 3 else ((1,), *_DENSER):
        ticks = [round(multiple * 10.0**power, 12) for power in powers for multiple in multiples]
        if sum(low <= tick <= high for tick in ticks) >= fewest:
            return ticks
    span = max(high - low, low * 1e-3)
    step = 10.0 ** math.floor(math.log10(span / _MOST_STEPS))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= _MOST_STEPS)
    return [round(index * step, 12) for index in range(math.floor(low / step), math.ceil(high / step) + 2)]
