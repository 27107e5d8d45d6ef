"""A plot of latency ratios with their intervals, one line per case."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from harness.core.quantity import Quantity, Value
from harness.store.comparison import SAME_WITHIN, Change, Comparison
from reports.data import CaseView
from reports.section import Figure, LegendEntry

from .plots import GREY, axis, figure_json, log_axis

_STYLES: dict[Change, tuple[str, str]] = {
    "slower": ("#d9680b", "triangle-up"),
    "faster": ("#2b7cd3", "triangle-down"),
    "undecided": (GREY, "circle"),
    "same": (GREY, "square"),
}
_MOST_DRAWN = 40
_ROW_HEIGHT = 17

Pairs = Sequence[tuple[CaseView, Comparison]]


def ratio_figure(pairs: Pairs, name: str, title: str) -> Figure | None:
    """Return the plot of the largest ratios, largest on top; None if no case has a ratio."""
    with_ratio = [pair for pair in pairs if isinstance(pair[1].latency, Value)]
    drawn = sorted(with_ratio, key=lambda pair: abs(log_ratio(pair[1])))[-_MOST_DRAWN:]
    if not drawn:
        return None
    counts = Counter(comparison.change for _, comparison in with_ratio)
    summary = ", ".join(f"{counts[change]} {change}" for change in _STYLES if counts[change])
    more = f"; showing the {_MOST_DRAWN} largest changes of {len(with_ratio)}" if len(with_ratio) > len(drawn) else ""
    return Figure(
        name,
        title,
        _plot(drawn),
        f"{summary}{more}.",
        f"Right of 1 is slower. Bars: 95 % intervals. Grey band: changes within ±{SAME_WITHIN:.0%}.",
        ("Case", "Ratio", "95 % interval"),
        [_row(case, comparison) for case, comparison in reversed(drawn)],
        height=110 + _ROW_HEIGHT * len(drawn),
        legend=[LegendEntry(change, *style) for change, style in _STYLES.items() if counts[change]],
    )


def log_ratio(comparison: Comparison) -> float:
    """Return the logarithm of the latency ratio; 0 if there is none."""
    latency = comparison.latency
    return math.log(latency.value) if isinstance(latency, Value) and latency.value > 0 else 0.0


def _plot(drawn: Pairs) -> Markup:
    ends = [1.0, *(end for _, comparison in drawn for end in _interval(comparison.latency))]
    names = [str(Markup("{}").format(case.name)) for case, _ in drawn]
    band = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "x0": 1 - SAME_WITHIN, "x1": 1 + SAME_WITHIN,
            "fillcolor": GREY, "opacity": 0.18, "line": {"width": 0}}  # fmt: skip
    return figure_json(
        [_trace(drawn, change) for change in _STYLES],
        xaxis=log_axis("Ratio of the medians", ends, "lower"),
        yaxis=axis("", tickvals=list(range(len(drawn))), ticktext=names, range=[-0.7, len(drawn) - 0.3]),
        shapes=[band],
    )


def _trace(drawn: Pairs, change: Change) -> dict[str, object]:
    """Return the cases with this change as one trace, each on its line of the plot."""
    colour, symbol = _STYLES[change]
    lines = [(y, *pair) for y, pair in enumerate(drawn) if pair[1].change == change]
    ratios = [math.exp(log_ratio(comparison)) for _, _, comparison in lines]
    ends = [_interval(comparison.latency) for _, _, comparison in lines]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": change,
        "x": ratios,
        "y": [y for y, _, _ in lines],
        "customdata": [case.key for _, case, _ in lines],
        "hovertext": [
            str(Markup("{}<br>{:.3f} ({:.3f} to {:.3f})").format(case.name, ratio, *span))
            for (_, case, _), ratio, span in zip(lines, ratios, ends, strict=True)
        ],
        "hoverinfo": "text",
        "error_x": {
            "type": "data",
            "symmetric": False,
            "thickness": 1.5,
            "width": 0,
            "array": [high - ratio for ratio, (_, high) in zip(ratios, ends, strict=True)],
            "arrayminus": [ratio - low for ratio, (low, _) in zip(ratios, ends, strict=True)],
        },
        "marker": {"size": 9, "color": colour, "symbol": symbol},
    }


def _row(case: CaseView, comparison: Comparison) -> Sequence[object]:
    low, high = _interval(comparison.latency)
    return [case.name, f"{math.exp(log_ratio(comparison)):.3f}", f"{low:.3f} to {high:.3f}"]


def _interval(quantity: Quantity) -> tuple[float, float]:
    assert isinstance(quantity, Value)
    return quantity.lo or quantity.value, quantity.hi or quantity.value
