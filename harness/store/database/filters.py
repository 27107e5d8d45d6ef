"""A choice of runs and cases as conditions on tables that name them by id.

Only what is asked for is joined: a database spends longer on planning a join of many tables than on one history.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from .schema import config, metric_def, run, series, target
from .where import Where

Conditions = list[sa.ColumnElement[bool]]


def chosen_series(where: Where, *columns: sa.Column[Any]) -> sa.Select[Any]:
    """The series that are meant: their ids, or other columns of the table."""
    conditions = [*of_cases(series, where), *_named(series.c.metric, metric_def, where.metric_conditions())]
    return sa.select(*(columns or (series.c.id,))).where(*conditions)


def of_series(table: sa.Table, where: Where) -> Conditions:
    """The choice as a condition on the column `series`; none where all series are meant."""
    chosen = chosen_series(where)
    return [] if chosen.whereclause is None else [table.c.series.in_(chosen)]


def of_cases(table: sa.Table, where: Where) -> Conditions:
    """The choice of cases and targets as conditions on the columns `config` and `target`."""
    return [
        *_named(table.c.config, config, where.config_conditions()),
        *_named(table.c.target, target, where.target_conditions()),
    ]


def of_runs(table: sa.Table, where: Where) -> Conditions:
    """The choice of runs as conditions on the column `run`: a range of the key where only times are asked for."""
    if where.run is not None or where.suite is not None:
        return _named(table.c.run, run, where.run_conditions())
    bounds = []
    if where.first_us is not None:
        bounds.append(table.c.run >= where.first_us)
    if where.end_us is not None:
        bounds.append(table.c.run < where.end_us)
    return bounds


def _named(column: sa.Column[Any], table: sa.Table, conditions: Sequence[sa.ColumnElement[bool]]) -> Conditions:
    """The column names a row of that table which fulfils the conditions; nothing where there are none."""
    return [column.in_(sa.select(table.c.id).where(*conditions))] if conditions else []
