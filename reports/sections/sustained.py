"""Sustained load: latency, temperature and clock minute by minute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from reports.data import CaseView, ReportData
from reports.figures.plots import axis, colour_of, figure_json
from reports.section import Absent, Figure, LegendEntry, Section, figures_html

_METRIC = "sustained_p50_ns"


def render(data: ReportData) -> Markup | Absent:
    """Render one figure with a line per case, and a table with temperature and clock of every minute."""
    cases = [case for case in data.cases if case.record.value(_METRIC) is not None and _minutes(case)]
    if not cases:
        return Absent("no case ran the scenario sustained", "edgebench run --scenario sustained --minutes 30")
    return figures_html([_figure(data, cases)])


def _figure(data: ReportData, cases: Sequence[CaseView]) -> Figure:
    scale, colours = data.scales[_METRIC], colour_of([case.label for case in cases])
    traces = [
        {
            "type": "scatter", "mode": "lines+markers", "name": str(Markup("{}").format(case.label)),
            "x": [row["minute"] for row in _minutes(case)],
            "y": [row["p50_ns"] * scale.factor for row in _minutes(case)],
            "customdata": [case.key] * len(_minutes(case)), "line": {"color": colours[case.label], "width": 2},
        }
        for case in cases
    ]  # fmt: skip
    title = f"Latency p50 ({scale.unit})"
    return Figure(
        "sustained",
        "Latency by minute under load",
        figure_json(traces, xaxis=axis("Minute", dtick=1), yaxis=axis(title, "lower", rangemode="tozero")),
        " ".join(_sentence(data, case) for case in cases),
        "A rising line means that heat slows the device down: users get the speed of the last minute, not the first.",
        ("Case", "Minute", title, "Temperature (°C)", "Clock (MHz)"),
        [_row(case, row, scale.factor) for case in cases for row in _minutes(case)],
        legend=[LegendEntry(case.label, colours[case.label], dash="solid") for case in cases],
    )


def _minutes(case: CaseView) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = case.record.details.get("minutes", [])
    return rows


def _sentence(data: ReportData, case: CaseView) -> str:
    ratio, unit = case.record.value("sustained_ratio"), data.scales[_METRIC].unit
    relative = "" if ratio is None else f", {ratio:.2f} times the first minute"
    return f"{case.label}: {data.show(case.record, _METRIC).text} {unit} after {len(_minutes(case))} min{relative}."


def _row(case: CaseView, row: Mapping[str, Any], factor: float) -> Sequence[object]:
    temperature, clock = row["temperature_c"], row["clock_hz"]
    return (
        case.label,
        row["minute"],
        f"{row['p50_ns'] * factor:.4g}",
        row["temperature_c_missing"] if temperature is None else f"{temperature:.1f}",
        row["clock_hz_missing"] if clock is None else f"{clock / 1e6:.0f}",
    )


PLUGINS: tuple[Section, ...] = (Section("sustained", "Sustained", 75, render),)
