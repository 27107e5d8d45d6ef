"""Accuracy against latency, the size of a marker its energy (or model size): which settings are worth having?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from harness.core.metric import METRICS
from reports.data import CaseView, ReportData
from reports.front import front, scored, why_dominated
from reports.plots import GREY, axis, colour_of, figure_json, key, log_axis, symbol_of
from reports.recommend import SLIDERS
from reports.section import Absent, Figure, Section, body

_SMALLEST, _LARGEST = 8.0, 20.0


def render(data: ReportData) -> Markup | Absent:
    """The scatter, the front, the sliders and the best setting under them."""
    cases = scored(data.cases)
    if not cases:
        return Absent(_why_none(data), "score a net on labelled images: edgebench run --model NET --data FOLDER")
    on_front = front(cases)
    figure = _figure(data, cases, on_front)
    return body("tradeoff.html", plot=figure, bounds=_bounds(data, [case for case in cases if case.trusted]))


def _why_none(data: ReportData) -> str:
    reasons = {case.record.missing("top1") or case.record.missing("latency_p50_ns") for case in data.cases}
    return f"no case has both a latency and an accuracy: {'; '.join(sorted(r for r in reasons if r)) or 'no case'}"


def _figure(data: ReportData, cases: Sequence[CaseView], on_front: Sequence[CaseView]) -> Figure:
    size = "energy_net_j" if any(case.record.value("energy_net_j") is not None for case in cases) else "artifact_bytes"
    traces = [_front_line(data, on_front), *_legend(data, cases), *_markers(data, cases, size)]
    unit = data.scales["latency_p50_ns"].unit
    layout = {
        "xaxis": log_axis(f"Latency p50 ({unit})", [_point(data, case)[0] for case in cases], "lower"),
        "yaxis": axis("Top-1 (%)", "higher"),
        "showlegend": True,
    }
    rows = [
        [
            c.label,
            _text(data, c, "latency_p50_ns"),
            _text(data, c, "top1"),
            _text(data, c, size),
            why_dominated(c, on_front),
        ]
        for c in cases
    ]
    return Figure(
        "tradeoff-plot",
        "Accuracy against latency",
        figure_json(traces, **layout),
        _summary(cases, on_front),
        "The line joins what no other case beats in both. Larger marker: more "
        f"{METRICS[size].title.lower()}. Bars: 95 % intervals. {_left_out(data, cases)}".strip(),
        ("Case", f"Latency p50 ({unit})", "Top-1 (%)", f"{METRICS[size].title} ({data.scales[size].unit})", "Front"),
        rows,
        height=296,
    )


def _text(data: ReportData, case: CaseView, name: str) -> str:
    shown = data.show(case.record, name)
    return f"{shown.text} {shown.spread}".strip()


def _summary(cases: Sequence[CaseView], on_front: Sequence[CaseView]) -> str:
    return f"{len(on_front)} of {len(cases)} scored cases are on the front: up and to the left is better."


def _left_out(data: ReportData, cases: Sequence[CaseView]) -> str:
    """How many cases are not in the plot, and why: they lack a figure, or theirs answer another question."""
    drawn = {case.key for case in cases}
    others = [case for case in data.cases if case.key not in drawn]
    bare = sum(None in (case.record.value("latency_p50_ns"), case.record.value("top1")) for case in others)
    other = len(others) - bare
    words = [f"{bare} {'case' if bare == 1 else 'cases'} without accuracy or latency left out"] if bare else []
    same = f"{cases[0].load} and {cases[0].record.case.dataset}"
    words += [f"{other} {'case' if other == 1 else 'cases'} not in {same} left out"] if other else []
    return "".join(f"{sentence}. " for sentence in words)


def _point(data: ReportData, case: CaseView) -> tuple[float, float]:
    latency, top1 = case.record.value("latency_p50_ns"), case.record.value("top1")
    return ((latency or 0.0) * data.scales["latency_p50_ns"].factor, (top1 or 0.0) * 100)


def _front_line(data: ReportData, on_front: Sequence[CaseView]) -> dict[str, Any]:
    points = sorted(_point(data, case) for case in on_front)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Pareto front",
        "x": [x for x, _ in points],
        "y": [y for _, y in points],
        "line": {"shape": "hv", "width": 2, "color": GREY},
        "hoverinfo": "skip",
        "meta": "front",
    }


def _legend(data: ReportData, cases: Sequence[CaseView]) -> list[dict[str, Any]]:
    """Colours and symbols apart: their product would fill the plot."""
    colours = colour_of([case.record.case.compression for case in data.cases])
    symbols = symbol_of([case.record.case.runtime for case in data.cases])
    settings = dict.fromkeys(case.record.case.compression for case in cases)
    runtimes = dict.fromkeys(case.record.case.runtime for case in cases)
    return [
        *(key(name, colour=colours[name]) for name in settings),
        *(key(name, symbol=symbols[name]) for name in runtimes),
    ]


def _markers(data: ReportData, cases: Sequence[CaseView], size: str) -> list[dict[str, Any]]:
    """One trace a compression and runtime: colour for the one, symbol for the other."""
    colours = colour_of([case.record.case.compression for case in data.cases])
    symbols = symbol_of([case.record.case.runtime for case in data.cases])
    largest = max((case.record.value(size) or 0.0 for case in cases), default=0.0)
    groups: dict[tuple[str, str], list[CaseView]] = {}
    for case in cases:
        groups.setdefault((case.record.case.compression, case.record.case.runtime), []).append(case)
    return [
        _trace(data, group, f"{names[0]} · {names[1]}", colours[names[0]], symbols[names[1]], size, largest)
        for names, group in groups.items()
    ]


def _trace(
    data: ReportData, group: Sequence[CaseView], name: str, colour: str, symbol: str, size: str, largest: float
) -> dict[str, Any]:
    points = [_point(data, case) for case in group]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "showlegend": False,
        "x": [x for x, _ in points],
        "y": [y for _, y in points],
        "customdata": [case.key for case in group],
        "hovertext": [_hover(data, case, group) for case in group],
        "hoverinfo": "text",
        "error_y": _bars(data, group, "top1"),
        "error_x": _bars(data, group, "latency_p50_ns"),
        "marker": {
            "color": colour,
            "size": [_diameter(case.record.value(size), largest) for case in group],
            "symbol": [symbol if case.trusted else f"{symbol}-open" for case in group],
            "opacity": 0.9,
            "line": {"width": 1.5, "color": colour},
        },
    }


def _diameter(value: float | None, largest: float) -> float:
    """Marker area grows with the value; the smallest where there is none."""
    if value is None or largest <= 0:
        return _SMALLEST
    return _SMALLEST + (_LARGEST - _SMALLEST) * math.sqrt(value / largest)


def _bars(data: ReportData, group: Sequence[CaseView], name: str) -> dict[str, Any]:
    factor = data.scales[name].factor
    ups, downs = [], []
    for case in group:
        quantity = case.record.quantity(name)
        value, lo, hi = (getattr(quantity, part, None) for part in ("value", "lo", "hi"))
        ups.append(0.0 if hi is None or value is None else max(hi - value, 0.0) * factor)
        downs.append(0.0 if lo is None or value is None else max(value - lo, 0.0) * factor)
    return {"type": "data", "symmetric": False, "array": ups, "arrayminus": downs, "thickness": 1, "width": 0}


def _hover(data: ReportData, case: CaseView, group: Sequence[CaseView]) -> str:
    """Plotly reads a few tags in hover text, so names are escaped here although they are also JSON."""
    lines = [Markup("<b>{}</b>").format(case.record.case.model), Markup("{}").format(case.setting)]
    for name in ("latency_p50_ns", "top1", "energy_net_j", "artifact_bytes"):
        shown = data.show(case.record, name)
        unit = "" if shown.missing else f" {data.scales[name].unit}"
        lines.append(Markup("{}: {} {}{}").format(METRICS[name].title, shown.text, shown.spread, unit))
    if not case.trusted:
        lines.append(Markup("not trusted: {}").format(case.record.verdict.status))
    return "<br>".join(str(line) for line in lines)


def _bounds(data: ReportData, cases: Sequence[CaseView]) -> list[dict[str, Any]]:
    """The sliders: one a metric that at least two cases differ in; the loosest position bounds nothing."""
    found = []
    for name in SLIDERS:
        values = [value for case in cases if (value := case.record.value(name)) is not None]
        if len(set(values)) > 1:
            metric, scale = METRICS[name], data.scales[name]
            found.append(
                {
                    "name": name,
                    "metric": metric,
                    "unit": scale.unit,
                    "factor": scale.factor,
                    "values": sorted(values),
                    "most": metric.better == "lower",
                }
            )
    return found


SECTION = Section("tradeoff", "Trade-off", 30, render)
