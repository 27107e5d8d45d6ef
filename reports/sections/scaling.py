"""Scaling: latency by number of threads, and throughput by batch size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup

from reports.data import CaseView, ReportData
from reports.figures.plots import axis, colour_of, figure_json
from reports.section import Absent, Figure, LegendEntry, Section, figures_html


def render(data: ReportData) -> Markup | Absent:
    """Render a figure for threads and one for batch sizes, for models measured with several."""
    figures = [
        figure
        for figure in (
            _figure(data, "threads", lambda case: case.record.case.threads, "latency_p50_ns"),
            _figure(data, "batch", lambda case: case.record.case.batch, "throughput_per_s"),
        )
        if figure
    ]
    if not figures:
        return Absent("every model was measured with one number of threads and one batch size")
    return figures_html(figures)


def _figure(data: ReportData, what: str, x_of: Callable[[CaseView], int], name: str) -> Figure | None:
    lines: dict[str, list[CaseView]] = {}
    for case in data.cases:
        offline = case.record.case.scenario == "Offline"
        if case.record.trusted_value(name) is not None and not (offline and name == "latency_p50_ns"):
            lines.setdefault(_label(case, what), []).append(case)
    lines = {label: cases for label, cases in lines.items() if len({x_of(case) for case in cases}) > 1}
    if not lines:
        return None
    scale, colours = data.scales[name], colour_of(list(lines))
    title, better = ("Latency p50", "lower") if name == "latency_p50_ns" else ("Throughput", "higher")
    noun = "threads" if what == "threads" else "batch size"
    traces = []
    for label, cases in lines.items():
        cases.sort(key=x_of)
        traces.append({
            "type": "scatter", "mode": "lines+markers", "name": str(Markup("{}").format(label)),
            "x": [x_of(case) for case in cases], "y": [(case.record.value(name) or 0) * scale.factor for case in cases],
            "customdata": [case.key for case in cases], "line": {"color": colours[label], "width": 2},
        })  # fmt: skip
    rows = [[c.label, x_of(c), data.show(c.record, name).text] for cases in lines.values() for c in cases]
    return Figure(
        f"scaling-{what}",
        f"{title} by {noun}",
        figure_json(
            traces,
            xaxis=axis(noun.capitalize(), dtick=1),
            yaxis=axis(f"{title} ({scale.unit})", better, rangemode="tozero"),
        ),
        _summary(lines, x_of, name, noun),
        "Where a line flattens, more of it no longer helps: the cores wait for memory or for each other.",
        ("Case", noun.capitalize(), f"{title} ({scale.unit})"),
        rows,
        legend=[LegendEntry(label, colours[label], dash="solid") for label in lines],
    )


def _label(case: CaseView, what: str) -> str:
    """Return the case without the property that varies."""
    identity = case.record.case
    load = case.load if what == "threads" else case.load.replace(f" b{identity.batch}", "")
    rest = [load] if what == "threads" else [f"t{identity.threads}", load]
    return " · ".join((case.unit, identity.model, identity.compression, identity.runtime, *rest))


def _summary(lines: dict[str, list[CaseView]], x_of: Callable[[CaseView], int], name: str, noun: str) -> str:
    best, gain = "", 0.0
    for label, cases in lines.items():
        ordered: Sequence[CaseView] = sorted(cases, key=x_of)
        ratio = (ordered[-1].record.value(name) or 1) / (ordered[0].record.value(name) or 1)
        ratio = 1 / ratio if name == "latency_p50_ns" else ratio
        best, gain = (label, ratio) if ratio > gain else (best, gain)
    more = "more threads" if noun == "threads" else "a larger batch"
    return f"{best} gains most from {more}: a factor of {gain:.2f}."


PLUGINS: tuple[Section, ...] = (Section("scaling", "Scaling", 70, render),)
