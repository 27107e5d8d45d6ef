"""What heat leaves of the speed: the scenario sustained, minute by minute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from reports.data import CaseView, ReportData
from reports.figures.plots import axis, colour_of, figure_json
from reports.section import Absent, Figure, LegendEntry, Section, figures_html

NAME = "sustained_p50_ns"


def render(data: ReportData) -> Markup | Absent:
    """One figure with a line a case, and every minute with its temperature and clock as its table."""
    cases = [case for case in data.cases if case.record.value(NAME) is not None and _minutes(case)]
    if not cases:
        return Absent("no case ran in the scenario sustained", "edgebench run --scenario sustained --minutes 30")
    return figures_html([_figure(data, cases)])


def _figure(data: ReportData, cases: Sequence[CaseView]) -> Figure:
    scale, colours = data.scales[NAME], colour_of([case.label for case in cases])
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
        figure_json(traces, xaxis=axis("minute", dtick=1), yaxis=axis(title, "lower", rangemode="tozero")),
        " ".join(_sentence(data, case) for case in cases),
        "A line that rises says that heat slows the device: the last minute is what a user gets, not the first.",
        ("Case", "Minute", title, "Temperature (°C)", "Clock (MHz)"),
        [_row(case, row, scale.factor) for case in cases for row in _minutes(case)],
        legend=[LegendEntry(case.label, colours[case.label], dash="solid") for case in cases],
    )


def _minutes(case: CaseView) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = case.record.details.get("minutes", [])
    return rows


def _sentence(data: ReportData, case: CaseView) -> str:
    ratio, unit = case.record.value("sustained_ratio"), data.scales[NAME].unit
    against = "" if ratio is None else f", {ratio:.2f} times the first minute"
    return f"{case.label}: {data.show(case.record, NAME).text} {unit} after {len(_minutes(case))} min{against}."


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
