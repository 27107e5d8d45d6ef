"""How latency is distributed: one empirical distribution a case, one plot a model and load."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from harness.core.metric import METRICS
from reports.data import CaseView, ReportData
from reports.plots import axis, colour_of, dash_of, figure_json, log_axis, quantiles
from reports.section import Absent, Figure, Section, body

_POINTS_ALL = 40_000  # over the whole report: a thousand cases must not make a file nobody can open
_MOST_POINTS, _LEAST_POINTS = 400, 40
_MOST_LINES = 14  # more in one plot cannot be told apart: the others wait in the legend
_MARKS = ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"))


def render(data: ReportData) -> Markup | Absent:
    """One figure a model and load, untrusted cases dotted and thin."""
    plots: dict[str, list[CaseView]] = {}
    for case in data.cases:
        if case.record.processes:
            model = case.record.case.model
            plots.setdefault(model if case.load == data.main_load else f"{model}, {case.load}", []).append(case)
    points = max(_LEAST_POINTS, min(_MOST_POINTS, _POINTS_ALL // max(len(data.cases), 1)))
    figures = [_figure(data, index, title, cases, points) for index, (title, cases) in enumerate(plots.items())]
    if not figures:
        return Absent("no case was measured to its end", "see Validity for what went wrong")
    return body("figures.html", figures=figures, lead="")


def _figure(data: ReportData, index: int, title: str, cases: Sequence[CaseView], points: int) -> Figure:
    scale = data.scales["latency_p50_ns"]
    colours = colour_of([case.record.case.compression for case in data.cases])
    dashes = dash_of([case.record.case.runtime for case in data.cases])
    traces: list[dict[str, Any]] = []
    for case in cases:
        samples = case.blobs.wall_ns()
        if samples is None:
            continue
        values, shares = quantiles(samples * scale.factor, points)
        name = Markup("{}{}").format(case.setting, "" if case.trusted else f" ({case.record.verdict.status})")
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": values,
                "y": shares,
                "meta": case.key,
                "line": {
                    "color": colours[case.record.case.compression],
                    "dash": dashes[case.record.case.runtime],
                    "width": 2 if case.trusted else 1,
                    "shape": "hv",
                },
                "opacity": 1 if case.trusted else 0.45,
                "visible": True if len(traces) < _MOST_LINES else "legendonly",
                "hovertemplate": "%{y:.1%} within %{x:.4~g} " + scale.unit + "<extra>%{fullData.name}</extra>",
            }
        )
    return Figure(
        f"latency-{index}",
        title,
        figure_json(
            traces,
            xaxis=log_axis(
                f"Latency ({scale.unit})", [float(end) for t in traces for end in (t["x"][0], t["x"][-1])], "lower"
            ),
            legend={"orientation": "h", "yanchor": "bottom", "y": 1.01, "x": 0},
            yaxis=axis("Share of inferences", range=[0, 1.06], tickformat=".0%"),
            shapes=[_line(share) for share, _ in _MARKS],
            annotations=[_label(share, text) for share, text in _MARKS],
        ),
        _summary(data, cases),
        "A point says which share of the inferences took no longer than that. A steep line is a steady net; a long top "
        "is a heavy tail. Colour is the compression setting, the line's dashes the runtime.",
        ("Case", *(METRICS[name].title for name in _COLUMNS)),
        [[case.setting, *(_cell(data, case, name) for name in _COLUMNS)] for case in cases],
        height=340,
    )


_COLUMNS = ("latency_p50_ns", "latency_p90_ns", "latency_p99_ns", "first_inference_ns")


def _cell(data: ReportData, case: CaseView, name: str) -> str:
    shown = data.show(case.record, name)
    return shown.text if shown.missing else f"{shown.text} {data.scales[name].unit}"


def _summary(data: ReportData, cases: Sequence[CaseView]) -> str:
    having = [case for case in cases if case.trusted and case.record.value("latency_p50_ns") is not None]
    if not having:
        return "No case of this plot can be trusted."
    ordered = sorted(having, key=lambda case: case.record.value("latency_p50_ns") or 0.0)
    texts = [f"{case.setting} ({_cell(data, case, 'latency_p50_ns')})" for case in (ordered[0], ordered[-1])]
    return f"Median from {texts[0]} to {texts[1]}." if len(having) > 1 else f"Median of {texts[0]}."


def _line(share: float) -> dict[str, object]:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": share,
        "y1": share,
        "line": {"width": 1, "dash": "dot", "color": "#8b93a1"},
    }


def _label(share: float, text: str) -> dict[str, object]:
    return {
        "xref": "paper",
        "x": 1,
        "xanchor": "right",
        "y": share,
        "yanchor": "bottom" if share in (0.5, 0.99) else "top",
        "text": text,
        "showarrow": False,
        "font": {"size": 11},
    }


SECTION = Section("latency", "Latency", 50, render)
