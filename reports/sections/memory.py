"""What the process needed beside the model file."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from reports.data import CaseView, ReportData
from reports.plots import axis, colour_of, figure_json, symbol_of
from reports.section import Absent, Figure, Section, body


def render(data: ReportData) -> Markup | Absent:
    """Peak memory against model size: the height above the file is what runtime and activations take."""
    cases = [c for c in data.cases if c.record.value("peak_rss_bytes") and c.record.value("artifact_bytes")]
    if not cases:
        reasons = {case.record.missing("peak_rss_bytes") or "" for case in data.cases}
        return Absent(f"no case has a peak memory: {'; '.join(sorted(reasons - {''})) or 'no case'}")
    return body("figures.html", figures=[_figure(data, cases)], lead="")


def _figure(data: ReportData, cases: Sequence[CaseView]) -> Figure:
    size, memory = data.scales["artifact_bytes"], data.scales["peak_rss_bytes"]
    colours = colour_of([case.record.case.runtime for case in data.cases])
    symbols = symbol_of([case.record.case.runtime for case in data.cases])
    traces = []
    for runtime in dict.fromkeys(case.record.case.runtime for case in cases):
        group = [case for case in cases if case.record.case.runtime == runtime]
        traces.append({
            "type": "scatter", "mode": "markers", "name": str(Markup("{}").format(runtime)),
            "x": [(case.record.value("artifact_bytes") or 0) * size.factor for case in group],
            "y": [(case.record.value("peak_rss_bytes") or 0) * memory.factor for case in group],
            "customdata": [case.key for case in group],
            "hovertext": [str(Markup("{}").format(case.label)) for case in group],
            "hovertemplate": "%{hovertext}<br>%{y:.4~g} " + memory.unit + "<extra></extra>",
            "marker": {"size": 10, "color": colours[runtime], "symbol": symbols[runtime]},
        })  # fmt: skip
    most = max(cases, key=lambda case: case.record.value("peak_rss_bytes") or 0)
    return Figure(
        "memory-plot",
        "Peak memory against model size",
        figure_json(
            traces,
            xaxis=axis(f"Model file ({size.unit})", "lower", rangemode="tozero"),
            yaxis=axis(f"Peak memory ({memory.unit})", "lower", rangemode="tozero"),
        ),
        f"The most memory, {data.show(most.record, 'peak_rss_bytes').text} {memory.unit}, was taken by {most.label}.",
        "Resident set of the whole process, its runtime library and Python included: compare cases, and do not read it "
        "as the net's own need.",
        ("Case", f"Model file ({size.unit})", f"Peak memory ({memory.unit})"),
        [[c.label, *(data.show(c.record, name).text for name in ("artifact_bytes", "peak_rss_bytes"))] for c in cases],
        height=320,
    )


SECTION = Section("memory", "Memory", 90, render)
