"""The tables of a store, on SQLite and PostgreSQL.

    target      a unit: one piece of hardware, one row each             config     what was measured: a case
    run         a run; its id is its sequence number                    metric_def name, unit, better direction
    series      target x config x metric, which has a history           cell       a case of a run: verdict, artifact
    metric      a series' value in a run, with interval and count       process    medians of the fresh processes
    missing     why a series has no value in a run                      blob       raw files of a cell
    reset       a declared change after which history starts anew       reset_series  the series it applies to

A run's id is its sequence number: runs are in the order in which they were added, whatever the clocks of the boards
said. It is the start of the run in UTC microseconds where that is later than every run before, else one more than the
newest run's. So the key (series, run) of the large tables is in that order: a history is a range of the key with the
newest run at its end; on PostgreSQL a month is a range of runs. Nothing but the partitions takes an id for a time.
The writer, of which there is one at a time, assigns all ids, so that rows can be copied in bulk.
A change of these tables needs a migration in `migrations/versions`; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

HEAD = "0002"
"""The newest migration."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

target = Table(
    "target",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("machine", Text, nullable=False),  # the unit's id: see rows.target_row; '' where it has none
    Column("kind", Text, nullable=False),
    Column("descriptor", Text, nullable=False),  # hash of the descriptor, '' unknown
    UniqueConstraint("name", "machine"),
)

run = Table(
    "run",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("uuid", Text, nullable=False, unique=True),
    Column("started", BigInteger, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("git_sha", Text),
    Column("suite", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("harness_version", Text, nullable=False),
    Column("environment", Text, nullable=False),  # hash of the machine's state: see rows.environment
    Column("env", Text, nullable=False),  # the run's header as JSON
)

config = Table(
    "config",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False, unique=True),
    Column("case", Text, nullable=False, index=True),
    Column("model", Text, nullable=False, index=True),
    Column("family", Text, nullable=False, index=True),
    Column("compression", Text, nullable=False),
    Column("runtime", Text, nullable=False),
    Column("scenario", Text, nullable=False),
    Column("threads", Integer, nullable=False),
    Column("batch", Integer, nullable=False),
    Column("extra", Text, nullable=False),  # JSON: weights, driver and the scenario's parameters
)

metric_def = Table(
    "metric_def",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("unit", Text, nullable=False),
    Column("better", Text, nullable=False),
    CheckConstraint("better IN ('lower', 'higher', 'none')", name="better"),
)

series = Table(
    "series",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("target", Integer, ForeignKey(target.c.id), nullable=False),
    Column("config", Integer, ForeignKey(config.c.id), nullable=False),
    Column("metric", Integer, ForeignKey(metric_def.c.id), nullable=False),
    UniqueConstraint("config", "metric", "target"),
)

cell = Table(
    "cell",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("run", BigInteger, ForeignKey(run.c.id), nullable=False),
    Column("target", Integer, ForeignKey(target.c.id), nullable=False),
    Column("config", Integer, ForeignKey(config.c.id), nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("error", Text, nullable=False),  # the verdict's reason
    Column("started", BigInteger, nullable=False),
    Column("board_state", Text, nullable=False),  # JSON: the checks before and after
    Column("dataset", Text),
    Column("artifact", Text, nullable=False),  # sha256, '' without one
    Column("build", Text, nullable=False),  # hash of artifact and runtime: see rows.build
    Column("texts", Text, nullable=False),  # JSON: see harness.core.record.display_texts
    UniqueConstraint("run", "config", "target", "repeat"),
    Index("ix_cell_config_run", "config", "run"),
)


def _point(*more: Column[int]) -> list[Column[int]]:
    """Return the key columns of the large tables; without foreign keys, since `Store.check` finds orphans."""
    return [
        Column("series", Integer, primary_key=True, autoincrement=False),
        Column("run", BigInteger, primary_key=True, autoincrement=False),
        Column("repeat", Integer, primary_key=True, autoincrement=False),
        *more,
    ]


metric = Table(
    "metric",
    metadata,
    *_point(),
    Column("value", Float(53), nullable=False),
    Column("lo", Float(53)),
    Column("hi", Float(53)),
    Column("n", BigInteger),
    sqlite_with_rowid=False,
    postgresql_partition_by="RANGE (run)",
)

process = Table(
    "process",
    metadata,
    *_point(Column("process", Integer, primary_key=True, autoincrement=False)),
    Column("value", Float(53), nullable=False),
    sqlite_with_rowid=False,
)

missing = Table(
    "missing",
    metadata,
    *_point(),
    Column("reason", Text, nullable=False),
    sqlite_with_rowid=False,
)

blob = Table(
    "blob",
    metadata,
    Column("cell", Integer, ForeignKey(cell.c.id), primary_key=True),
    Column("kind", Text, primary_key=True),  # samples, power (a sensor's readings) or record
    Column("sha256", Text, primary_key=True),
    Column("codec", Text, nullable=False),  # npz or json: the suffix of the raw file
    Column("n", BigInteger, nullable=False),
    Column("unit", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)

reset = Table(
    "reset",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),  # the time that it was declared for
    Column("reason", Text, nullable=False),
    Column("since", BigInteger, nullable=False),  # the sequence number from which the new history counts
)

reset_series = Table(
    "reset_series",
    metadata,
    Column("series", Integer, ForeignKey(series.c.id), primary_key=True),
    Column("reset", Integer, ForeignKey(reset.c.id), primary_key=True),
    sqlite_with_rowid=False,
)
