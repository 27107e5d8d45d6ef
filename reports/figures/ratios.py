"""Ratios of latency with their intervals, one line a case."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup

from harness.core.quantity import Quantity, Value
from harness.store.comparison import SAME_WITHIN, Change, Comparison
from reports.data import CaseView
from reports.numbers import counted
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


def ratio_figure(pairs: Pairs, name: str) -> Figure | None:
    """The largest ratios with the largest on top; None where no case has a ratio."""
    having = [pair for pair in pairs if isinstance(pair[1].latency, Value)]
    drawn = sorted(having, key=lambda pair: abs(log_ratio(pair[1])))[-_MOST_DRAWN:]
    if not drawn:
        return None
    counts = Counter(comparison.change for _, comparison in having)
    summary = ", ".join(f"{counts[change]} {change}" for change in _STYLES if counts[change])
    more = (
        f"; the {_MOST_DRAWN} largest of {counted(len(having), 'ratio')} are drawn" if len(having) > len(drawn) else ""
    )
    return Figure(
        name,
        "Latency, after over before",
        _plot(drawn),
        f"{summary}{more}.",
        f"Right of 1 takes longer. Bars: 95 % intervals; grey band: within ±{SAME_WITHIN:.0%} of no change.",
        ("Case", "Ratio", "95 % interval"),
        [_row(case, comparison) for case, comparison in reversed(drawn)],
        height=110 + _ROW_HEIGHT * len(drawn),
        legend=[LegendEntry(change, *style) for change, style in _STYLES.items() if counts[change]],
    )


def log_ratio(comparison: Comparison) -> float:
    """Logarithm of the latency's ratio; 0 where there is none."""
    latency = comparison.latency
    return math.log(latency.value) if isinstance(latency, Value) and latency.value > 0 else 0.0


def _plot(drawn: Pairs) -> Markup:
    ends = [1.0, *(end for _, comparison in drawn for end in _interval(comparison.latency))]
    names = [str(Markup("{}").format(case.label)) for case, _ in drawn]
    band = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "x0": 1 - SAME_WITHIN, "x1": 1 + SAME_WITHIN,
            "fillcolor": GREY, "opacity": 0.18, "line": {"width": 0}}  # fmt: skip
    return figure_json(
        [_trace(drawn, change) for change in _STYLES],
        xaxis=log_axis("Ratio of the medians", ends, "lower"),
        yaxis=axis("", tickvals=list(range(len(drawn))), ticktext=names, range=[-0.7, len(drawn) - 0.3]),
        shapes=[band],
    )


def _trace(drawn: Pairs, change: Change) -> dict[str, object]:
    """The cases with this verdict, each at its height among all."""
    colour, symbol = _STYLES[change]
    mine = [(at, case, one) for at, (case, one) in enumerate(drawn) if one.change == change]
    ratios = [math.exp(log_ratio(one)) for _, _, one in mine]
    ends = [_interval(one.latency) for _, _, one in mine]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": change,
        "x": ratios,
        "y": [at for at, _, _ in mine],
        "customdata": [case.key for _, case, _ in mine],
        "hovertext": [
            str(Markup("{}<br>{:.3f} ({:.3f} to {:.3f})").format(case.label, ratio, *span))
            for (_, case, _), ratio, span in zip(mine, ratios, ends, strict=True)
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
    return [case.label, f"{math.exp(log_ratio(comparison)):.3f}", f"{low:.3f} to {high:.3f}"]


def _interval(quantity: Quantity) -> tuple[float, float]:
    assert isinstance(quantity, Value)
    return quantity.lo or quantity.value, quantity.hi or quantity.value
