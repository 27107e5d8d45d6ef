"""Many rows at once: COPY on PostgreSQL, one prepared statement on SQLite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from harness.core.times import month_bounds

from .schema import cell, config, metric, missing, process, series

Row = tuple[Any, ...]

MANY = 10_000
"""Values in a run of which a database is told at once."""


def insert(connection: sa.Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Add rows, each with one value a column; a key that is there already is an error."""
    if not rows:
        return
    quote = connection.dialect.identifier_preparer.quote
    names = f"{quote(table.name)} ({', '.join(map(quote, columns))})"
    if connection.dialect.name == "postgresql":
        _copy(connection, names, rows)
    else:
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"INSERT INTO {names} VALUES ({marks})", list(rows))  # noqa: S608 - our own names


def insert_dicts(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows given by column name; all have the same columns."""
    if rows:
        columns = tuple(rows[0])
        insert(connection, table, columns, [tuple(row[name] for name in columns) for row in rows])


def next_id(connection: sa.Connection, table: sa.Table) -> int:
    """The first free id. Only the writer counts, and there is one at a time."""
    return (connection.execute(sa.select(sa.func.max(table.c.id))).scalar() or 0) + 1


def mapping(connection: sa.Connection, key: sa.Column[Any], value: sa.Column[Any]) -> dict[Any, Any]:
    """One column of a table by another one of it."""
    return {row[0]: row[1] for row in connection.execute(sa.select(key, value))}


def make_partition(connection: sa.Connection, time_us: int) -> None:
    """On PostgreSQL, the part of `metric` that holds the runs of this time's month."""
    if connection.dialect.name == "postgresql":
        month, first, following = month_bounds(time_us)
        connection.exec_driver_sql(
            f"CREATE TABLE IF NOT EXISTS {metric.name}_{month} PARTITION OF {metric.name}"
            f" FOR VALUES FROM ({first}) TO ({following})"
        )


def describe(connection: sa.Connection, time_us: int, added: int) -> None:
    """Tell PostgreSQL's planner of many new rows: its own daemon looks once a minute, and new tables are scanned."""
    if connection.dialect.name == "postgresql" and added > MANY:
        month, *_ = month_bounds(time_us)
        tables = [f"{metric.name}_{month}", *(table.name for table in (series, config, cell, process, missing))]
        connection.exec_driver_sql(f"ANALYZE {', '.join(tables)}")


def _copy(connection: sa.Connection, names: str, rows: Sequence[Row]) -> None:
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {names} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
