"""Integrity checks of a store, and declared resets, at which the history of a series starts anew."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import sqlalchemy as sa

from harness.core.errors import RecordError, UsageError
from harness.core.quantity import iso, parse_time, utc_now

from . import writer
from .blobs import BlobStore
from .conditions import chosen_series
from .filters import Filters
from .query import frame_of
from .schema import blob, cell, config, metric, metric_def, missing, process, reset, reset_series, run, series, target


def problems(connection: sa.Connection, raw: BlobStore) -> Iterator[str]:
    """Yield a sentence for each defect of the store."""
    yield from _damaged_pages(connection)
    yield from _orphans(connection)
    yield from _torn_cells(connection)
    yield from _raw_files(connection, raw)


def _damaged_pages(connection: sa.Connection) -> Iterator[str]:
    if connection.dialect.name != "sqlite":
        return
    for (result,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if result != "ok":
            yield f"the database file is damaged: {result}"
    for table, *_ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield f"a row of '{table}' refers to a row that does not exist"


def _orphans(connection: sa.Connection) -> Iterator[str]:
    """Check the large tables, which have no foreign keys, for rows without their series, run or case."""
    for table in (metric, process, missing):
        has_case = sa.exists().where(
            series.c.id == table.c.series, cell.c.config == series.c.config, cell.c.target == series.c.target,
            cell.c.run == table.c.run, cell.c.repeat == table.c.repeat,
        )  # fmt: skip
        count = connection.execute(sa.select(sa.func.count()).select_from(table).where(~has_case)).scalar()
        if count:
            yield f"{count} rows of '{table.name}' belong to no case of a run"


def _torn_cells(connection: sa.Connection) -> Iterator[str]:
    """Check for cases without any metric, present or missing, or without their record."""
    has_metric = [
        sa.exists().where(
            series.c.config == cell.c.config, series.c.target == cell.c.target,
            table.c.series == series.c.id, table.c.run == cell.c.run, table.c.repeat == cell.c.repeat,
        )
        for table in (metric, missing)
    ]  # fmt: skip
    has_record = sa.exists().where(blob.c.cell == cell.c.id, blob.c.kind == "record")
    for lacks, condition in (("metric", ~sa.or_(*has_metric)), ("record", ~has_record)):
        query = sa.select(run.c.uuid, config.c.case).join_from(cell, run).join(config).where(condition)
        for uuid, case in connection.execute(query):
            yield f"{case} of run {uuid} has no {lacks}"


def _raw_files(connection: sa.Connection, raw: BlobStore) -> Iterator[str]:
    for sha256, codec in connection.execute(sa.select(blob.c.sha256, blob.c.codec).distinct()):
        try:
            raw.read(sha256, codec)
        except RecordError as error:
            yield error.message


def declare_reset(connection: sa.Connection, reason: str, where: Filters, at_utc: str | None) -> int:
    """Reset the series that `where` selects, and return their number.

    Args:
        connection: A connection that may write.
        reason: Why their history starts anew.
        where: Selects existing series; must not select runs or times.
        at_utc: The first run that started at this time or later begins the new history; None for the next run.

    Raises:
        UsageError: There is no reason or no such series, or `where` selects runs.

    """
    if not reason.strip():
        raise UsageError("a reset needs a reason", "give one: --reason 'new cooler'")
    if where.since or where.until or where.run or where.suite:
        raise UsageError("a reset applies to series, not to runs", "give its time by --at")
    ids = list(connection.execute(chosen_series(where)).scalars())
    if not ids:
        raise UsageError("no series matches", "edgebench history lists the series")
    number = writer.next_id(connection, reset)
    at = parse_time(at_utc or utc_now())
    since = writer.next_sequence(connection, 0) if at_utc is None else _first_since(connection, at)
    writer.insert(connection, reset, ("id", "at", "reason", "since"), [(number, at, reason, since)])
    writer.insert(connection, reset_series, ("series", "reset"), [(series_id, number) for series_id in sorted(ids)])
    return len(ids)


def _first_since(connection: sa.Connection, time_us: int) -> int:
    """Return the sequence number of the first run that started at a time or later; if there is none, of one to come."""
    query = sa.select(sa.func.min(run.c.id)).where(run.c.started >= time_us)
    first: int | None = connection.execute(query).scalar()
    return writer.next_sequence(connection, time_us) if first is None else first


def declared_resets(connection: sa.Connection) -> pd.DataFrame:
    """Return one row per reset and series, in the order in which they take effect."""
    columns = (
        reset.c.at, reset.c.reason, target.c.name.label("target"), target.c.machine, config.c.case,
        metric_def.c.name.label("metric"), reset.c.since.label("sequence"),
    )  # fmt: skip
    query = (
        sa.select(*columns)
        .join_from(reset, reset_series)
        .join(series)
        .join(target)
        .join(config)
        .join(metric_def)
        .order_by(reset.c.since, reset.c.id, series.c.id)
    )
    frame = frame_of(connection, query).rename(columns={"at": "at_utc"})
    return frame.assign(at_utc=[iso(time) for time in frame.at_utc])
