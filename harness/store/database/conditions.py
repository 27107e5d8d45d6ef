"""The filters as SQL conditions on the tables of a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from .filters import Filters, is_pattern
from .schema import config, metric_def, run, series, target

Conditions = list[sa.ColumnElement[bool]]
_CONFIG = ("compression", "runtime", "scenario", "case")


def chosen_series(where: Filters, *columns: sa.Column[Any]) -> sa.Select[Any]:
    """Select the ids, or other columns, of the series that match."""
    conditions = [*of_cases(series, where), *_named(series.c.metric, metric_def, metric_conditions(where))]
    return sa.select(*(columns or (series.c.id,))).where(*conditions)


def of_series(table: sa.Table, where: Filters) -> Conditions:
    """Return the filters as conditions on the column `series`; empty if all series match."""
    chosen = chosen_series(where)
    return [] if chosen.whereclause is None else [table.c.series.in_(chosen)]


def of_cases(table: sa.Table, where: Filters) -> Conditions:
    """Return the filters on cases and targets as conditions on the columns `config` and `target`."""
    return [
        *_named(table.c.config, config, config_conditions(where)),
        *_named(table.c.target, target, target_conditions(where)),
    ]


def of_runs(table: sa.Table, where: Filters) -> Conditions:
    """Return the filters on runs as conditions on the column `run`."""
    conditions = _named(table.c.run, run, run_conditions(where))
    if where.first_us is not None:  # a sequence number is never below the run's start: this bounds the range of the key
        conditions.append(table.c.run >= where.first_us)
    return conditions


def _named(column: sa.Column[Any], table: sa.Table, conditions: Sequence[sa.ColumnElement[bool]]) -> Conditions:
    """Return the condition that `column` refers to a row of `table` that meets `conditions`; empty without any."""
    return [column.in_(sa.select(table.c.id).where(*conditions))] if conditions else []


def run_conditions(where: Filters) -> Conditions:
    """Return the conditions on the table `run`."""
    conditions = [_condition(run.c.uuid, where.run), _condition(run.c.suite, where.suite)]
    if where.first_us is not None:
        conditions.append(run.c.started >= where.first_us)
    if where.end_us is not None:
        conditions.append(run.c.started < where.end_us)
    return [condition for condition in conditions if condition is not None]


def config_conditions(where: Filters) -> Conditions:
    """Return the conditions on the table `config`."""
    conditions = [_condition(config.c[name], getattr(where, name)) for name in _CONFIG]
    if where.threads is not None:
        conditions.append(config.c.threads == where.threads)
    model, family = (_condition(column, where.model) for column in (config.c.model, config.c.family))
    if model is not None and family is not None:
        conditions.append(sa.or_(model, family))
    return [condition for condition in conditions if condition is not None]


def target_conditions(where: Filters) -> Conditions:
    """Return the conditions on the table `target`."""
    conditions = [_condition(target.c.name, where.target), _condition(target.c.machine, where.machine)]
    return [condition for condition in conditions if condition is not None]


def metric_conditions(where: Filters) -> Conditions:
    """Return the conditions on the table `metric_def`."""
    condition = _condition(metric_def.c.name, where.metric)
    return [] if condition is None else [condition]


def _condition(column: sa.Column[str], wanted: str | None) -> sa.ColumnElement[bool] | None:
    if wanted is None:
        return None
    if not is_pattern(wanted):
        return column == wanted
    escaped = "".join(f"\\{char}" if char in "%_\\" else char for char in wanted)
    return column.like(escaped.replace("*", "%").replace("?", "_"), escape="\\")
