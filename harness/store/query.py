"""What is in the store, as pandas tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from .bulk import mapping
from .frame import TIDY, TIDY_TYPES
from .schema import cell, config, metric, metric_def, missing, run, series, target
from .times import iso
from .where import Where
from .wide import KEYS, wide

_LATEST = (
    *("target", "machine", "case", "model", "compression", "runtime", "metric", "unit", "better"),
    *("value", "value_before", "ratio", "run", "run_before"),
)
_SERIES = series.join(config, config.c.id == series.c.config).join(target, target.c.id == series.c.target)
_SERIES = _SERIES.join(metric_def, metric_def.c.id == series.c.metric)


def frame_of(connection: sa.Connection, query: sa.Select[Any]) -> pd.DataFrame:
    """The rows of a query."""
    return pd.DataFrame(_columns(connection, query))


def _columns(connection: sa.Connection, query: sa.Select[Any]) -> dict[str, Any]:
    """The columns of a query by name: given its rows, pandas would take seconds to find out what they are."""
    result = connection.execute(query)
    names = list(result.keys())
    columns = list(zip(*result.all(), strict=True)) or [()] * len(names)
    return dict(zip(names, columns, strict=True))


def chosen_series(where: Where) -> sa.Select[Any]:
    """Ids of the series that are meant."""
    return sa.select(series.c.id).select_from(_SERIES).where(*where.case_conditions(), *where.metric_conditions())


def runs(connection: sa.Connection, where: Where) -> pd.DataFrame:
    """One row a run, oldest first: run, started_utc, suite, profile, trigger, git_sha, harness_version."""
    names = ("uuid", "started", "suite", "profile", "trigger", "git_sha", "harness_version")
    query = sa.select(*(run.c[name] for name in names)).where(*where.run_conditions()).order_by(run.c.id)
    frame = frame_of(connection, query).rename(columns={"uuid": "run", "started": "started_utc"})
    return frame.assign(started_utc=[iso(time) for time in frame.started_utc])


def tidy(connection: sa.Connection, where: Where) -> pd.DataFrame:
    """One row a metric, oldest run first: the columns of `harness.store.frame.TIDY`."""
    columns = _points_columns(connection, where)
    columns["started_utc"] = [iso(time) for time in columns["started"]]
    return pd.DataFrame({name: columns[name] for name in TIDY})


def table(connection: sa.Connection, where: Where) -> pd.DataFrame:
    """One row a case of a run: the columns of `harness.store.frame.table`."""
    return wide(frame_of(connection, _cells(where)), pd.DataFrame(_points_columns(connection, where)))


def _points_columns(connection: sa.Connection, where: Where) -> dict[str, Any]:
    """Values and what is missing, with all that is known of their run and case: typed columns by name."""
    empty = sa.null()
    values = _points(metric, where, [metric.c.value, metric.c.lo, metric.c.hi, metric.c.n, empty.label("reason")])
    absent = [empty.label(name) for name in ("value", "lo", "hi", "n")]
    parts = sa.union_all(values, _points(missing, where, [*absent, missing.c.reason])).subquery()
    columns = _columns(connection, sa.select(parts).order_by(parts.c.key, parts.c.cell, parts.c.metric_id))
    return columns | {name: pd.array(columns[name], dtype=kind) for name, kind in TIDY_TYPES.items()}


def latest_against_previous(connection: sa.Connection, where: Where) -> pd.DataFrame:
    """One row a series that has two runs: its newest value, the one before, and their ratio."""
    chosen = sa.select(series).where(series.c.id.in_(chosen_series(where))).subquery()
    within = _within(where)
    newest = sa.select(sa.func.max(metric.c.run)).where(metric.c.series == chosen.c.id, *within).scalar_subquery()
    last = sa.select(chosen, newest.label("run")).subquery()
    earlier = sa.select(sa.func.max(metric.c.run)).where(
        metric.c.series == last.c.id, metric.c.run < last.c.run, *within
    )
    pair = sa.select(last, earlier.scalar_subquery().label("run_before")).subquery()
    now, before = metric.alias("now"), metric.alias("then")
    query = (
        sa.select(pair, now.c.value, before.c.value.label("value_before"))
        .join(now, sa.and_(now.c.series == pair.c.id, now.c.run == pair.c.run, now.c.repeat == 0))
        .join(before, sa.and_(before.c.series == pair.c.id, before.c.run == pair.c.run_before, before.c.repeat == 0))
    )
    return _named(connection, frame_of(connection, query))


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


def _within(where: Where) -> list[sa.ColumnElement[bool]]:
    """The choice of runs as a condition on `metric` alone: a range of its key where only times are asked for."""
    if where.run is not None or where.suite is not None:
        return [metric.c.run.in_(sa.select(run.c.id).where(*where.run_conditions()))]
    bounds = []
    if where.first_us is not None:
        bounds.append(metric.c.run >= where.first_us)
    if where.end_us is not None:
        bounds.append(metric.c.run < where.end_us)
    return bounds


def _points(points: sa.Table, where: Where, columns: Sequence[sa.ColumnElement[Any]]) -> sa.Select[Any]:
    names = [
        points.c.run.label("key"), run.c.started, run.c.uuid.label("run"), target.c.name.label("target"),
        target.c.machine, run.c.suite, run.c.profile, run.c.git_sha, cell.c.id.label("cell"), config.c.case,
        config.c.model, config.c.compression, config.c.runtime, config.c.threads, config.c.batch, config.c.scenario,
        cell.c.status.label("verdict"), metric_def.c.id.label("metric_id"), metric_def.c.name.label("metric"),
        metric_def.c.unit,
    ]  # fmt: skip
    same_cell = (
        cell.c.run == points.c.run, cell.c.config == series.c.config,
        cell.c.target == series.c.target, cell.c.repeat == points.c.repeat,
    )  # fmt: skip
    source = _SERIES.join(points, points.c.series == series.c.id).join(run, run.c.id == points.c.run)
    source = source.join(cell, sa.and_(*same_cell))
    conditions = (*where.case_conditions(), *where.metric_conditions(), *where.run_conditions())
    return sa.select(*names, *columns).select_from(source).where(*conditions)


def _cells(where: Where) -> sa.Select[Any]:
    columns = {
        "cell": cell.c.id, "run": run.c.uuid, "target": target.c.name, "verdict": cell.c.status,
        "reason": cell.c.error, "dataset": cell.c.dataset, "extra": config.c.extra, "texts": cell.c.texts,
    }  # fmt: skip
    columns |= {name: config.c[name] for name in ("case", *KEYS)}
    source = cell.join(run, run.c.id == cell.c.run).join(config, config.c.id == cell.c.config)
    source = source.join(target, target.c.id == cell.c.target)
    chosen = [column.label(name) for name, column in columns.items()]
    conditions = (*where.run_conditions(), *where.case_conditions())
    return sa.select(*chosen).select_from(source).where(*conditions).order_by(run.c.id, cell.c.id)
