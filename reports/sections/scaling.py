"""How latency falls with threads and throughput grows with the batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup

from reports.data import CaseView, ReportData
from reports.figures.plots import axis, colour_of, figure_json
from reports.section import Absent, Figure, LegendEntry, Section, figures_html


def render(data: ReportData) -> Markup | Absent:
    """A figure for threads and one for the batch, where a net was measured at more than one."""
    figures = [
        figure
        for figure in (
            _figure(data, "threads", lambda case: case.record.case.threads, "latency_p50_ns"),
            _figure(data, "batch", lambda case: case.record.case.batch, "throughput_per_s"),
        )
        if figure
    ]
    if not figures:
        return Absent("every net was measured with one number of threads and one batch size")
    return figures_html(figures)


def _figure(data: ReportData, what: str, x_of: Callable[[CaseView], int], name: str) -> Figure | None:
    lines: dict[str, list[CaseView]] = {}
    for case in data.cases:
        offline = case.record.case.scenario == "Offline"
        if case.trusted and case.record.value(name) is not None and not (offline and name == "latency_p50_ns"):
            lines.setdefault(_others(case, what), []).append(case)
    lines = {label: cases for label, cases in lines.items() if len({x_of(case) for case in cases}) > 1}
    if not lines:
        return None
    scale, colours = data.scales[name], colour_of(list(lines))
    title, better = ("Latency p50", "lower") if name == "latency_p50_ns" else ("Throughput", "higher")
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
        f"{title} by {what}",
        figure_json(
            traces, xaxis=axis(what, dtick=1), yaxis=axis(f"{title} ({scale.unit})", better, rangemode="tozero")
        ),
        _summary(lines, x_of, name, what),
        "Where a line flattens, more of it no longer helps: the cores wait for memory or for each other.",
        ("Case", what, f"{title} ({scale.unit})"),
        rows,
        legend=[LegendEntry(label, colours[label], dash="solid") for label in lines],
    )


def _others(case: CaseView, what: str) -> str:
    """The case without what varies."""
    one = case.record.case
    load = case.load if what == "threads" else case.load.replace(f" b{one.batch}", "")
    rest = [load] if what == "threads" else [f"t{one.threads}", load]
    return " · ".join((case.record.target, one.model, one.compression, one.runtime, *rest))


def _summary(lines: dict[str, list[CaseView]], x_of: Callable[[CaseView], int], name: str, what: str) -> str:
    best, gain = "", 0.0
    for label, cases in lines.items():
        ordered: Sequence[CaseView] = sorted(cases, key=x_of)
        ratio = (ordered[-1].record.value(name) or 1) / (ordered[0].record.value(name) or 1)
        ratio = 1 / ratio if name == "latency_p50_ns" else ratio
        best, gain = (label, ratio) if ratio > gain else (best, gain)
    return f"Most gained from more {what}: {best}, a factor of {gain:.2f}."


PLUGINS: tuple[Section, ...] = (Section("scaling", "Scaling", 70, render),)
