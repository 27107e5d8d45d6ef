"""What is in the store, as pandas tables."""

from __future__ import annotations

from typing import Any

import pandas as pd
import sqlalchemy as sa

from harness.core.times import iso
from harness.store.frame import TIDY

from .bulk import mapping
from .filters import chosen_series, of_runs
from .points import by_name, points
from .schema import cell, config, metric, metric_def, run, series, target
from .where import Where
from .wide import KEYS, wide

_LATEST = (
    *("target", "machine", "case", "model", "compression", "runtime", "metric", "unit", "better"),
    *("value", "value_before", "ratio", "run", "run_before"),
)


def frame_of(connection: sa.Connection, query: sa.Select[Any]) -> pd.DataFrame:
    """The rows of a query."""
    result = connection.execute(query)
    return pd.DataFrame(by_name(list(result.keys()), result.all()))


def runs(connection: sa.Connection, where: Where) -> pd.DataFrame:
    """One row a run, oldest first: run, started_utc, suite, profile, trigger, git_sha, harness_version."""
    names = ("uuid", "started", "suite", "profile", "trigger", "git_sha", "harness_version")
    query = sa.select(*(run.c[name] for name in names)).where(*where.run_conditions()).order_by(run.c.id)
    frame = frame_of(connection, query).rename(columns={"uuid": "run", "started": "started_utc"})
    return frame.assign(started_utc=[iso(time) for time in frame.started_utc])


def tidy(connection: sa.Connection, where: Where) -> pd.DataFrame:
    """One row a metric, oldest run first: the columns of `harness.store.frame.TIDY`."""
    columns = points(connection, where)
    columns["started_utc"] = [iso(time) for time in columns["started"]]
    return pd.DataFrame({name: columns[name] for name in TIDY})


def table(connection: sa.Connection, where: Where) -> pd.DataFrame:
    """One row a case of a run: the columns of `harness.store.frame.table`."""
    return wide(frame_of(connection, _cells(where)), pd.DataFrame(points(connection, where)))


def latest_against_previous(connection: sa.Connection, where: Where) -> pd.DataFrame:
    """One row a series that has two runs: its newest value, the one before, and their ratio."""
    pairs = _pairs_in_turn if connection.dialect.name == "postgresql" else _pairs
    return _named(connection, frame_of(connection, pairs(where)))


def _pairs(where: Where) -> sa.Select[Any]:
    """Series with their two newest runs and the values in them."""
    chosen = chosen_series(where, *series.c).subquery()
    within = of_runs(metric, where)
    newest = sa.select(sa.func.max(metric.c.run)).where(metric.c.series == chosen.c.id, *within).scalar_subquery()
    last = sa.select(chosen, newest.label("run")).subquery()
    earlier = sa.select(sa.func.max(metric.c.run)).where(
        metric.c.series == last.c.id, metric.c.run < last.c.run, *within
    )
    pair = sa.select(last, earlier.scalar_subquery().label("run_before")).subquery()
    now, before = metric.alias("now"), metric.alias("then")
    return (
        sa.select(pair, now.c.value, before.c.value.label("value_before"))
        .join(now, sa.and_(now.c.series == pair.c.id, now.c.run == pair.c.run, now.c.repeat == 0))
        .join(before, sa.and_(before.c.series == pair.c.id, before.c.run == pair.c.run_before, before.c.repeat == 0))
    )


def _pairs_in_turn(where: Where) -> sa.Select[Any]:
    """The same by LATERAL, which SQLite lacks: PostgreSQL reckons the subqueries of `_pairs` five times over."""
    chosen = chosen_series(where, *series.c).subquery()

    def newest(name: str, *earlier: sa.ColumnElement[bool]) -> sa.FromClause:
        found = sa.select(metric.c.run, metric.c.value).where(
            metric.c.series == chosen.c.id, metric.c.repeat == 0, *of_runs(metric, where), *earlier
        )
        return found.order_by(metric.c.run.desc()).limit(1).lateral(name)

    now = newest("now")
    before = newest("then", metric.c.run < now.c.run)
    columns = (now.c.run, now.c.value, before.c.run.label("run_before"), before.c.value.label("value_before"))
    return sa.select(chosen, *columns).select_from(chosen.join(now, sa.true()).join(before, sa.true()))


def _named(connection: sa.Connection, pairs: pd.DataFrame) -> pd.DataFrame:
    """Names in the place of ids; joined here, where each is fetched once and not once a row."""
    for key in (
        (target.c.id.label("target"), target.c.name.label("target_name"), target.c.machine),
        (config.c.id.label("config"), config.c.case, config.c.model, config.c.compression, config.c.runtime),
        (
            metric_def.c.id.label("metric"),
            metric_def.c.name.label("metric_name"),
            metric_def.c.unit,
            metric_def.c.better,
        ),
    ):
        pairs = pairs.merge(frame_of(connection, sa.select(*key)), on=key[0].name)
    runs_by_id = mapping(connection, run.c.id, run.c.uuid)
    pairs = pairs.sort_values("id", ignore_index=True).assign(
        target=pairs.target_name,
        metric=pairs.metric_name,
        run=pairs.run.map(runs_by_id),
        run_before=pairs.run_before.map(runs_by_id),
        ratio=(pairs.value / pairs.value_before).where(pairs.value_before != 0),
    )
    return pairs[list(_LATEST)]


def _cells(where: Where) -> sa.Select[Any]:
    columns = {
        "cell": cell.c.id, "run": run.c.uuid, "target": target.c.name, "verdict": cell.c.status,
        "reason": cell.c.error, "dataset": cell.c.dataset, "extra": config.c.extra, "texts": cell.c.texts,
    }  # fmt: skip
    columns |= {name: config.c[name] for name in ("case", *KEYS)}
    source = cell.join(run, run.c.id == cell.c.run).join(config, config.c.id == cell.c.config)
    source = source.join(target, target.c.id == cell.c.target)
    chosen = [column.label(name) for name, column in columns.items()]
    conditions = (*where.run_conditions(), *where.config_conditions(), *where.target_conditions())
    return sa.select(*chosen).select_from(source).where(*conditions).order_by(run.c.id, cell.c.id)
