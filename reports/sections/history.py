"""History: which cases changed level, when, and what else changed then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.data import CaseView, ReportData, Reset, Unit
from reports.figures.history import Events, event_lines, level_trace, median_trace, ratio_trace
from reports.figures.plots import COLOURS, GREY, axis, figure_json
from reports.numbers import FormattedValue, counted, format_change
from reports.section import Absent, Figure, LegendEntry, Section, Template
from reports.text import when
from reports.trend import (
    SHORTEST,
    CaseTrend,
    ChangePoint,
    EnvironmentChange,
    case_trends,
    environment_changes,
    resets_of,
)

_TEMPLATE = Template.beside(__file__)

_MOST_LINES = 30
_MOST_CHANGED = 6  # cases with a plot of their own
_MOST_NAMED = 6  # cases in the legend


@dataclass(frozen=True)
class ChangeRow:
    """One row in the table of change points."""

    case: CaseView
    when: str
    change: FormattedValue
    explanation: str
    commit: str


@dataclass(frozen=True)
class UnitHistory:
    """What the section shows of one piece of hardware.

    Attributes:
        figures: An overview, then a plot per case with unexplained changes.
        unexplained: Changes that nothing recorded explains.
        explained: Changes together with an environment change or a reset.
        environment_changes: All environment changes.
        resets: All declared resets.
        enough: There are enough runs to find change points.

    """

    figures: list[Figure]
    unexplained: list[ChangeRow]
    explained: list[ChangeRow]
    environment_changes: list[EnvironmentChange]
    resets: list[Reset]
    enough: bool


def render(data: ReportData) -> Markup | Absent:
    """Render one block per piece of hardware with at least two runs."""
    histories = [block for index, unit in enumerate(data.units) if (block := _history(data, unit, index))]
    if not histories:
        return Absent("a history needs two runs on one machine", "edgebench report RUN_1 RUN_2 ...")
    return _TEMPLATE.render(histories=histories, shortest=SHORTEST)


def _history(data: ReportData, unit: Unit, index: int) -> UnitHistory | None:
    runs = unit.runs
    trends = case_trends(runs, data.resets) if len(runs) > 1 else []
    if not trends:
        return None
    changes, resets = environment_changes(runs), resets_of(runs, data.resets)
    cases = {case.record.case_id: case for case in unit.cases}
    rows = [
        _change_row(cases[trend.case_id], point)
        for trend in trends
        for point in sorted(trend.change_points, key=lambda point: -abs(point.ratio - 1))
    ]
    steps = {point.at_utc for trend in trends for point in trend.change_points if not point.explanation}
    events: Events = [
        *((change.at_utc, change.what, "dash") for change in changes),
        *((reset.at_utc, reset.reason, "dot") for reset in resets),
        *((at_utc, "new level", "solid") for at_utc in sorted(steps)),
    ]
    changed = [trend for trend in trends if any(not point.explanation for point in trend.change_points)]
    figures = [
        _overview(f"history-{index}", unit, trends, cases, events),
        *(_case_figure(data, cases[trend.case_id], trend, events) for trend in changed[:_MOST_CHANGED]),
    ]
    return UnitHistory(
        figures,
        [row for row in rows if not row.explanation],
        [row for row in rows if row.explanation],
        changes,
        resets,
        len(runs) >= 2 * SHORTEST,
    )


def _change_row(case: CaseView, point: ChangePoint) -> ChangeRow:
    sign = "▲ " if point.ratio > 1 else "▼ "
    change = FormattedValue(sign + format_change(point.ratio)[0], sort=point.ratio)
    return ChangeRow(case, when(point.at_utc), change, point.explanation, point.commit)


def _overview(
    name: str, unit: Unit, trends: Sequence[CaseTrend], cases: Mapping[str, CaseView], events: Events
) -> Figure:
    drawn = trends[:_MOST_LINES]
    traces = [
        ratio_trace(trend, COLOURS[index % len(COLOURS)], cases[trend.case_id].key) for index, trend in enumerate(drawn)
    ]
    changed = sum(bool(trend.change_points) for trend in trends)
    hidden = len(trends) - len(drawn)
    return Figure(
        name,
        f"{counted(len(unit.runs), 'run')} on {unit.name}",
        figure_json(
            traces,
            xaxis=axis("Run", type="date"),
            yaxis=axis("Latency p50 / first level", "lower"),
            shapes=event_lines(events),
        ),
        f"{changed} of {counted(len(trends), 'case')} changed level; "
        f"{counted(sum(dash == 'dash' for *_, dash in events), 'environment change')}, "
        f"{counted(sum(dash == 'dot' for *_, dash in events), 'declared reset')}."
        + (f" {counted(hidden, 'steadier case')} in the table only." if hidden else ""),
        "For Offline, the time per sample. A step at a dashed line is more likely due to the machine or a library than "
        "to the model.",
        ("Case", "Runs", "Newest level / first", "Change points"),
        [
            [trend.case_id, len(trend.runs), f"{trend.ratio:.3f}",
             "; ".join(f"{when(point.at_utc)}: {format_change(point.ratio)[0]}" for point in trend.change_points)
             or "none"]
            for trend in trends
        ],
        height=300,
        legend=_legend(drawn, events),
    )  # fmt: skip


def _legend(drawn: Sequence[CaseTrend], events: Events) -> list[LegendEntry]:
    entries = [
        LegendEntry(trend.case_id, COLOURS[index], dash="solid") for index, trend in enumerate(drawn[:_MOST_NAMED])
    ]
    dashes = {dash for *_, dash in events}
    if "solid" in dashes:
        entries.append(LegendEntry("new level that nothing else explains", COLOURS[1], dash="solid"))
    if "dash" in dashes:
        entries.append(LegendEntry("environment changed", GREY, dash="dash"))
    if "dot" in dashes:
        entries.append(LegendEntry("declared reset", GREY, dash="dot"))
    if (others := len(drawn) - _MOST_NAMED) > 0:
        text = f"{counted(others, 'more case')}: point at a line to see its name"
        entries.append(LegendEntry(text, GREY, dash="solid"))
    return entries


def _case_figure(data: ReportData, case: CaseView, trend: CaseTrend, events: Events) -> Figure:
    """Return the plot of one case: its medians with their intervals, and its levels."""
    scale = data.scales["latency_p50_ns"]
    times = [run.header.started_utc for run, _ in trend.runs]
    changes = ", ".join(f"{format_change(point.ratio)[0]} on {when(point.at_utc)}" for point in trend.change_points)
    return Figure(
        f"history-{case.key}",
        case.label,
        figure_json(
            [median_trace(trend, times, scale.factor), level_trace(trend, times, scale.factor)],
            xaxis=axis("Run", type="date"),
            yaxis=axis(f"Latency p50 ({scale.unit})", "lower"),
            shapes=event_lines(events),
        ),
        f"{changes}.",
        "",
        ("Run", f"Latency p50 ({scale.unit})"),
        [
            [when(time), data.show(record, "latency_p50_ns").text]
            for time, (_, record) in zip(times, trend.runs, strict=True)
        ],
        height=220,
    )


PLUGINS: tuple[Section, ...] = (Section("history", "History", 110, render),)
