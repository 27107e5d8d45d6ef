"""Write runs into the store: raw files first, then all rows of a run in one transaction, many rows at once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from harness.core.metric import METRICS
from harness.core.quantity import month_bounds
from harness.core.record import Record, RunHeader
from harness.store.runfolder import RunFolder

from . import rows, schema
from .blobs import BlobStore
from .schema import cell, config, metric, missing, process, series

BlobRow = tuple[str, str, str, int, str, int]
"""kind, sha256, codec, n, unit, bytes: a row of `blob` but for its cell."""

_POINT = ("series", "run", "repeat")


@dataclass(frozen=True)
class Appended:
    """What was new in a run that was added; `damaged` says, by file name, why a record could not be read."""

    run_id: str
    cells: int
    metrics: int
    damaged: Mapping[str, str] = field(default_factory=dict)


def take_files(folder: RunFolder, records: Iterable[Record], raw: BlobStore) -> dict[str, list[BlobRow]]:
    """Take in the raw files of records, and the records themselves; the rows that name them, by case id."""
    taken: dict[str, list[BlobRow]] = {}
    for record in records:
        digest, size = raw.take(folder.record_file(record), "json")
        mine: dict[tuple[str, str], BlobRow] = {("record", digest): ("record", digest, "json", 1, "", size)}
        for kind, blob in rows.raw_files(record):
            _, size = raw.take(folder.blob_file(blob.sha256), "npz", blob.sha256)
            mine[kind, blob.sha256] = (kind, blob.sha256, "npz", blob.n, blob.unit, size)
        taken[record.case_id] = list(mine.values())
    raw.flush()
    return taken


def write(
    connection: sa.Connection,
    header: RunHeader,
    records: Sequence[Record],
    files: Mapping[str, Sequence[BlobRow]],
    trigger: str,
) -> Appended:
    """Add the records that the run does not have yet, with all that belongs to them. `connection` is the writer's."""
    run = _run(connection, rows.run_row(header, trigger))
    target = _target(connection, rows.target_row(header))
    configs = _configs(connection, records)
    known = sa.select(schema.cell.c.config).where(schema.cell.c.run == run, schema.cell.c.target == target)
    there = set(connection.execute(known).scalars())
    new = {configs[record.case_id]: record for record in records if configs[record.case_id] not in there}
    _cells(connection, run, target, new, files)
    values = _points(connection, run, target, new)
    describe(connection, run, values)
    return Appended(header.run_id, len(new), values)


def _run(connection: sa.Connection, row: dict[str, Any]) -> int:
    """The run's id, by default its start; a run that is there already gets its header as it is now."""
    run = schema.run
    found: int | None = connection.execute(sa.select(run.c.id).where(run.c.uuid == row["uuid"])).scalar()
    if found is not None:
        connection.execute(sa.update(run).where(run.c.id == found).values(env=row["env"]))
        return found
    free: int = row["started"]
    while connection.execute(sa.select(run.c.id).where(run.c.id == free)).scalar() is not None:
        free += 1  # two boards began within one microsecond
    insert_dicts(connection, run, [{"id": free, **row}])
    return free


def _target(connection: sa.Connection, row: dict[str, Any]) -> int:
    target = schema.target
    same = sa.select(target.c.id).where(target.c.name == row["name"], target.c.machine == row["machine"])
    found: int | None = connection.execute(same).scalar()
    if found is None:
        found = next_id(connection, target)
        insert_dicts(connection, target, [{"id": found, **row}])
    return found


def _configs(connection: sa.Connection, records: Sequence[Record]) -> dict[str, int]:
    """Ids of the records' configs by case id."""
    wanted = {record.case_id: rows.config_row(record.case) for record in records}
    known = mapping(connection, schema.config.c.key, schema.config.c.id)
    counter = itertools.count(next_id(connection, schema.config))
    fresh = {row["key"]: row for row in wanted.values() if row["key"] not in known}
    added = [{"id": next(counter), **row} for row in fresh.values()]
    insert_dicts(connection, schema.config, added)
    known |= {row["key"]: row["id"] for row in added}
    return {case_id: known[row["key"]] for case_id, row in wanted.items()}


def _cells(
    connection: sa.Connection,
    run: int,
    target: int,
    records: Mapping[int, Record],
    files: Mapping[str, Sequence[BlobRow]],
) -> None:
    counter = itertools.count(next_id(connection, schema.cell))
    ids = {config: next(counter) for config in records}
    cells = [
        {"id": ids[config], "run": run, "target": target, "config": config, "repeat": 0, **rows.cell_row(record)}
        for config, record in records.items()
    ]
    insert_dicts(connection, schema.cell, cells)
    named = [(ids[config], *row) for config, record in records.items() for row in files.get(record.case_id, ())]
    insert(connection, schema.blob, ("cell", "kind", "sha256", "codec", "n", "unit", "bytes"), named)


def _points(connection: sa.Connection, run: int, target: int, records: Mapping[int, Record]) -> int:
    """Add values, their processes and the reasons of what is missing; how many values there were."""
    series = _Series(connection, target)
    values: list[Row] = []
    processes: list[Row] = []
    missing: list[Row] = []
    for config_id, record in records.items():
        for point in rows.metric_rows(record):
            key = (series.id(config_id, point.metric), run, 0)
            if point.value is None:
                missing.append((*key, point.reason))
                continue
            values.append((*key, point.value.value, point.value.lo, point.value.hi, point.value.n))
            processes.extend((*key, index, value) for index, value in point.processes)
    series.write_new()
    # in the order of the key, so that a clustered table grows at few places
    insert(connection, schema.metric, (*_POINT, "value", "lo", "hi", "n"), sorted(values))
    insert(connection, schema.process, (*_POINT, "process", "value"), sorted(processes))
    insert(connection, schema.missing, (*_POINT, "reason"), sorted(missing))
    return len(values)


class _Series:
    """Ids of one target's series; those asked for that are new are counted up and written by `write_new`."""

    def __init__(self, connection: sa.Connection, target: int) -> None:
        self._connection, self._target = connection, target
        series = schema.series
        found = connection.execute(
            sa.select(series.c.config, series.c.metric, series.c.id).where(series.c.target == target)
        )
        self._known: dict[tuple[int, int], int] = {(config, metric): number for config, metric, number in found.all()}
        self._new: list[Row] = []
        self._next = next_id(connection, series)
        self._metrics = _metrics(connection)

    def id(self, config: int, metric: str) -> int:
        key = (config, self._metrics[metric])
        if key not in self._known:
            self._known[key] = self._next
            self._new.append((self._next, self._target, *key))
            self._next += 1
        return self._known[key]

    def write_new(self) -> None:
        insert(self._connection, schema.series, ("id", "target", "config", "metric"), self._new)


def _metrics(connection: sa.Connection) -> dict[str, int]:
    """Ids of all metrics by name; those that are new since the last time are added."""
    table = schema.metric_def
    known = mapping(connection, table.c.name, table.c.id)
    counter = itertools.count(next_id(connection, table))
    added = {name: next(counter) for name in METRICS if name not in known}
    about = [(number, name, METRICS[name].unit, METRICS[name].better) for name, number in added.items()]
    insert(connection, table, ("id", "name", "unit", "better"), about)
    return known | added


Row = tuple[Any, ...]

ANALYZE_FROM_ROWS = 10_000
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
    if connection.dialect.name == "postgresql" and added > ANALYZE_FROM_ROWS:
        month, *_ = month_bounds(time_us)
        tables = [f"{metric.name}_{month}", *(table.name for table in (series, config, cell, process, missing))]
        connection.exec_driver_sql(f"ANALYZE {', '.join(tables)}")


def _copy(connection: sa.Connection, names: str, rows: Sequence[Row]) -> None:
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {names} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
