"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_RUN_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create every table."""
    _dimensions()
    _series()
    _cells()
    _points()
    _resets()


def _dimensions() -> None:
    op.create_table(
        "target",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        *_texts("name", "machine", "kind", "descriptor"),
        sa.UniqueConstraint("name", "machine"),
    )
    op.create_table(
        "run",
        sa.Column("id", _RUN_ID, primary_key=True, autoincrement=False),
        sa.Column("uuid", sa.Text, nullable=False, unique=True),
        sa.Column("started", sa.BigInteger, nullable=False),
        *_texts("trigger"),
        sa.Column("git_sha", sa.Text),
        *_texts("suite", "profile", "harness_version", "environment", "env"),
    )
    op.create_table(
        "config",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        *_texts("case", "model", "family", "compression", "runtime", "scenario"),
        sa.Column("threads", sa.Integer, nullable=False),
        sa.Column("batch", sa.Integer, nullable=False),
        *_texts("extra"),
    )
    for column in ("case", "model", "family"):
        op.create_index(f"ix_config_{column}", "config", [column])


def _series() -> None:
    op.create_table(
        "metric_def",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        *_texts("unit", "better"),
        sa.CheckConstraint("better IN ('lower', 'higher', 'none')", name="better"),
    )
    op.create_table(
        "series",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("target", sa.Integer, sa.ForeignKey("target.id"), nullable=False),
        sa.Column("config", sa.Integer, sa.ForeignKey("config.id"), nullable=False),
        sa.Column("metric", sa.Integer, sa.ForeignKey("metric_def.id"), nullable=False),
        sa.UniqueConstraint("config", "metric", "target"),
    )


def _cells() -> None:
    op.create_table(
        "cell",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("run", sa.BigInteger, sa.ForeignKey("run.id"), nullable=False),
        sa.Column("target", sa.Integer, sa.ForeignKey("target.id"), nullable=False),
        sa.Column("config", sa.Integer, sa.ForeignKey("config.id"), nullable=False),
        sa.Column("repeat", sa.Integer, nullable=False),
        *_texts("status", "error"),
        sa.Column("started", sa.BigInteger, nullable=False),
        *_texts("board_state"),
        sa.Column("dataset", sa.Text),
        *_texts("artifact", "build", "texts"),
        sa.UniqueConstraint("run", "config", "target", "repeat"),
    )
    op.create_index("ix_cell_config_run", "cell", ["config", "run"])
    op.create_table(
        "blob",
        sa.Column("cell", sa.Integer, sa.ForeignKey("cell.id"), primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("sha256", sa.Text, primary_key=True),
        *_texts("codec"),
        sa.Column("n", sa.BigInteger, nullable=False),
        *_texts("unit"),
        sa.Column("bytes", sa.BigInteger, nullable=False),
    )


def _points() -> None:
    op.create_table(
        "metric",
        *_point(),
        sa.Column("value", sa.Float(53), nullable=False),
        sa.Column("lo", sa.Float(53)),
        sa.Column("hi", sa.Float(53)),
        sa.Column("n", sa.BigInteger),
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (run)",
    )
    op.create_table(
        "process",
        *_point(),
        sa.Column("process", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("value", sa.Float(53), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table("missing", *_point(), *_texts("reason"), sqlite_with_rowid=False)


def _resets() -> None:
    op.create_table(
        "reset",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        *_texts("reason"),
    )
    op.create_table(
        "reset_series",
        sa.Column("series", sa.Integer, sa.ForeignKey("series.id"), primary_key=True),
        sa.Column("reset", sa.Integer, sa.ForeignKey("reset.id"), primary_key=True),
        sqlite_with_rowid=False,
    )


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _point() -> list[sa.Column[int]]:
    return [
        sa.Column("series", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("run", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("repeat", sa.Integer, primary_key=True, autoincrement=False),
    ]
