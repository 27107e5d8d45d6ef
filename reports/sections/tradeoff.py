"""Accuracy against latency, the size of a marker its energy (or model size): which settings are worth having?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from harness.core.metric import METRICS
from reports.data import CaseView, ReportData
from reports.figures.plots import axis, figure_json, log_axis
from reports.figures.scatter import front_line, markers, point, scatter_legend
from reports.numbers import counted
from reports.recommend import SLIDERS, front_cases, scored_cases, why_dominated
from reports.section import Absent, Figure, Section, Template

_TEMPLATE = Template.beside(__file__)


def render(data: ReportData) -> Markup | Absent:
    """The scatter, the front, the sliders and the best setting under them."""
    cases = scored_cases(data.cases)
    if not cases:
        return Absent(_why_none(data), "score a net on labelled images: edgebench run --model NET --data FOLDER")
    figure = _figure(data, cases, front_cases(cases))
    return _TEMPLATE.render(plot=figure, bounds=_bounds(data, [case for case in cases if case.trusted]))


def _why_none(data: ReportData) -> str:
    reasons = {case.record.missing("top1") or case.record.missing("latency_p50_ns") for case in data.cases}
    return f"no case has both a latency and an accuracy: {'; '.join(sorted(r for r in reasons if r)) or 'no case'}"


def _figure(data: ReportData, cases: Sequence[CaseView], best: Sequence[CaseView]) -> Figure:
    size = "energy_net_j" if any(case.record.value("energy_net_j") is not None for case in cases) else "artifact_bytes"
    unit = data.scales["latency_p50_ns"].unit
    return Figure(
        "tradeoff-plot",
        "Accuracy against latency",
        figure_json(
            [front_line(data, best), *markers(data, cases, size)],
            xaxis=log_axis(f"Latency p50 ({unit})", [point(data, case)[0] for case in cases], "lower"),
            yaxis=axis("Top-1 (%)", "higher"),
        ),
        f"{len(best)} of {len(cases)} scored cases are on the front: up and to the left is better.",
        f"The line joins what no other case beats in both. Larger marker: more {METRICS[size].title.lower()}. "
        f"Bars: 95 % intervals; a step smaller than they are may be noise. {_left_out(data, cases)}".strip(),
        ("Case", f"Latency p50 ({unit})", "Top-1 (%)", f"{METRICS[size].title} ({data.scales[size].unit})", "Front"),
        [
            [case.label, *(_text(data, case, name) for name in ("latency_p50_ns", "top1", size)),
             why_dominated(case, best)]
            for case in cases
        ],
        height=270,
        legend=scatter_legend(data, cases),
    )  # fmt: skip


def _text(data: ReportData, case: CaseView, name: str) -> str:
    return data.show(case.record, name).words()


def _left_out(data: ReportData, cases: Sequence[CaseView]) -> str:
    """How many cases are not in the plot, and why: they lack a figure, or theirs answer another question."""
    drawn = {case.key for case in cases}
    others = [case for case in data.cases if case.key not in drawn]
    bare = sum(None in (case.record.value("latency_p50_ns"), case.record.value("top1")) for case in others)
    other = len(others) - bare
    words = [f"{counted(bare, 'case')} without accuracy or latency left out"] if bare else []
    same = f"{cases[0].load} and {cases[0].record.case.dataset}"
    words += [f"{counted(other, 'case')} not in {same} left out"] if other else []
    return "".join(f"{sentence}. " for sentence in words)


def _bounds(data: ReportData, cases: Sequence[CaseView]) -> list[dict[str, Any]]:
    """The sliders: one a metric that at least two cases differ in; the loosest position bounds nothing."""
    found = []
    for name in SLIDERS:
        values = sorted({value for case in cases if (value := case.record.value(name)) is not None})
        if len(values) > 1:
            metric, scale = METRICS[name], data.scales[name]
            found.append({"name": name, "metric": metric, "unit": scale.unit, "factor": scale.factor,
                          "values": values, "most": metric.better == "lower"})  # fmt: skip
    return found


PLUGINS: tuple[Section, ...] = (Section("tradeoff", "Trade-off", 30, render),)
