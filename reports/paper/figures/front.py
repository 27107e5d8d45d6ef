"""The trade-off: accuracy against latency, with the Pareto front and the names of its cases."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from harness.core.metric import METRICS
from reports.data import CaseView, ReportData, Unit
from reports.labels import metric_of
from reports.numbers import counted
from reports.recommend import front_cases, scored_cases
from reports.section import Absent

from .axes import log_x
from .boxes import Line, Point
from .labels import Label, add_labels
from .notes import left_out, name_of
from .style import COLOURS, FILLS, GREY, MARKERS, Drawn, drawable, legend_above, new_figure, of_names

_X = "latency_p50_ns"
_TALLEST_MM = 90.0
_MARGIN = 0.14  # of the x axis, so that labels have room


def draw(data: ReportData, width_mm: float) -> list[Drawn] | Absent:
    """Draw, for each piece of hardware, every case that has both figures and may be compared."""
    drawn = []
    for unit in data.units:
        scored = scored_cases(unit.cases)
        cases = [case for case in scored if case.trusts(_X) and case.trusts(case.record.quality_name)]
        if cases:
            figure, unnamed = _figure(data, cases, width_mm)
            notes = [*_notes(unit, scored, cases), *_unnamed(unnamed)]
            drawn.append(Drawn(name_of("front", data, unit), figure, notes))
    return drawn or Absent("no case has both a latency and an accuracy that can be compared")


def _figure(data: ReportData, cases: Sequence[CaseView], width_mm: float) -> tuple[Any, list[Label]]:
    """Return the figure, and the labels for which it has no room."""
    figure = new_figure(width_mm, min(0.82 * width_mm, _TALLEST_MM))
    axes = figure.add_subplot()
    _markers(data, axes, cases)
    front = front_cases(cases)
    points = [_point(data, case) for case in cases]
    steps = _steps(sorted(_point(data, case) for case in front))
    axes.plot(*zip(*steps, strict=True), color=GREY, linewidth=0.8, zorder=1.5)
    log_x(axes, min(x for x, _ in points), max(x for x, _ in points), _MARGIN)
    axes.margins(y=0.14)
    axes.set_xlabel(f"{METRICS[_X].title} ({data.scales[_X].unit})")
    name = cases[0].record.quality_name
    quality = metric_of(name, [case.record for case in cases]).title
    axes.set_ylabel(f"{quality} ({data.scales[name].unit})".removesuffix(" ()"))
    legend_above(figure, _legend(data, cases))
    lines = [*pairwise(steps), *(bar for case in cases for bar in _bars(data, case))]
    return figure, add_labels(axes, _labels(data, front, cases), points, lines)


def _point(data: ReportData, case: CaseView) -> tuple[float, float]:
    x, y = ((case.record.value(name) or 0.0) * data.scales[name].factor for name in (_X, case.record.quality_name))
    return x, y


def _styles(data: ReportData) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return colour and symbol of each setting, and the filling of each runtime."""
    settings, runtimes = ([getattr(case.record.case, of) for case in data.cases] for of in ("compression", "runtime"))
    return of_names(settings, COLOURS), of_names(settings, MARKERS), of_names(runtimes, FILLS)


def _markers(data: ReportData, axes: Any, cases: Sequence[CaseView]) -> None:
    colours, markers, fills = _styles(data)
    for case in cases:
        identity = case.record.case
        colour = colours[identity.compression]
        x, y = _point(data, case)
        for start, end in _bars(data, case):
            axes.plot(*zip(start, end, strict=True), color=colour, alpha=0.5, linewidth=0.6, zorder=2)
        axes.plot(x, y, linestyle="none", marker=markers[identity.compression], color=colour,
                  fillstyle=fills[identity.runtime], markerfacecoloralt="white", zorder=3)  # fmt: skip


def _bars(data: ReportData, case: CaseView) -> list[Line]:
    """Return the intervals of both figures as lines through the point."""
    x, y = _point(data, case)
    (left, right), (low, high) = _ends(data, case, _X, x), _ends(data, case, case.record.quality_name, y)
    return [((left, y), (right, y)), ((x, low), (x, high))]


def _ends(data: ReportData, case: CaseView, name: str, middle: float) -> tuple[float, float]:
    """Return the ends of an interval in the scale of its axis; both are the value itself if there is none."""
    quantity, factor = case.record.quantity(name), data.scales[name].factor
    lo, hi = getattr(quantity, "lo", None), getattr(quantity, "hi", None)
    return (middle, middle) if lo is None or hi is None else (lo * factor, hi * factor)


def _steps(points: Sequence[Point]) -> list[Point]:
    """Return the corners of the front: from each point to the right, then up to the next one."""
    corners = [(after[0], before[1]) for before, after in pairwise(points)]
    return [point for pair in zip(points, [*corners, points[-1]], strict=True) for point in pair]


def _legend(data: ReportData, cases: Sequence[CaseView]) -> list[Any]:
    from matplotlib.lines import Line2D

    colours, markers, fills = _styles(data)
    settings, runtimes = (dict.fromkeys(getattr(case.record.case, of) for case in cases)
                          for of in ("compression", "runtime"))  # fmt: skip
    handles = [
        Line2D([], [], linestyle="none", marker=markers[name], color=colours[name], label=drawable(name))
        for name in settings
    ]
    if len(runtimes) > 1:
        handles += [
            Line2D([], [], linestyle="none", marker="o", color=GREY, fillstyle=fills[name], markerfacecoloralt="white",
                   label=drawable(name))
            for name in runtimes
        ]  # fmt: skip
    return [*handles, Line2D([], [], color=GREY, linewidth=0.8, label="Pareto front")]


def _labels(data: ReportData, front: Sequence[CaseView], cases: Sequence[CaseView]) -> list[Label]:
    """Return a label per case of the front: its model if there are several, and whatever else tells it apart."""
    models = {case.record.case.model for case in cases}
    threads = {case.record.case.threads for case in cases}
    labels = []
    for case in front:
        identity = case.record.case
        parts = [identity.model] if len(models) > 1 else []
        rest = [identity.compression, *([f"t{identity.threads}"] if len(threads) > 1 else [])]
        labels.append(Label(*_point(data, case), drawable("\n".join([*parts, ", ".join(rest)]))))
    return labels


def _notes(unit: Unit, scored: Sequence[CaseView], cases: Sequence[CaseView]) -> list[str]:
    drawn, known = {case.key for case in cases}, {case.key for case in scored}
    untrusted = [case for case in scored if case.key not in drawn]
    others = [case for case in unit.cases if case.key not in known]
    missing = f"{counted(len(others), 'case')} left out: no accuracy, no latency, another load or another data set"
    return [*left_out(untrusted), *([missing] if others else [])]


def _unnamed(labels: Sequence[Label]) -> list[str]:
    names = ", ".join(label.text.replace("\n", " ") for label in labels)
    return [f"no room for the names of: {names}; a wider figure has more"] if labels else []
