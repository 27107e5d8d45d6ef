"""Distribution of latency: one empirical distribution per case, one plot per model and load."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from harness.core.metric import METRICS
from reports.data import CaseView, ReportData
from reports.figures.plots import GREY, axis, colour_of, dash_of, figure_json, log_axis, quantiles
from reports.numbers import counted
from reports.section import Absent, Figure, LegendEntry, Section, figures_html

_MOST_POINTS_IN_ALL = 40_000  # in the whole report, so that a thousand cases still make a file of a usable size
_MOST_POINTS, _LEAST_POINTS = 400, 40
MOST_LINES = 14
"""More cannot be told apart: the plot is split, and further cases are in the table only."""
_MARKS = ((0.5, "p50", "bottom"), (0.9, "p90", "top"), (0.99, "p99", "bottom"))
_HOW = (
    "A point shows the share of inferences that took no longer than that. A steep line means steady latency, a long "
    "top a heavy tail."
)
_COLUMNS = ("latency_p50_ns", "latency_p90_ns", "latency_p99_ns", "first_inference_ns")


@dataclass(frozen=True)
class Plot:
    """The cases of one plot.

    Attributes:
        title: Its heading.
        cases: Its cases.
        colour: Return the property of a case that decides its colour.
        dash: Return the property of a case that decides its line style.

    """

    title: str
    cases: Sequence[CaseView]
    colour: Callable[[CaseView], str]
    dash: Callable[[CaseView], str]


def render(data: ReportData) -> Markup | Absent:
    """Render one figure per model and load, with thin and faint lines for latencies that cannot be trusted."""
    points = max(_LEAST_POINTS, min(_MOST_POINTS, _MOST_POINTS_IN_ALL // max(len(data.cases), 1)))
    figures = [_figure(data, f"latency-{index}", plot, points) for index, plot in enumerate(plots_of(data))]
    if not figures:
        return Absent("no case was completed", "see Validity for the reasons")
    return figures_html(figures, _HOW)


def plots_of(data: ReportData) -> list[Plot]:
    """Return the plots of the completed cases: one or several per model and load."""
    models: dict[str, list[CaseView]] = {}
    for case in data.cases:
        if case.record.processes:
            load = f", {case.load}" if case.load != data.main_load else ""
            unit = f" on {case.unit}" if case.several else ""
            models.setdefault(f"{case.record.case.model}{load}{unit}", []).append(case)
    return [plot for title, cases in models.items() for plot in split(title, cases)]


def split(title: str, cases: Sequence[CaseView]) -> list[Plot]:
    """Return one plot, or with too many lines one per runtime or per compression, whichever gives fewer."""
    if len(cases) <= MOST_LINES:
        return [Plot(title, cases, _compression, _runtime)]
    runtimes, settings = (len({of(case) for case in cases}) for of in (_runtime, _compression))
    by, colour = (_runtime, _compression) if runtimes <= settings else (_compression, _runtime)
    groups: dict[str, list[CaseView]] = {}
    for case in cases:
        groups.setdefault(by(case), []).append(case)
    return [Plot(f"{title} · {name}", group, colour, _threads) for name, group in groups.items()]


def _compression(case: CaseView) -> str:
    return case.record.case.compression


def _runtime(case: CaseView) -> str:
    return case.record.case.runtime


def _threads(case: CaseView) -> str:
    return counted(case.record.case.threads, "thread")


def _figure(data: ReportData, name: str, plot: Plot, points: int) -> Figure:
    unit = data.scales["latency_p50_ns"].unit
    drawn = [case for case in plot.cases if case.blobs.wall_ns() is not None][:MOST_LINES]
    colours = colour_of([plot.colour(case) for case in data.cases])
    dashes = dash_of([plot.dash(case) for case in plot.cases])
    traces = [_trace(data, case, colours[plot.colour(case)], dashes[plot.dash(case)], points) for case in drawn]
    ends = [float(end) for trace in traces for end in (trace["x"][0], trace["x"][-1])]
    hidden = len(plot.cases) - len(drawn)
    return Figure(
        name,
        plot.title,
        figure_json(
            traces,
            xaxis=log_axis(f"Latency ({unit})", ends, "lower"),
            yaxis=axis("Share of inferences", range=[0, 1.06], tickformat=".0%"),
            shapes=[_line(share) for share, *_ in _MARKS],
            annotations=[_label(*mark) for mark in _MARKS],
        ),
        _summary(data, plot.cases) + (f" {counted(hidden, 'more case')} in the table only." if hidden else ""),
        "",
        ("Case", *(METRICS[name].title for name in _COLUMNS)),
        [[case.setting, *(_cell(data, case, name) for name in _COLUMNS)] for case in plot.cases],
        height=300,
        legend=_legend(plot, drawn, colours, dashes),
    )


def _legend(
    plot: Plot, drawn: Sequence[CaseView], colours: dict[str, str], dashes: dict[str, str]
) -> list[LegendEntry]:
    """Return the colours, the dashes if there are several, and what a faint line means."""
    names, styles = (dict.fromkeys(of(case) for case in drawn) for of in (plot.colour, plot.dash))
    entries = [LegendEntry(name, colours[name], dash="solid") for name in names]
    entries += [LegendEntry(name, GREY, dash=dashes[name]) for name in styles] if len(styles) > 1 else []
    faint = not all(case.trusts("latency_p50_ns") for case in drawn)
    return [*entries, *([LegendEntry("thin and faint: not trusted", GREY, dash="solid")] if faint else [])]


def _trace(data: ReportData, case: CaseView, colour: str, dash: str, points: int) -> dict[str, Any]:
    scale, samples = data.scales["latency_p50_ns"], case.blobs.wall_ns()
    assert samples is not None
    values, shares = quantiles(samples * scale.factor, points)
    trusted = case.trusts("latency_p50_ns")
    status = "" if trusted else f" ({case.record.verdict.status})"
    return {
        "type": "scatter",
        "mode": "lines",
        "name": str(Markup("{}{}").format(case.setting, status)),
        "x": values,
        "y": shares,
        "meta": case.key,
        "line": {"color": colour, "dash": dash, "width": 2 if trusted else 1, "shape": "hv"},
        "opacity": 1 if trusted else 0.65,
        "hovertemplate": "%{y:.1%} within %{x:.4~g} " + scale.unit + "<extra>%{fullData.name}</extra>",
    }


def _cell(data: ReportData, case: CaseView, name: str) -> str:
    value = data.show(case.record, name)
    return value.text if value.missing else f"{value.text} {data.scales[name].unit}"


def _summary(data: ReportData, cases: Sequence[CaseView]) -> str:
    usable = [case for case in cases if case.record.trusted_value("latency_p50_ns") is not None]
    if not usable:
        return "No latency in this plot can be trusted."
    ordered = sorted(usable, key=lambda case: case.record.value("latency_p50_ns") or 0.0)
    texts = [f"{case.setting} ({_cell(data, case, 'latency_p50_ns')})" for case in (ordered[0], ordered[-1])]
    return f"Medians range from {texts[0]} to {texts[1]}." if len(usable) > 1 else f"Median: {texts[0]}."


def _line(share: float) -> dict[str, object]:
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": share, "y1": share,
            "line": {"width": 1, "dash": "dot", "color": GREY}}  # fmt: skip


def _label(share: float, text: str, anchor: str) -> dict[str, object]:
    return {"xref": "paper", "x": 1, "xanchor": "right", "y": share, "yanchor": anchor, "text": text,
            "showarrow": False, "font": {"size": 11}}  # fmt: skip


PLUGINS: tuple[Section, ...] = (Section("latency", "Latency", 50, render),)
