"""Nights over time: what changed its level and when, and what else changed in that night."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.data import CaseView, ReportData, Reset, Run
from reports.figures.history import Events, level_trace, marks_at, night_trace, ratio_trace
from reports.figures.plots import COLOURS, GREY, axis, figure_json
from reports.numbers import FormattedValue, counted, format_change
from reports.section import Absent, Figure, LegendEntry, Section, Template
from reports.text import when
from reports.trend import SHORTEST, CaseTrend, EnvironmentChange, case_trends, environment_changes, resets_of, runs_of

_TEMPLATE = Template.beside(__file__)

_MOST_LINES = 30
_MOST_CHANGED = 6  # cases with a plot of their own
_NAMED = 6


@dataclass(frozen=True)
class ChangeRow:
    """One row of the table of change points."""

    case: CaseView
    when: str
    change: FormattedValue
    why: str


@dataclass(frozen=True)
class TargetHistory:
    """What the section shows of one target: changes that nothing recorded explains come first."""

    figures: list[Figure]
    unexplained: list[ChangeRow]
    explained: list[ChangeRow]
    breaks: list[EnvironmentChange]
    resets: list[Reset]
    enough: bool


def render(data: ReportData) -> Markup | Absent:
    """One block a target that has at least two runs."""
    targets = dict.fromkeys(run.header.target for run in data.runs)
    trends = [made for index, target in enumerate(targets) if (made := _trend(data, target, index))]
    if not trends:
        return Absent("a history needs two runs of one target", "edgebench report RUN_1 RUN_2 ...")
    return _TEMPLATE.render(trends=trends, data=data, shortest=SHORTEST)


def _trend(data: ReportData, target: str, index: int) -> TargetHistory | None:
    runs = runs_of(data, target)
    found = case_trends(runs, data.resets) if len(runs) > 1 else []
    if not found:
        return None
    events = environment_changes(runs), resets_of(runs, data.resets)
    cases = {case.record.case_id: case for case in data.cases if case.record.target == target}
    changes = [
        _change(cases[line.case_id], step.at_utc, step.ratio, step.why)
        for line in found
        for step in sorted(line.steps, key=lambda step: -abs(step.ratio - 1))
    ]
    marks: Events = [(one.at_utc, one.what, "dash") for one in events[0]]
    marks = [*marks, *((one.at_utc, one.reason, "dot") for one in events[1])]
    figures = [_overview(f"history-{index}", target, runs, found, marks)]
    changed = [line for line in found if any(not step.why for step in line.steps)][:_MOST_CHANGED]
    figures += [_own(data, cases[line.case_id], line, marks) for line in changed]
    unexplained, explained = [one for one in changes if not one.why], [one for one in changes if one.why]
    return TargetHistory(figures, unexplained, explained, *events, len(runs) >= 2 * SHORTEST)


def _change(case: CaseView, at_utc: str, ratio: float, why: str) -> ChangeRow:
    sign = "▲ " if ratio > 1 else "▼ "
    return ChangeRow(case, when(at_utc), FormattedValue(sign + format_change(ratio)[0], sort=ratio), why)


def _overview(name: str, target: str, runs: Sequence[Run], found: Sequence[CaseTrend], marks: Events) -> Figure:
    drawn = found[:_MOST_LINES]
    traces = [ratio_trace(line, COLOURS[index % len(COLOURS)]) for index, line in enumerate(drawn)]
    moved = sum(bool(line.steps) for line in found)
    hidden = f" The {len(found) - _MOST_LINES} steadiest are in the table only." if len(found) > _MOST_LINES else ""
    return Figure(
        name,
        f"{counted(len(runs), 'run')} on {target}",
        figure_json(
            traces,
            xaxis=axis("Run", type="date"),
            yaxis=axis("Latency p50 / first level", "lower"),
            shapes=marks_at(marks),
        ),
        f"{moved} of {counted(len(found), 'case')} changed level; "
        f"{counted(sum(dash == 'dash' for *_, dash in marks), 'break')} in the environment, "
        f"{counted(sum(dash == 'dot' for *_, dash in marks), 'declared reset')}.{hidden}",
        "In Offline it is the time a sample takes. A step at a dashed line is the machine's or a library's doing "
        "rather than the net's.",
        ("Case", "Runs", "Newest level / first", "Change points"),
        [
            [line.case_id, len(line.nights), f"{line.change:.3f}",
             "; ".join(f"{when(step.at_utc)}: {format_change(step.ratio)[0]}" for step in line.steps) or "none"]
            for line in found
        ],
        height=300,
        legend=_keys(drawn, marks),
    )  # fmt: skip


def _keys(drawn: Sequence[CaseTrend], marks: Events) -> list[LegendEntry]:
    named = [LegendEntry(line.case_id, COLOURS[index], dash="solid") for index, line in enumerate(drawn[:_NAMED])]
    kinds = {dash for *_, dash in marks}
    named += [LegendEntry("environment changed", GREY, dash="dash")] if "dash" in kinds else []
    named += [LegendEntry("declared reset", GREY, dash="dot")] if "dot" in kinds else []
    rest = len(drawn) - _NAMED
    others = [LegendEntry(f"and {counted(rest, 'more case')}: point at a line", GREY, dash="solid")] if rest > 0 else []
    return [*named, *others]


def _own(data: ReportData, case: CaseView, line: CaseTrend, marks: Events) -> Figure:
    """One case: its nights with their intervals, and its levels."""
    scale = data.scales["latency_p50_ns"]
    times = [run.header.started_utc for run, _ in line.nights]
    steps = ", ".join(f"{format_change(step.ratio)[0]} on {when(step.at_utc)}" for step in line.steps)
    return Figure(
        f"history-{case.key}",
        case.label,
        figure_json(
            [night_trace(line, times, scale.factor), level_trace(line, times, scale.factor)],
            xaxis=axis("Run", type="date"),
            yaxis=axis(f"Latency p50 ({scale.unit})", "lower"),
            shapes=marks_at(marks),
        ),
        f"{steps}.",
        "",
        ("Run", f"Latency p50 ({scale.unit})"),
        [
            [when(time), data.show(record, "latency_p50_ns").text]
            for time, (_, record) in zip(times, line.nights, strict=True)
        ],
        height=220,
    )


PLUGINS: tuple[Section, ...] = (Section("history", "History", 110, render),)
