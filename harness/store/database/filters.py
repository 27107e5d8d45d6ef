"""Filters that select runs, cases and metrics of run folders and stores, also as SQL conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from harness.core.metric import metric
from harness.core.quantity import microseconds, parse_time

from .schema import config, metric_def, run, series, target

if TYPE_CHECKING:
    import sqlalchemy as sa

    from harness.core.record import Record, RunHeader


Conditions = list[sa.ColumnElement[bool]]


def chosen_series(where: Filters, *columns: sa.Column[Any]) -> sa.Select[Any]:
    """Select the ids, or other columns, of the series that match."""
    conditions = [*of_cases(series, where), *_named(series.c.metric, metric_def, where.metric_conditions())]
    return sa.select(*(columns or (series.c.id,))).where(*conditions)


def of_series(table: sa.Table, where: Filters) -> Conditions:
    """Return the filters as conditions on the column `series`; empty if all series match."""
    chosen = chosen_series(where)
    return [] if chosen.whereclause is None else [table.c.series.in_(chosen)]


def of_cases(table: sa.Table, where: Filters) -> Conditions:
    """Return the filters on cases and targets as conditions on the columns `config` and `target`."""
    return [
        *_named(table.c.config, config, where.config_conditions()),
        *_named(table.c.target, target, where.target_conditions()),
    ]


def of_runs(table: sa.Table, where: Filters) -> Conditions:
    """Return the filters on runs as conditions on the column `run`."""
    conditions = _named(table.c.run, run, where.run_conditions())
    if where.first_us is not None:  # a sequence number is never below the run's start: this bounds the range of the key
        conditions.append(table.c.run >= where.first_us)
    return conditions


def _named(column: sa.Column[Any], table: sa.Table, conditions: Sequence[sa.ColumnElement[bool]]) -> Conditions:
    """Return the condition that `column` refers to a row of `table` that meets `conditions`; empty without any."""
    return [column.in_(sa.select(table.c.id).where(*conditions))] if conditions else []


_CONFIG = ("compression", "runtime", "scenario", "case")


@dataclass(frozen=True)
class Filters:
    """A selection of runs, cases and metrics. A field that is None selects all.

    Text is compared as a whole, or as a pattern if it contains * or ?.

    Attributes:
        model: Name of a model or of a family ('mobilenet_v2').
        compression: Name of a compression setting.
        runtime: Name of a runtime.
        scenario: Name of a scenario.
        threads: Number of threads.
        target: Name of a target.
        machine: Id of a unit.
        metric: Name of a metric.
        suite: Name of a suite.
        case: Id of a case.
        run: Id of a run.
        since: First time, inclusive: an ISO date or time in UTC, or an age ('30d', '12h').
        until: Last time, exclusive, in the same forms.

    Raises:
        UsageError: `since` or `until` is not a time.
        UnknownName: There is no such metric.

    """

    model: str | None = None
    compression: str | None = None
    runtime: str | None = None
    scenario: str | None = None
    threads: int | None = None
    target: str | None = None
    machine: str | None = None
    metric: str | None = None
    suite: str | None = None
    case: str | None = None
    run: str | None = None
    since: str | None = None
    until: str | None = None

    def __post_init__(self) -> None:
        if self.metric is not None and not _is_pattern(self.metric):
            metric(self.metric)
        _ = self.first_us, self.end_us

    @property
    def first_us(self) -> int | None:
        """`since` in UTC microseconds."""
        return None if self.since is None else parse_time(self.since)

    @property
    def end_us(self) -> int | None:
        """`until` in UTC microseconds."""
        return None if self.until is None else parse_time(self.until)

    def takes_run(self, header: RunHeader) -> bool:
        """Return whether the run of a run folder matches."""
        started = microseconds(header.started_utc)
        texts = {"run": header.run_id, "suite": header.suite, "target": header.target, "machine": header.unit}
        return (
            all(_matches(getattr(self, name), text) for name, text in texts.items())
            and (self.first_us is None or started >= self.first_us)
            and (self.end_us is None or started < self.end_us)
        )

    def takes_record(self, record: Record) -> bool:
        """Return whether a case of a matching run matches."""
        case = record.case
        family = case.model.partition("-")[0]
        return (
            (_matches(self.model, case.model) or (case.weights != "user" and _matches(self.model, family)))
            and all(
                _matches(getattr(self, name), getattr(case, name)) for name in ("compression", "runtime", "scenario")
            )
            and _matches(self.case, case.id)
            and self.threads in {None, case.threads}
        )

    def takes_metric(self, name: str) -> bool:
        """Return whether a metric matches."""
        return _matches(self.metric, name)

    def run_conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return the conditions on the table `run`."""
        from .schema import run

        conditions = [_condition(run.c.uuid, self.run), _condition(run.c.suite, self.suite)]
        if self.first_us is not None:
            conditions.append(run.c.started >= self.first_us)
        if self.end_us is not None:
            conditions.append(run.c.started < self.end_us)
        return [condition for condition in conditions if condition is not None]

    def config_conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return the conditions on the table `config`."""
        from sqlalchemy import or_

        from .schema import config

        conditions = [_condition(config.c[name], getattr(self, name)) for name in _CONFIG]
        if self.threads is not None:
            conditions.append(config.c.threads == self.threads)
        model, family = (_condition(column, self.model) for column in (config.c.model, config.c.family))
        if model is not None and family is not None:
            conditions.append(or_(model, family))
        return [condition for condition in conditions if condition is not None]

    def target_conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return the conditions on the table `target`."""
        from .schema import target

        conditions = [_condition(target.c.name, self.target), _condition(target.c.machine, self.machine)]
        return [condition for condition in conditions if condition is not None]

    def metric_conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return the conditions on the table `metric_def`."""
        from .schema import metric_def

        condition = _condition(metric_def.c.name, self.metric)
        return [] if condition is None else [condition]


def _is_pattern(text: str) -> bool:
    return "*" in text or "?" in text


def _matches(wanted: str | None, text: str) -> bool:
    if wanted is None:
        return True
    return fnmatchcase(text, wanted.replace("[", "[[]")) if _is_pattern(wanted) else text == wanted


def _condition(column: sa.Column[str], wanted: str | None) -> sa.ColumnElement[bool] | None:
    if wanted is None:
        return None
    if not _is_pattern(wanted):
        return column == wanted
    escaped = "".join(f"\\{char}" if char in "%_\\" else char for char in wanted)
    return column.like(escaped.replace("*", "%").replace("?", "_"), escape="\\")
