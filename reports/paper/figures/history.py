"""The latency of every case over many runs of one machine, with what else changed between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from harness.core.metric import METRICS
from harness.core.quantity import microseconds
from reports.data import ReportData, Run
from reports.numbers import counted
from reports.section import Absent
from reports.trend import CaseTrend, case_trends, environment_changes, resets_of, time_ns

from .notes import name_of
from .style import COLOURS, GREY, MARKERS, PALE, Drawn, drawable, legend_above, new_figure

_LATENCY = "latency_p50_ns"
_MOST_NAMED = 7
_HEIGHT_MM, _LEGEND_LINE_MM, _NAME_MM = 55.0, 3.6, 75.0
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def draw(data: ReportData, width_mm: float) -> list[Drawn] | Absent:
    """Draw a figure per piece of hardware with at least two runs in which a case can be trusted."""
    drawn = []
    for unit in data.units:
        trends = case_trends(unit.runs, data.resets) if len(unit.runs) > 1 else []
        if trends:
            figure = _figure(data, unit.runs, trends, width_mm)
            drawn.append(Drawn(name_of("history", data, unit), figure, _notes(unit.runs, trends)))
    return drawn or Absent("a history needs two runs on one machine in which a case can be trusted")


def _figure(data: ReportData, runs: Sequence[Run], trends: Sequence[CaseTrend], width_mm: float) -> Any:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    named, others = trends[:_MOST_NAMED], trends[_MOST_NAMED:]
    per_line = max(1, int(width_mm // _NAME_MM))
    figure = new_figure(width_mm, _HEIGHT_MM + _LEGEND_LINE_MM * (len(named) + 3) / per_line)
    axes = figure.add_subplot()
    handles = [_line(axes, trend, color=COLOURS[index], marker=MARKERS[index], label=drawable(trend.case_id))
               for index, trend in enumerate(named)]  # fmt: skip
    unnamed = [_line(axes, trend, color=PALE, linewidth=0.6, zorder=1, label=f"{counted(len(others), 'steadier case')}")
               for trend in others]  # fmt: skip
    handles += unnamed[:1] + _events(axes, data, runs)
    locator = AutoDateLocator(minticks=3, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=timezone.utc))
    axes.set_xlabel("Start of the run (UTC)")
    axes.set_ylabel(f"{METRICS[_LATENCY].title} / first level")
    axes.margins(y=0.1)
    legend_above(figure, handles)
    return figure


def _line(axes: Any, trend: CaseTrend, **style: Any) -> Any:
    """Draw the medians of a case as ratios to its first level; return the line."""
    first_ns = trend.levels[0].ns
    times = [_time(run.header.started_utc) for run, _ in trend.runs]
    ratios = [time_ns(record) / first_ns for _, record in trend.runs]
    return axes.plot(times, ratios, markersize=3, **style)[0]


def _events(axes: Any, data: ReportData, runs: Sequence[Run]) -> list[Any]:
    """Draw a vertical line per change of the environment and per reset; return one line of each kind."""
    changes = [change.at_utc for change in environment_changes(runs)]
    resets = [reset.at_utc for reset in resets_of(runs, data.resets)]
    handles = []
    for label, times, dash in (("environment changed", changes, "--"), ("declared reset", resets, ":")):
        lines = [axes.axvline(_time(at), color=GREY, linewidth=0.8, linestyle=dash, label=label) for at in times]
        handles += lines[:1]
    return handles


def _time(utc: str) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds(utc))


def _notes(runs: Sequence[Run], trends: Sequence[CaseTrend]) -> list[str]:
    records = [record for run in runs for record in run.contents.records]
    untrusted = Counter(record.verdict.status for record in records if not record.trusts(_LATENCY))
    named = ", ".join(f"{count} {status}" for status, count in untrusted.most_common())
    notes = [f"{counted(sum(untrusted.values()), 'measurement')} left out that cannot be trusted: {named}"]
    drawn = {trend.case_id for trend in trends}
    single = {record.case_id for record in records if record.trusts(_LATENCY)} - drawn
    once = f"{counted(len(single), 'case')} left out that can be trusted in one run alone"
    environment = [
        f"environment changed on {change.at_utc[:10]}: {change.what}" for change in environment_changes(runs)
    ]
    return [*(notes if untrusted else []), *([once] if single else []), *environment]
