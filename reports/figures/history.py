"""The traces of a history: medians, levels and events over runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from harness.core.quantity import Value
from harness.core.record import Record
from reports.trend import CaseTrend, time_ns

from .plots import COLOURS, GREY

Events = Sequence[tuple[str, str, str]]
"""(UTC, description, dash) of every vertical line."""


def ratio_trace(trend: CaseTrend, colour: str, key: str) -> dict[str, Any]:
    """Return the medians of the case with this HTML id as ratios to its first level."""
    first = trend.levels[0].ns
    return {
        "type": "scatter", "mode": "lines+markers", "name": str(Markup("{}").format(trend.case_id)),
        "meta": key, "x": [run.header.started_utc for run, _ in trend.runs],
        "y": [time_ns(record) / first for _, record in trend.runs],
        "line": {"color": colour, "width": 1.4}, "marker": {"size": 4},
        "hovertemplate": "%{y:.3f}<extra>%{fullData.name}</extra>",
    }  # fmt: skip


def median_trace(trend: CaseTrend, times: Sequence[str], factor: float) -> dict[str, Any]:
    """Return the medians of a case with their intervals, in nanoseconds times `factor`."""
    values = [time_ns(record) for _, record in trend.runs]
    ends = [_interval(record) for _, record in trend.runs]
    return {
        "type": "scatter", "mode": "markers", "name": "median", "x": times, "y": [value * factor for value in values],
        "marker": {"size": 7, "color": COLOURS[0]},
        "error_y": {
            "type": "data", "symmetric": False, "thickness": 1, "width": 0, "color": "rgba(43,124,211,0.5)",
            "array": [max(hi - value, 0.0) * factor for value, (_, hi) in zip(values, ends, strict=True)],
            "arrayminus": [max(value - lo, 0.0) * factor for value, (lo, _) in zip(values, ends, strict=True)],
        },
    }  # fmt: skip


def _interval(record: Record) -> tuple[float, float]:
    """Return the interval of the median in ns; in Offline, and without an interval, it has no width."""
    quantity, value = record.quantity("latency_p50_ns"), time_ns(record)
    if record.case.scenario == "Offline" or not isinstance(quantity, Value):
        return value, value
    return quantity.lo or value, quantity.hi or value


def level_trace(trend: CaseTrend, times: Sequence[str], factor: float) -> dict[str, Any]:
    """Return the levels as horizontal bars from their first run to their last."""
    x: list[str | None] = []
    y: list[float | None] = []
    for level in trend.levels:
        x += [times[level.start], times[level.stop - 1], None]
        y += [level.ns * factor, level.ns * factor, None]
    style = {"color": COLOURS[1], "width": 3}
    return {"type": "scatter", "mode": "lines", "name": "level", "x": x, "y": y, "line": style}


def event_lines(events: Events) -> list[dict[str, Any]]:
    """Return a vertical line per event; a solid one is orange: a new level."""
    return [
        {"type": "line", "x0": at_utc, "x1": at_utc, "yref": "paper", "y0": 0, "y1": 1,
         "line": {"dash": dash, "width": 1.2, "color": COLOURS[1] if dash == "solid" else GREY}}
        for at_utc, _, dash in events
    ]  # fmt: skip
