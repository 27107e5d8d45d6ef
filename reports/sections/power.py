"""Sensor readings over time: power, temperature and clock frequency, one figure per machine and unit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from harness.core.record import Trace
from reports.data import ReportData, Unit
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
    """Render the readings of each machine's newest run in run order, and why sensors without readings have none."""
    figures, without_power, silent = [], [], []
    for index, machine in enumerate(data.units):
        readings = _readings(machine)
        place, suffix = (f" on {machine.name}", f"-{index}" if index else "") if data.several_units else ("", "")
        figures += [_figure(quantity, series, place, suffix) for quantity, series in readings.items()]
        sensors = machine.newest.header.sensors
        silent += [] if readings else [f"{', '.join(sensors) or 'none was probed'}{place}"]
        without_power += [] if {"W", "J"} & set(readings) else [(place, sensors)]
    if not figures:
        return Absent(f"no sensor of this machine has readings ({'; '.join(silent)}); see Provenance for the reasons")
    return _TEMPLATE.render(figures=figures, without_power=without_power)


def _readings(machine: Unit) -> dict[str, Series]:
    """Return the readings of the newest run of a machine by their unit."""
    by_unit: dict[str, Series] = {}
    for case in machine.cases:
        if case.run is not machine.newest:
            continue
        for trace in case.record.traces:
            if trace.unit == "B":
                continue  # memory has its own section
            arrays = case.blobs.read(trace.blob.sha256)
            if {"t_ns", "value"} <= set(arrays) and arrays["value"].size:
                by_unit.setdefault(trace.unit, []).append((case.key, trace, arrays["t_ns"], arrays["value"]))
    return by_unit


def _figure(unit: str, series: Series, place: str, suffix: str) -> Figure:
    """Return the figure of a quantity, with the place for its title and the end of its HTML id."""
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
    in_unit = f" ({shown_unit})" if shown_unit else ""
    return Figure(
        f"readings-{title.lower().replace(' ', '-')}{suffix}",
        title + place,
        figure_json(traces, xaxis=axis("Time since the first reading (s)"), yaxis=axis(title + in_unit)),
        _summary(title, shown_unit, rows),
        "A clock that falls while the temperature rises means throttling: later cases ran on a slower machine.",
        ("Channel", "Scope", "Readings", f"Minimum{in_unit}", "Mean", "Maximum"),
        rows,
        height=260,
        legend=[LegendEntry(channel, colours[channel], dash="solid") for channel, _ in list(joined)[:_MOST_LINES]],
    )


def _summary(title: str, unit: str, rows: Sequence[Sequence[object]]) -> str:
    return f"{title} of {rows[0][0]}: {rows[0][3]} to {rows[0][5]} {unit}".rstrip() + (
        f", and {counted(len(rows) - 1, 'more channel')}." if len(rows) > 1 else "."
    )


PLUGINS: tuple[Section, ...] = (Section("power", "Power, temperature and clock", 80, render),)
