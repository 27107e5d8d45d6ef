"""Sensor readings over time: power, temperature and clock frequency, one figure per unit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from harness.core.record import Trace
from reports.data import ReportData
from reports.figures.plots import axis, colour_of, downsample, figure_json
from reports.numbers import counted
from reports.section import Absent, Figure, LegendEntry, Section, Template

_TEMPLATE = Template.beside(__file__)

_TITLES = {"W": "Power", "degC": "Temperature", "Hz": "Clock frequency", "J": "Energy counter", "V": "Voltage",
           "A": "Current", "1": "Flags and shares"}  # fmt: skip
_DISPLAY = {"degC": ("°C", 1.0), "Hz": ("MHz", 1e-6), "1": ("", 1.0)}
_MOST_POINTS = 600
_MOST_LINES = 40

Series = list[tuple[str, Trace, np.ndarray, np.ndarray]]


def render(data: ReportData) -> Markup | Absent:
    """Render the readings of the newest run in run order, and why sensors without readings have none."""
    cases = [case for case in data.cases if case.run is data.newest]
    by_unit: dict[str, Series] = {}
    for case in cases:
        for trace in case.record.traces:
            if trace.unit == "B":
                continue  # memory has its own section
            arrays = case.blobs.read(trace.blob.sha256)
            if {"t_ns", "value"} <= set(arrays) and arrays["value"].size:
                by_unit.setdefault(trace.unit, []).append((case.key, trace, arrays["t_ns"], arrays["value"]))
    figures = [_figure(unit, series) for unit, series in by_unit.items()]
    sensors = data.newest.header.sensors
    if not figures:
        names = ", ".join(sensors) or "none was probed"
        return Absent(f"no sensor of this machine has readings ({names}); see Provenance for the reasons")
    return _TEMPLATE.render(figures=figures, sensors=sensors, has_power="W" in by_unit or "J" in by_unit)


def _figure(unit: str, series: Series) -> Figure:
    shown_unit, factor = _DISPLAY.get(unit, (unit, 1.0))
    start = min(float(times.min()) for _, _, times, _ in series)
    joined: dict[tuple[str, str], list[tuple[np.ndarray, np.ndarray]]] = {}
    for _, trace, times, values in series:
        joined.setdefault((trace.channel, trace.scope), []).append(((times - start) / 1e9, values * factor))
    colours = colour_of([channel for channel, _ in joined])
    traces, rows = [], []
    for (channel, scope), parts in list(joined.items())[:_MOST_LINES]:
        parts.sort(key=lambda part: float(part[0][0]))
        times, values = (np.concatenate([part[which] for part in parts]) for which in (0, 1))
        indices, kept_values = downsample(values, _MOST_POINTS)
        name = str(Markup("{}").format(channel))
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": times[indices].astype(np.float32),
                "y": kept_values,
                "line": {"width": 1.6, "color": colours[channel]},
            }
        )
        rows.append(
            [channel, scope, values.size, *(f"{number:.4g}" for number in (values.min(), values.mean(), values.max()))]
        )
    title = _TITLES.get(unit, unit)
    suffix = f" ({shown_unit})" if shown_unit else ""
    return Figure(
        f"readings-{title.lower().replace(' ', '-')}",
        title,
        figure_json(traces, xaxis=axis("Time since the first reading (s)"), yaxis=axis(title + suffix)),
        _summary(title, shown_unit, rows),
        "A clock that falls while the temperature rises means throttling: later cases ran on a slower machine.",
        ("Channel", "Scope", "Readings", f"Minimum{suffix}", "Mean", "Maximum"),
        rows,
        height=260,
        legend=[LegendEntry(channel, colours[channel], dash="solid") for channel, _ in list(joined)[:_MOST_LINES]],
    )


def _summary(title: str, unit: str, rows: Sequence[Sequence[object]]) -> str:
    return f"{title} of {rows[0][0]}: {rows[0][3]} to {rows[0][5]} {unit}".rstrip() + (
        f", and {counted(len(rows) - 1, 'more channel')}." if len(rows) > 1 else "."
    )


PLUGINS: tuple[Section, ...] = (Section("power", "Power, temperature and clock", 80, render),)
