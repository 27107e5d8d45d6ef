"""One board of a site: its runs with what they found, and the history of each of its cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.core.metric import METRICS
from harness.core.record import Record
from harness.core.verdict import trust_counts
from reports.data import Reset, Run
from reports.labels import label_of, mark_of
from reports.nights import commit_of, night_of
from reports.numbers import FormattedValue, Scale, format_change, scale_for, show
from reports.scenarios import main_metric
from reports.trend import ChangePoint, case_trends

_WIDTH, _HEIGHT, _EDGE = 100.0, 20.0, 2.0
"""Size of a sparkline, and its distance from the edges."""
_LEAST_SPAN = 0.02
"""Of the values: steadier ones are drawn as the nearly flat line that they are."""


@dataclass(frozen=True)
class HistoryRow:
    """One run of a case.

    Attributes:
        run: Name of the run in addresses.
        started_utc: Start of the run.
        value: The main metric of the case's scenario.
        trusted: Whether the verdict lets it be compared.
        mark: Sign of the verdict.
        status: The verdict.
        reason: Its reason.
        commit: Short commit of the repository that was measured; '' where it is unknown.
        step: The change of a level that begins here, with its explanation; '' for none.

    """

    run: str
    started_utc: str
    value: FormattedValue
    trusted: bool
    mark: str
    status: str
    reason: str
    commit: str
    step: str


@dataclass(frozen=True)
class CaseHistory:
    """A case over the runs of a board.

    Attributes:
        case_id: Its id.
        label: Model and setting.
        title: Title of the metric, with its unit.
        rows: Its runs, newest first.
        sparkline: Its trusted values in order of time, as an SVG path of 100 x 20; '' for fewer than two.
        summary: What the sparkline shows, in words.

    """

    case_id: str
    label: str
    title: str
    rows: Sequence[HistoryRow]
    sparkline: str
    summary: str

    @property
    def last_step(self) -> HistoryRow | None:
        """The run at which the last new level began."""
        return next((row for row in self.rows if row.step), None)


@dataclass(frozen=True)
class RunSummary:
    """What a list says of a run.

    Attributes:
        trust: How far its times can be trusted.
        findings: What a night found; its headline where that is nothing; none for a run that was no night.

    """

    trust: str
    findings: tuple[str, ...]


def summary_of(run: Run) -> RunSummary:
    """Return what a list says of a run."""
    night = night_of(run.reader)
    found = () if night is None else night.findings or (night.headline,)
    return RunSummary(trust_counts(record.verdict.status for record in run.contents.records), found)


def case_histories(runs: Sequence[tuple[str, Run]], resets: Sequence[Reset]) -> list[CaseHistory]:
    """Return the history of each case of a board, in the order of its newest run.

    Args:
        runs: Its runs with their names in addresses, oldest first.
        resets: Declared resets; levels do not span them.

    """
    by_case: dict[str, list[tuple[str, Run, Record]]] = {}
    for name, run in reversed(runs):
        for record in run.contents.records:
            by_case.setdefault(record.case_id, []).append((name, run, record))
    trends = {trend.case_id: trend for trend in case_trends([run for _, run in runs], resets)}
    return [
        _history(case_id, measured, trends[case_id].change_points if case_id in trends else ())
        for case_id, measured in by_case.items()
    ]


def _history(case_id: str, measured: Sequence[tuple[str, Run, Record]], points: Sequence[ChangePoint]) -> CaseHistory:
    newest = measured[0][2]
    name = main_metric(newest)
    scale = scale_for(METRICS[name], [value for *_, record in measured if (value := record.value(name)) is not None])
    steps = {point.at_utc: point for point in points}
    values = [value for *_, record in reversed(measured) if (value := record.trusted_value(name)) is not None]
    return CaseHistory(
        case_id,
        label_of(newest),
        f"{METRICS[name].title} ({scale.unit})" if scale.unit else METRICS[name].title,
        [_row(run_name, run, record, name, scale, steps) for run_name, run, record in measured],
        sparkline(values),
        _summary(values, scale, points),
    )


def _row(
    name: str, run: Run, record: Record, metric: str, scale: Scale, steps: Mapping[str, ChangePoint]
) -> HistoryRow:
    return HistoryRow(
        name,
        run.header.started_utc,
        show(record.quantity(metric), scale),
        record.trusts(metric),
        mark_of(record.verdict),
        record.verdict.status,
        record.verdict.reason,
        commit_of(run.header),
        _step(steps.get(run.header.started_utc)),
    )


def _step(point: ChangePoint | None) -> str:
    if point is None:
        return ""
    sign = "▲" if point.ratio > 1 else "▼"
    why = f"; what else changed: {point.explanation}" if point.explanation else ""
    return f"{sign} new level, time {format_change(point.ratio)[0]}{why}"


def _summary(values: Sequence[float], scale: Scale, points: Sequence[ChangePoint]) -> str:
    if len(values) < 2:
        return "fewer than two runs that can be trusted"
    low, high = (f"{value * scale.factor:.3g}" for value in (min(values), max(values)))
    levels = f"{len(points)} new {'level' if len(points) == 1 else 'levels'}"
    return f"{len(values)} runs that can be trusted, from {low} to {high} {scale.unit}".rstrip() + f"; {levels}"


def sparkline(values: Sequence[float]) -> str:
    """Return the values from left to right as an SVG path of 100 x 20, larger ones higher; '' for fewer than two."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    span = max(high - low, _LEAST_SPAN * abs(high)) or 1.0
    middle = (low + high) / 2
    step = (_WIDTH - 2 * _EDGE) / (len(values) - 1)
    places = (
        (_EDGE + index * step, _HEIGHT / 2 - (value - middle) / span * (_HEIGHT - 2 * _EDGE))
        for index, value in enumerate(values)
    )
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
