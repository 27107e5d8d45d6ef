"""Logarithmic axes whose ticks are written out."""

from __future__ import annotations

from typing import Any

from reports.figures.ticks import log_ticks

_FEWEST_TICKS = 5
_MARGIN = 0.06  # of the length of an axis, on both sides


def log_x(axes: Any, low: float, high: float, margin: float = _MARGIN) -> None:
    """Make the x axis logarithmic from `low` to `high`, both above 0, with a margin and plain numbers at its ticks."""
    from matplotlib.ticker import NullLocator

    room = max(high / low, 1.05) ** margin
    first, last = low / room, high * room
    ticks = [tick for tick in log_ticks(first, last, _FEWEST_TICKS) if first <= tick <= last]
    axes.set_xscale("log")
    axes.set_xlim(first, last)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(ticks, [f"{tick:,.10g}" for tick in ticks])
