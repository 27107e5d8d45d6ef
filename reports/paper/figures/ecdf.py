"""Empirical distributions of latency: one panel per model, one line per case."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.core.metric import METRICS
from reports.data import CaseView, ReportData
from reports.figures.plots import quantiles
from reports.numbers import counted
from reports.section import Absent
from reports.sections.latency import MOST_LINES, Plot, plots_of

from .axes import log_x
from .notes import left_out
from .style import COLOURS, DASHES, GREY, MARKERS, Drawn, drawable, legend_above, new_figure, of_names

_LATENCY = "latency_p50_ns"
_POINTS = 400
_MARKS = (0.5, 0.9, 0.99)  # shares at which a line has the symbol of its setting
_LAST_SHARE = 0.999
_OUTLIER = 1.5  # a largest value beyond that many times the last share would squash the rest
_NARROWEST_MM = 52.0  # width of a panel
_PANEL_MM = 42.0  # its height
_MOST_ROWS = 4
_LEGEND_MM = 12.0


@dataclass(frozen=True)
class _Line:
    """The distribution of one case, in the scale of the axis."""

    case: CaseView
    values: npt.NDArray[np.float32]
    shares: npt.NDArray[np.float32]


def draw(data: ReportData, width_mm: float) -> list[Drawn] | Absent:
    """Draw the latencies that may be compared, as many panels to a figure as fit a page."""
    plots = [(plot, lines) for plot in plots_of(data) if (lines := _lines(data, plot))]
    if not plots:
        return Absent("no case has latencies that can be compared, or their samples are not kept")
    columns = min(max(1, int(width_mm // _NARROWEST_MM)), len(plots))
    per_figure = columns * _MOST_ROWS
    pages = [plots[start : start + per_figure] for start in range(0, len(plots), per_figure)]
    notes = _notes(plots_of(data), plots)
    names = ["ecdf", *(f"ecdf-{number}" for number in range(2, len(pages) + 1))]
    return [
        Drawn(name, *_figure(data, page, width_mm, columns, notes if name == "ecdf" else []))
        for name, page in zip(names, pages, strict=True)
    ]


def _lines(data: ReportData, plot: Plot) -> list[_Line]:
    factor = data.scales[_LATENCY].factor
    lines: list[_Line] = []
    for case in plot.cases:
        samples = case.blobs.wall_ns() if case.trusts(_LATENCY) and len(lines) < MOST_LINES else None
        if samples is not None:
            lines.append(_Line(case, *quantiles(samples * factor, _POINTS)))
    return lines


def _figure(
    data: ReportData, plots: Sequence[tuple[Plot, list[_Line]]], width_mm: float, columns: int, notes: Sequence[str]
) -> tuple[Any, list[str]]:
    """Return a figure with a panel per plot, and the notes on it."""
    rows = math.ceil(len(plots) / columns)
    figure = new_figure(width_mm, rows * _PANEL_MM + _LEGEND_MM)
    styles = _Styles(data, [plot for plot, _ in plots])
    clipped = []
    for index, (plot, lines) in enumerate(plots):
        axes = figure.add_subplot(rows, columns, index + 1)
        clipped.append(_panel(axes, plot, lines, styles))
        axes.set_title(drawable(plot.title), loc="left")
        axes.set_xlabel(f"{METRICS[_LATENCY].title.removesuffix(' p50')} ({data.scales[_LATENCY].unit})")
        axes.set_ylabel("Inferences (%)" if index % columns == 0 else "")
    legend_above(figure, styles.legend(plots))
    beyond = f"the axis ends where {_LAST_SHARE:.1%} of the inferences of the slowest case do"
    return figure, [*notes, *([beyond] if any(clipped) else [])]


def _panel(axes: Any, plot: Plot, lines: Sequence[_Line], styles: _Styles) -> bool:
    """Draw the lines; return whether the axis ends before the largest latency."""
    for line in lines:
        marks = [int(np.searchsorted(line.shares, share)) for share in _MARKS]
        colour, marker = styles.of_colour(plot.colour(line.case))
        axes.plot(
            line.values, line.shares * 100, drawstyle="steps-post", color=colour, marker=marker, markevery=marks,
            markersize=3.5, linestyle=styles.dashes[plot.dash(line.case)],
        )  # fmt: skip
    largest = max(float(line.values[-1]) for line in lines)
    usual = max(float(np.interp(_LAST_SHARE, line.shares, line.values)) for line in lines)
    clipped = largest > _OUTLIER * usual
    log_x(axes, min(float(line.values[0]) for line in lines), usual if clipped else largest)
    axes.set_ylim(0, 103)
    axes.set_yticks([0, 25, 50, 75, 90, 100])
    return clipped


class _Styles:
    """Colours with their symbols, and dashes, the same in all panels of a figure."""

    def __init__(self, data: ReportData, plots: Sequence[Plot]) -> None:
        colours = [plot.colour(case) for plot in plots for case in data.cases]
        self._colours, self._markers = of_names(colours, COLOURS), of_names(colours, MARKERS)
        self.dashes = of_names([plot.dash(case) for plot in plots for case in data.cases], DASHES)

    def of_colour(self, name: str) -> tuple[str, str]:
        """Return the colour and the symbol of a setting."""
        return self._colours[name], self._markers[name]

    def legend(self, plots: Sequence[tuple[Plot, list[_Line]]]) -> list[Any]:
        """Return an entry per setting, and per dash if there are several."""
        from matplotlib.lines import Line2D

        drawn = [(plot, line.case) for plot, lines in plots for line in lines]
        colours = dict.fromkeys(plot.colour(case) for plot, case in drawn)
        dashes = dict.fromkeys(plot.dash(case) for plot, case in drawn)
        handles = [
            Line2D([], [], color=colour, marker=marker, markersize=3.5, label=drawable(name))
            for name in colours
            for colour, marker in [self.of_colour(name)]
        ]
        if len(dashes) > 1:
            handles += [
                Line2D([], [], color=GREY, linestyle=self.dashes[name], label=drawable(name)) for name in dashes
            ]
        return handles


def _notes(plots: Sequence[Plot], drawn: Sequence[tuple[Plot, list[_Line]]]) -> list[str]:
    lines = {line.case.key for _, lines in drawn for line in lines}
    missing = [case for plot in plots for case in plot.cases if case.key not in lines]
    untrusted = [case for case in missing if not case.trusts(_LATENCY)]
    others = len(missing) - len(untrusted)
    why = f"{counted(others, 'case')} left out: no samples are kept, or more than {MOST_LINES} lines in a panel"
    return [*left_out(untrusted), *([why] if others else [])]
