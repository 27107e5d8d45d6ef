"""Trade-off: accuracy against latency, with energy or model size as the size of the markers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from harness.core.metric import METRICS
from reports.data import CaseView, ReportData, Unit
from reports.figures.plots import axis, figure_json, log_axis
from reports.figures.scatter import front_line, markers, point, scatter_legend
from reports.labels import metric_of
from reports.numbers import counted
from reports.recommend import front_cases, group_name, is_scored, scored_groups, sliders, why_dominated
from reports.section import Absent, Figure, Section, Template

_TEMPLATE = Template.beside(__file__)


def render(data: ReportData) -> Markup | Absent:
    """Render a plot with its front for each piece of hardware and each task, and sliders that find the best setting."""
    scored = [
        (unit, cases, group_name(unit.name, cases, place == 0))
        for unit in data.units
        for place, cases in enumerate(scored_groups(unit.cases))
    ]
    if not scored:
        return Absent(_why_none(data), "score a net on labelled images: edgebench run --model NET --data FOLDER")
    figures = [_figure(data, *one, index) for index, one in enumerate(scored)]
    return _TEMPLATE.render(plots=figures, bounds=_sliders(data, [case for _, cases, _ in scored for case in cases]))


def _why_none(data: ReportData) -> str:
    reasons = {
        case.record.missing(case.record.quality_name) or case.record.missing("latency_p50_ns") for case in data.cases
    }
    known = sorted(reason for reason in reasons if reason)
    return f"no case has both a latency and an accuracy: {'; '.join(known) or 'there are no cases'}"


def _figure(data: ReportData, unit: Unit, cases: Sequence[CaseView], group: str, index: int) -> Figure:
    front = front_cases(cases)
    size = "energy_net_j" if any(case.record.value("energy_net_j") is not None for case in cases) else "artifact_bytes"
    ms = data.scales["latency_p50_ns"].unit
    first = cases[0].record
    quality = f"{first.quality_kind.title} ({data.scales[first.quality_name].unit})".removesuffix(" ()")
    return Figure(
        f"tradeoff-plot-{index}" if index else "tradeoff-plot",
        ("Accuracy" if group == unit.name else first.quality_kind.title)
        + " against latency"
        + (f" on {unit.name}" if data.several_units else ""),
        figure_json(
            [front_line(data, front, cases, group), *markers(data, cases, size)],
            xaxis=log_axis(f"Latency p50 ({ms})", [point(data, case)[0] for case in cases], "lower"),
            yaxis=axis(quality, first.quality_kind.better),
        ),
        f"{len(front)} of {len(cases)} scored cases are on the Pareto front. "
        f"{'Up' if first.quality_kind.better == 'higher' else 'Down'} and to the left is better.",
        "No other case is both faster and more accurate than one on the line. "
        f"Larger marker: more {METRICS[size].title.lower()}. Bars: 95 % intervals; smaller steps may be noise. "
        f"{_left_out(unit, cases)}".strip(),
        ("Case", f"Latency p50 ({ms})", quality, f"{METRICS[size].title} ({data.scales[size].unit})", "Front"),
        [
            [case.name, *(_text(data, case, name) for name in ("latency_p50_ns", first.quality_name, size)),
             why_dominated(case, front)]
            for case in cases
        ],
        height=285,
        legend=scatter_legend(data, cases),
    )  # fmt: skip


def _text(data: ReportData, case: CaseView, name: str) -> str:
    return data.show(case.record, name).words()


def _left_out(unit: Unit, cases: Sequence[CaseView]) -> str:
    """Return how many cases are not in the plot because they lack a value or ran another load or data set."""
    drawn = {case.key for case in cases}
    others = [case for case in unit.cases if case.key not in drawn]
    incomplete = sum(case.record.value("latency_p50_ns") is None or not is_scored(case.record) for case in others)
    incomparable = len(others) - incomplete
    sentences = [f"{counted(incomplete, 'case')} without accuracy or latency left out"] if incomplete else []
    if incomparable:
        first = cases[0].record
        shared = f"{cases[0].load} and {first.case.dataset}"
        if any(is_scored(case.record) and case.record.quality_kind != first.quality_kind for case in others):
            shared += f", or another task than that of {first.quality_kind.label},"
        sentences.append(f"{counted(incomparable, 'case')} with a load or data set other than {shared} left out")
    return "".join(f"{sentence}. " for sentence in sentences)


def _sliders(data: ReportData, cases: Sequence[CaseView]) -> list[dict[str, Any]]:
    """Return one slider per metric with at least two values; its loosest position does not bound anything."""
    found = []
    for name in sliders([case.record for case in cases]):
        own = [case.record for case in cases if name != "quality" or case.record.quality_name == name]
        values = sorted({value for record in own if (value := record.trusted_value(name)) is not None})
        if len(values) > 1:
            metric, scale = metric_of(name, own), data.scales[name]
            found.append({"name": name, "metric": metric, "unit": scale.unit, "factor": scale.factor,
                          "values": values, "most": metric.better == "lower"})  # fmt: skip
    return found


PLUGINS: tuple[Section, ...] = (Section("tradeoff", "Trade-off", 30, render),)
