"""Write runs into a store: raw files first, then all rows of a run in one transaction, in bulk."""

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
"""A row of `blob` without its cell: kind, sha256, codec, n, unit, bytes."""

_POINT = ("series", "run", "repeat")


@dataclass(frozen=True)
class Appended:
    """What was new in a run that was added.

    Attributes:
        run_id: Id of the run.
        cells: Number of new cases.
        metrics: Number of new values.
        damaged: Why a record could not be read, by file name.
        sequence: The run's sequence number in the store.

    """

    run_id: str
    cells: int
    metrics: int
    damaged: Mapping[str, str] = field(default_factory=dict)
    sequence: int = 0


def take_files(folder: RunFolder, records: Iterable[Record], raw: BlobStore) -> dict[str, list[BlobRow]]:
    """Add the raw files of records, and the records themselves; return the rows that name them, by case id."""
    files: dict[str, list[BlobRow]] = {}
    for record in records:
        digest, size = raw.take(folder.record_file(record), "json")
        blobs: dict[tuple[str, str], BlobRow] = {("record", digest): ("record", digest, "json", 1, "", size)}
        for kind, blob in rows.raw_files(record):
            _, size = raw.take(folder.blob_file(blob.sha256), "npz", blob.sha256)
            blobs[kind, blob.sha256] = (kind, blob.sha256, "npz", blob.n, blob.unit, size)
        files[record.case_id] = list(blobs.values())
    raw.flush()
    return files


def write(
    connection: sa.Connection,
    header: RunHeader,
    records: Sequence[Record],
    files: Mapping[str, Sequence[BlobRow]],
    trigger: str,
) -> Appended:
    """Add the records that the run does not have yet, with their metrics and files, over the writer's connection."""
    run = _run(connection, rows.run_row(header, trigger))
    target = _target(connection, header)
    configs = _configs(connection, records)
    query = sa.select(schema.cell.c.config).where(schema.cell.c.run == run, schema.cell.c.target == target)
    existing = set(connection.execute(query).scalars())
    new = {configs[record.case_id]: record for record in records if configs[record.case_id] not in existing}
    _cells(connection, run, target, new, files)
    values = _metric_rows(connection, run, target, new)
    analyze(connection, run, values)
    return Appended(header.run_id, len(new), values, sequence=run)


def _run(connection: sa.Connection, row: dict[str, Any]) -> int:
    """Return the sequence number of a run; update the header of a run that exists."""
    run = schema.run
    known: int | None = connection.execute(sa.select(run.c.id).where(run.c.uuid == row["uuid"])).scalar()
    if known is not None:
        connection.execute(sa.update(run).where(run.c.id == known).values(env=row["env"]))
        return known
    number = next_sequence(connection, row["started"])
    insert_dicts(connection, run, [{"id": number, **row}])
    return number


def next_sequence(connection: sa.Connection, started_us: int) -> int:
    """Return the sequence number of a new run: its start, but above that of every run before.

    A board without a battery-backed clock starts in the past, and one run may be dated ahead of all that follow.
    """
    newest: int | None = connection.execute(sa.select(sa.func.max(schema.run.c.id))).scalar()
    return started_us if newest is None else max(started_us, newest + 1)


def _target(connection: sa.Connection, header: RunHeader) -> int:
    """Return the id of the unit's target.

    The runs of a store that was written before runs told their unit stand under the id of the installed system. They
    become those of the first unit with that system.
    """
    target, row = schema.target, rows.target_row(header)
    ids = mapping(connection, target.c.machine, target.c.id, target.c.name == row["name"])
    if row["machine"] in ids:
        return int(ids[row["machine"]])
    if (system := header.host.get("machine_id")) in ids:
        connection.execute(sa.update(target).where(target.c.id == ids[system]).values(machine=row["machine"]))
        return int(ids[system])
    number = next_id(connection, target)
    insert_dicts(connection, target, [{"id": number, **row}])
    return number


def _configs(connection: sa.Connection, records: Sequence[Record]) -> dict[str, int]:
    """Return the ids of the records' configs by case id, adding new ones."""
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


def _metric_rows(connection: sa.Connection, run: int, target: int, records: Mapping[int, Record]) -> int:
    """Add values, their processes and the reasons for missing ones; return the number of values."""
    series = _Series(connection, target)
    values: list[Row] = []
    processes: list[Row] = []
    missing: list[Row] = []
    for config_id, record in records.items():
        for row in rows.metric_rows(record):
            key = (series.id(config_id, row.metric), run, 0)
            if row.value is None:
                missing.append((*key, row.reason))
                continue
            values.append((*key, row.value.value, row.value.lo, row.value.hi, row.value.n))
            processes.extend((*key, index, value) for index, value in row.processes)
    series.write_new()
    # in the order of the key, so that a clustered table grows in few places
    insert(connection, schema.metric, (*_POINT, "value", "lo", "hi", "n"), sorted(values))
    insert(connection, schema.process, (*_POINT, "process", "value"), sorted(processes))
    insert(connection, schema.missing, (*_POINT, "reason"), sorted(missing))
    return len(values)


class _Series:
    """The ids of one target's series. `id` assigns ids to new series, which `write_new` writes."""

    def __init__(self, connection: sa.Connection, target: int) -> None:
        self._connection, self._target = connection, target
        series = schema.series
        rows = connection.execute(
            sa.select(series.c.config, series.c.metric, series.c.id).where(series.c.target == target)
        )
        self._known: dict[tuple[int, int], int] = {(config, metric): number for config, metric, number in rows.all()}
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
    """Return the ids of all metrics by name, adding new ones."""
    table = schema.metric_def
    known = mapping(connection, table.c.name, table.c.id)
    counter = itertools.count(next_id(connection, table))
    added = {name: next(counter) for name in METRICS if name not in known}
    about = [(number, name, METRICS[name].unit, METRICS[name].better) for name, number in added.items()]
    insert(connection, table, ("id", "name", "unit", "better"), about)
    return known | added


Row = tuple[Any, ...]

ANALYZE_FROM_ROWS = 10_000
"""Number of new values from which PostgreSQL's statistics are updated at once."""


def insert(connection: sa.Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert rows with one value per column; a key that exists is an error."""
    if not rows:
        return
    quote = connection.dialect.identifier_preparer.quote
    names = f"{quote(table.name)} ({', '.join(map(quote, columns))})"
    if connection.dialect.name == "postgresql":
        _copy(connection, names, rows)
    else:
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"INSERT INTO {names} VALUES ({marks})", list(rows))  # noqa: S608 - names of the schema


def insert_dicts(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows given as dictionaries with the same keys."""
    if rows:
        columns = tuple(rows[0])
        insert(connection, table, columns, [tuple(row[name] for name in columns) for row in rows])


def next_id(connection: sa.Connection, table: sa.Table) -> int:
    """Return the next free id; there is one writer at a time."""
    return (connection.execute(sa.select(sa.func.max(table.c.id))).scalar() or 0) + 1


def mapping(
    connection: sa.Connection, key: sa.Column[Any], value: sa.Column[Any], *where: sa.ColumnElement[bool]
) -> dict[Any, Any]:
    """Return the values of one column by those of another, of the rows that match."""
    return {row[0]: row[1] for row in connection.execute(sa.select(key, value).where(*where))}


def make_partition(connection: sa.Connection, sequence: int) -> None:
    """On PostgreSQL, create the partition of `metric` for the month of a sequence number."""
    if connection.dialect.name == "postgresql":
        month, first, following = month_bounds(sequence)
        connection.exec_driver_sql(
            f"CREATE TABLE IF NOT EXISTS {metric.name}_{month} PARTITION OF {metric.name}"
            f" FOR VALUES FROM ({first}) TO ({following})"
        )


def analyze(connection: sa.Connection, sequence: int, added: int) -> None:
    """Update PostgreSQL's statistics after many new rows: autovacuum may take a minute."""
    if connection.dialect.name == "postgresql" and added > ANALYZE_FROM_ROWS:
        month, *_ = month_bounds(sequence)
        tables = [f"{metric.name}_{month}", *(table.name for table in (series, config, cell, process, missing))]
        connection.exec_driver_sql(f"ANALYZE {', '.join(tables)}")


def _copy(connection: sa.Connection, names: str, rows: Sequence[Row]) -> None:
    """Copy rows into PostgreSQL, which has no NUL in its texts; the message of a runtime may hold one."""
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {names} FROM STDIN") as copy:
        for row in rows:
            copy.write_row([value.replace("\0", "?") if isinstance(value, str) else value for value in row])
