"""Values, and what is missing, with all that is known of their run and case.

Each table is read once and joined here by ids, so that a name comes over once and not once a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from harness.store.frame import TIDY_TYPES

from .filters import chosen_series, of_cases, of_runs, of_series
from .schema import cell, config, metric, metric_def, missing, run, series, target
from .where import Where

Row = tuple[Any, ...]
_SERIES = (
    *("config", "target_id", "metric_id", "target", "machine", "case", "model", "compression", "runtime", "threads"),
    *("batch", "scenario", "metric", "unit"),
)
_RUN = ("run", "started", "suite", "profile", "git_sha")
_CELL = ("cell", "verdict")
_NUMBERS = ("value", "lo", "hi", "n", "reason")


def points(connection: sa.Connection, where: Where) -> dict[str, Any]:
    """Typed columns by name, oldest run first; 'started' is in UTC microseconds, 'cell' the id of the case's row."""
    of_series_ = _by_key(connection, _series(where))
    of_run = _by_key(connection, _runs(where))
    of_cell = _by_key(connection, _cells(where), 4)
    found: list[tuple[int, Row, Row, Row, Row]] = []
    for number, run_id, repeat, *numbers in connection.execute(_values(where)):
        one, ran = of_series_[number], of_run.get(run_id)
        case = of_cell.get((run_id, one[0], one[1], repeat))
        if case and ran:  # of a row that belongs to no case `edgebench store check` tells
            found.append((run_id, case, one, ran, tuple(numbers)))
    found.sort(key=lambda each: (each[0], each[1][0], each[2][2]))
    _, *parts = zip(*found, strict=True) if found else ((),) * 5
    columns: dict[str, Any] = {}
    for names, rows in zip((_CELL, _SERIES, _RUN, _NUMBERS), parts, strict=True):
        columns |= by_name(names, rows)
    return columns | {name: pd.array(columns[name], dtype=kind) for name, kind in TIDY_TYPES.items()}


def by_name(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Rows as columns: given rows, pandas would take seconds to find out what they are."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    return dict(zip(names, columns, strict=True))


def _by_key(connection: sa.Connection, query: sa.Select[Any], width: int = 1) -> dict[Any, Row]:
    """The rows of a query by their first column, or by so many of them; the rest of each."""
    rows = map(tuple, connection.execute(query))
    return {row[0] if width == 1 else row[:width]: row[width:] for row in rows}


def _series(where: Where) -> sa.Select[Any]:
    columns = (
        series.c.id, config.c.id, target.c.id, metric_def.c.id, target.c.name, target.c.machine, config.c.case,
        config.c.model, config.c.compression, config.c.runtime, config.c.threads, config.c.batch, config.c.scenario,
        metric_def.c.name, metric_def.c.unit,
    )  # fmt: skip
    return chosen_series(where, *columns).select_from(series.join(config).join(target).join(metric_def))


def _runs(where: Where) -> sa.Select[Any]:
    columns = (run.c.id, run.c.uuid, run.c.started, run.c.suite, run.c.profile, run.c.git_sha)
    return sa.select(*columns).where(*where.run_conditions())


def _cells(where: Where) -> sa.Select[Any]:
    key = (cell.c.run, cell.c.config, cell.c.target, cell.c.repeat)
    return sa.select(*key, cell.c.id, cell.c.status).where(*of_cases(cell, where), *of_runs(cell, where))


def _values(where: Where) -> sa.CompoundSelect[Any]:
    """Both large tables: series, run, repeat, then the columns of `_NUMBERS`."""
    nothing = sa.null()
    parts = []
    for table, numbers in (
        (metric, (metric.c.value, metric.c.lo, metric.c.hi, metric.c.n, nothing)),
        (missing, (nothing, nothing, nothing, nothing, missing.c.reason)),
    ):
        chosen = (*of_series(table, where), *of_runs(table, where))
        parts.append(sa.select(table.c.series, table.c.run, table.c.repeat, *numbers).where(*chosen))
    return sa.union_all(*parts)
