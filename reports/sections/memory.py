"""Memory of the process compared with the model file, by phase and over time."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from harness.core.metric import METRICS
from harness.core.record import Trace
from reports.data import CaseView, ReportData, Unit
from reports.figures.plots import axis, colour_of, downsample, figure_json, symbol_of
from reports.numbers import counted
from reports.section import Absent, Figure, LegendEntry, Section, figures_html

_PHASES = {"import": "After import", "load": "After load", "first": "After first inference", "steady": "Steady"}
_COLUMNS = ("artifact_bytes", "peak_rss_bytes", "arena_bytes", "parameters", "macs")
_KINDS = {"memory_rss": "resident (RSS)", "memory_uss": "private (USS)"}
_MOST_LINES = 8  # cases drawn over time; the others are in the table only
_MOST_POINTS = 120
_MEGABYTE = 1e6


def render(data: ReportData) -> Markup | Absent:
    """Render peak memory against model size, and memory over time if it was recorded."""
    cases = [c for c in data.cases if c.record.value("peak_rss_bytes") and c.record.value("artifact_bytes")]
    if not cases:
        reasons = {case.record.missing("peak_rss_bytes") or "" for case in data.cases}
        return Absent(f"no case has a value for peak memory: {'; '.join(sorted(reasons - {''})) or 'no case'}")
    traced = [case for case in data.cases if any(trace.channel in _KINDS for trace, *_ in _traces(case))]
    by_unit = [(unit, [case for case in cases if case.unit == unit.name]) for unit in data.units]
    figures = [_figure(data, unit, of_unit, index) for index, (unit, of_unit) in enumerate(by_unit) if of_unit]
    return figures_html([*figures, *([_over_time(traced)] if traced else [])])


def _figure(data: ReportData, unit: Unit, cases: Sequence[CaseView], index: int) -> Figure:
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
    largest = max(cases, key=lambda case: case.record.value("peak_rss_bytes") or 0)
    return Figure(
        f"memory-plot-{index}" if index else "memory-plot",
        "Peak memory against model size" + (f" on {unit.name}" if data.several_units else ""),
        figure_json(
            traces,
            xaxis=axis(f"Model file ({size.unit})", "lower", rangemode="tozero"),
            yaxis=axis(f"Peak memory ({memory.unit})", "lower", rangemode="tozero"),
        ),
        f"{largest.name} has the largest peak: {data.show(largest.record, 'peak_rss_bytes').text} {memory.unit}.",
        "Resident set size of the whole process, including Python and the runtime library. The increase from one phase "
        "to the next is due to the model. The phases (MB, median over processes) are in the data below.",
        ("Case", *(_heading(data, name) for name in _COLUMNS), *_PHASES.values()),
        [_row(data, case) for case in cases],
        height=300,
        legend=[LegendEntry(name, colours[name], symbols[name]) for name in {c.record.case.runtime: 0 for c in cases}],
    )


def _heading(data: ReportData, name: str) -> str:
    unit = data.scales[name].unit
    return f"{METRICS[name].title} ({unit})" if unit else METRICS[name].title


def _row(data: ReportData, case: CaseView) -> Sequence[object]:
    cells = [data.show(case.record, name).text for name in _COLUMNS]
    return [case.label, *cells, *(_phase(case, name) for name in _PHASES)]


def _phase(case: CaseView, name: str) -> str:
    """Return the peak resident set size until the end of a phase, in MB, as the median over processes."""
    peaks = [p.peak_rss_after_bytes[name] for p in case.record.processes if name in p.peak_rss_after_bytes]
    return f"{statistics.median(peaks) / _MEGABYTE:.1f}" if peaks else "not recorded"


def _traces(case: CaseView) -> list[tuple[Trace, np.ndarray, np.ndarray]]:
    """Return (trace, seconds since its first reading, MB) of every memory trace that can be read."""
    readable = []
    for trace in case.record.traces:
        arrays = case.blobs.read(trace.blob.sha256) if trace.unit == "B" else {}
        if {"t_ns", "value"} <= set(arrays) and arrays["value"].size:
            times = (arrays["t_ns"] - arrays["t_ns"][0]) / 1e9
            readable.append((trace, times, arrays["value"] / _MEGABYTE))
    return readable


def _over_time(cases: Sequence[CaseView]) -> Figure:
    ordered = sorted(cases, key=lambda case: -_peak(case))
    colours = colour_of([case.key for case in ordered])
    lines = [line for case in ordered[:_MOST_LINES] for line in _lines(case, colours[case.key])]
    hidden = len(ordered) - _MOST_LINES
    return Figure(
        "memory-time",
        "Memory over time",
        figure_json(lines, xaxis=axis("Time since the first reading (s)"), yaxis=axis("Memory (MB)", "lower")),
        f"{ordered[0].label} has the highest reading: {_peak(ordered[0]):.1f} MB."
        + (f" {counted(hidden, 'smaller case')} in the table only." if hidden > 0 else ""),
        "Read by another process in a separate pass. Solid: resident set size, including pages shared with other "
        "processes. Dotted: unshared pages only. The steps are import, load and the first inference.",
        ("Case", "Memory", "Readings", "Maximum (MB)", "Last (MB)"),
        [
            [
                case.label,
                _KINDS.get(trace.channel, trace.channel),
                values.size,
                f"{values.max():.1f}",
                f"{values[-1]:.1f}",
            ]
            for case in ordered
            for trace, _, values in _traces(case)
        ],
        height=320,
        legend=[LegendEntry(case.label, colours[case.key], dash="solid") for case in ordered[:_MOST_LINES]],
    )


def _peak(case: CaseView) -> float:
    return max(float(values.max()) for trace, _, values in _traces(case) if trace.channel in _KINDS)


def _lines(case: CaseView, colour: str) -> list[dict[str, Any]]:
    lines = []
    for trace, times, values in _traces(case):
        if trace.channel not in _KINDS:
            continue  # memory of the machine is of another magnitude: in the table only
        indices, peaks = downsample(values, _MOST_POINTS)
        lines.append({
            "type": "scatter", "mode": "lines", "name": str(Markup("{}").format(case.label)), "meta": case.key,
            "x": times[indices].astype(np.float32), "y": peaks,
            "line": {"color": colour, "width": 1.6, "dash": "solid" if trace.channel == "memory_rss" else "dot"},
        })  # fmt: skip
    return lines


PLUGINS: tuple[Section, ...] = (Section("memory", "Memory", 90, render),)
