"""A run for notebooks: the table with verdicts, and a static plot of accuracy against latency.

A notebook may be shown where no script runs, so that the plot is SVG. The template escapes every text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.core.record import Record, RunHeader
from harness.core.verdict import TIMED, trust_counts

from .figures.plots import colour_of
from .labels import label_of, mark_of, measured, metric_of, scales_of, titles_of
from .numbers import FormattedValue, Scale, show
from .recommend import comparable, pareto_front
from .section import render_template

WIDTH, HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 20, 16, 44


@dataclass(frozen=True)
class Row:
    """A row of the table; `cells` are pairs of a value and whether it can be trusted."""

    label: str
    cells: tuple[tuple[FormattedValue, bool], ...]
    mark: str
    status: str
    why: str


@dataclass(frozen=True)
class Point:
    """A case in the plot, in pixels; one that is not `trusted` is hollow."""

    x: float
    y: float
    colour: str
    label: str
    trusted: bool


@dataclass(frozen=True)
class Plot:
    """The plot of accuracy against latency.

    Attributes:
        points: The cases.
        front: Corners of the step line through the Pareto front, in pixels, for a polyline of SVG.
        x_ticks: (position in pixels, text) on the axis of latencies.
        y_ticks: The same on the axis of accuracies.
        unit: Unit of the latencies.
        settings: Colour of each compression setting.
    """

    points: tuple[Point, ...]
    front: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    unit: str
    y_title: str
    settings: dict[str, str]


def html(records: Sequence[Record], header: RunHeader) -> str:
    """Return the table and the plot of a run as HTML; without two scored cases there is no plot."""
    scales = scales_of(records)
    columns, titles = measured(records), titles_of(records)
    return str(
        render_template(
            "notebook.html",
            title=f"{header.suite} on {header.target}",
            trust=trust_counts(record.verdict.status for record in records),
            columns=[(titles[name], scales[name].unit) for name in columns],
            rows=[_row(record, columns, scales) for record in records],
            missing=len(set(header.planned) - {record.case_id for record in records}),
            plot=_plot(records, scales["latency_p50_ns"]),
            width=WIDTH,
            height=HEIGHT,
        )
    )


def _row(record: Record, columns: Sequence[str], scales: dict[str, Scale]) -> Row:
    verdict = record.verdict
    cells = tuple((show(record.quantity(name), scales[name]), record.trusts(name)) for name in columns)
    return Row(label_of(record), cells, mark_of(verdict), verdict.status, verdict.reason)


def _plot(records: Sequence[Record], scale: Scale) -> Plot | None:
    """Return the plot of the cases whose latencies and accuracies can be compared; None for fewer than two."""
    cases = [record for record in comparable(records) if record.value("latency_p50_ns")]  # 0 has no logarithm
    if len(cases) < 2:
        return None
    name = cases[0].quality_name
    unit, title = scales_of(cases)[name].unit, metric_of(name, cases).title
    figures = [_figures(case, scale) for case in cases]
    latencies, accuracies = zip(*figures, strict=True)
    x_low, x_high = _range([math.log10(value) for value in latencies])
    y_low, y_high = _range(accuracies)

    def place(latency: float, accuracy: float) -> tuple[float, float]:
        across, up = (math.log10(latency) - x_low) / (x_high - x_low), (accuracy - y_low) / (y_high - y_low)
        return (
            round(_LEFT + across * (WIDTH - _LEFT - _RIGHT), 1),
            round(HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM), 1),
        )

    colours = colour_of(sorted({case.case.compression for case in cases}))
    points = tuple(
        Point(
            *place(*pair),
            colours[case.case.compression],
            f"{label_of(case)}: {pair[0]:.3g} {scale.unit}, {case.quality_kind.label} {pair[1]:.1f} {unit}, "
            f"{case.verdict.status}".replace(" ,", ","),
            case.trusts(TIMED) and case.trusts(case.quality_name),
        )
        for case, pair in zip(cases, figures, strict=True)
    )
    front = [place(*_figures(case, scale)) for case in pareto_front(records)]
    return Plot(
        points,
        _steps(front),
        tuple((place(value, y_low)[0], f"{value:.3g}") for value in (min(latencies), max(latencies))),
        tuple((place(latencies[0], value)[1], f"{value:.1f}") for value in (min(accuracies), max(accuracies))),
        scale.unit,
        f"{title} ({unit})".removesuffix(" ()"),
        colours,
    )


def _figures(record: Record, scale: Scale) -> tuple[float, float]:
    """Return the latency in the unit of the scale, and the quality in that of its own."""
    quality = (record.value(record.quality_name) or 0.0) * scales_of([record])[record.quality_name].factor
    return (record.value("latency_p50_ns") or 0.0) * scale.factor, quality


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis, a little beyond the values."""
    low, high = min(values), max(values)
    margin = 0.06 * (high - low) or 0.5
    return low - margin, high + margin


def _steps(corners: Sequence[tuple[float, float]]) -> str:
    """Return the front as a step line: accuracy stays until the next faster case is left behind."""
    path = [f"{x},{y}" for x, y in corners[:1]]
    for (_, before), (x, y) in pairwise(corners):
        path += [f"{x},{before}", f"{x},{y}"]
    return " ".join(path)
