"""Queries of a store that return pandas tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from harness.core.metric import METRICS
from harness.core.quality import OF_CLASSIFICATION, TOP1
from harness.core.quantity import iso
from harness.core.record import TEXT_COLUMNS
from harness.core.scenario import LOAD_PARAMETERS
from harness.core.verdict import trusts
from harness.store.frame import TIDY, TIDY_TYPES
from harness.store.rows import columns, dtype, metric_columns

from .conditions import (
    chosen_series,
    config_conditions,
    of_cases,
    of_runs,
    of_series,
    run_conditions,
    target_conditions,
)
from .filters import Filters
from .schema import cell, config, metric, metric_def, missing, run, series, target
from .writer import mapping

Row = tuple[Any, ...]
_SERIES = (
    *("config", "target_id", "metric_id", "target", "machine", "case", "model", "compression", "runtime", "threads"),
    *("batch", "scenario", "metric", "unit"),
)
_RUN = ("run", "started", "suite", "profile", "git_sha")
_CELL = ("cell", "verdict")
_NUMBERS = ("value", "lo", "hi", "n", "reason")


def select_metrics(connection: sa.Connection, where: Filters) -> dict[str, Any]:
    """Return typed columns by name, oldest run first; 'started' is in UTC microseconds, 'cell' is the id of a cell."""
    of_series_ = _by_key(connection, _series(where))
    of_run = _by_key(connection, _runs(where))
    of_cell = _by_key(connection, _cell_columns(where), 4)
    points: list[tuple[int, Row, Row, Row, Row]] = []
    for number, run_id, repeat, *numbers in connection.execute(_values(where)):
        series_row, run_row = of_series_[number], of_run.get(run_id)
        cell_row = of_cell.get((run_id, series_row[0], series_row[1], repeat))
        if cell_row and run_row:  # `edgebench store check` reports rows that belong to no case
            points.append((run_id, cell_row, series_row, run_row, tuple(numbers)))
    points.sort(key=lambda point: (point[0], point[1][0], point[2][2]))
    _, *parts = zip(*points, strict=True) if points else ((),) * 5
    columns: dict[str, Any] = {}
    for names, rows in zip((_CELL, _SERIES, _RUN, _NUMBERS), parts, strict=True):
        columns |= by_name(names, rows)
    return columns | {name: pd.array(columns[name], dtype=kind) for name, kind in TIDY_TYPES.items()}


def by_name(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Transpose rows into columns by name; pandas would take seconds to infer the types of rows."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    return dict(zip(names, columns, strict=True))


def _by_key(connection: sa.Connection, query: sa.Select[Any], width: int = 1) -> dict[Any, Row]:
    """Return the rows of a query, keyed by their first column or, with `width`, by the tuple of that many."""
    rows = map(tuple, connection.execute(query))
    return {row[0] if width == 1 else row[:width]: row[width:] for row in rows}


def _series(where: Filters) -> sa.Select[Any]:
    columns = (
        series.c.id, config.c.id, target.c.id, metric_def.c.id, target.c.name, target.c.machine, config.c.case,
        config.c.model, config.c.compression, config.c.runtime, config.c.threads, config.c.batch, config.c.scenario,
        metric_def.c.name, metric_def.c.unit,
    )  # fmt: skip
    return chosen_series(where, *columns).select_from(series.join(config).join(target).join(metric_def))


def _runs(where: Filters) -> sa.Select[Any]:
    columns = (run.c.id, run.c.uuid, run.c.started, run.c.suite, run.c.profile, run.c.git_sha)
    return sa.select(*columns).where(*run_conditions(where))


def _cell_columns(where: Filters) -> sa.Select[Any]:
    key = (cell.c.run, cell.c.config, cell.c.target, cell.c.repeat)
    return sa.select(*key, cell.c.id, cell.c.status).where(*of_cases(cell, where), *of_runs(cell, where))


def _values(where: Filters) -> sa.CompoundSelect[Any]:
    """Select from both large tables: series, run, repeat, then the columns of `_NUMBERS`."""
    nothing = sa.null()
    parts = []
    for table, numbers in (
        (metric, (metric.c.value, metric.c.lo, metric.c.hi, metric.c.n, nothing)),
        (missing, (nothing, nothing, nothing, nothing, missing.c.reason)),
    ):
        chosen = (*of_series(table, where), *of_runs(table, where))
        parts.append(sa.select(table.c.series, table.c.run, table.c.repeat, *numbers).where(*chosen))
    return sa.union_all(*parts)


_LATEST = (
    *("target", "machine", "case", "model", "compression", "runtime", "metric", "unit", "better"),
    *("value", "value_before", "ratio", "run", "run_before"),
)


def frame_of(connection: sa.Connection, query: sa.Select[Any]) -> pd.DataFrame:
    """Return the rows of a query as a table."""
    result = connection.execute(query)
    return pd.DataFrame(by_name(list(result.keys()), result.all()))


def runs(connection: sa.Connection, where: Filters) -> pd.DataFrame:
    """Return one row per run, oldest first, with the columns that `Store.runs` names."""
    names = ("uuid", "started", "suite", "profile", "trigger", "git_sha", "harness_version", "id")
    cases = of_cases(cell, where)
    chosen = [run.c.id.in_(sa.select(cell.c.run).where(*cases))] if cases else []  # a run may have no case yet
    query = sa.select(*(run.c[name] for name in names)).where(*run_conditions(where), *chosen).order_by(run.c.id)
    frame = frame_of(connection, query).rename(columns={"uuid": "run", "started": "started_utc", "id": "sequence"})
    return frame.assign(started_utc=[iso(time) for time in frame.started_utc])


def tidy(connection: sa.Connection, where: Filters) -> pd.DataFrame:
    """Return one row per metric, oldest run first, with the columns of `harness.store.frame.TIDY`."""
    columns = select_metrics(connection, where)
    columns["started_utc"] = [iso(time) for time in columns["started"]]
    return pd.DataFrame({name: columns[name] for name in TIDY})


def table(connection: sa.Connection, where: Filters) -> pd.DataFrame:
    """Return one row per case of a run, with the columns of `harness.store.frame.table`."""
    return wide(frame_of(connection, _cells(where)), pd.DataFrame(select_metrics(connection, where)))


def latest_against_previous(connection: sa.Connection, where: Filters) -> pd.DataFrame:
    """Return one row per series with two runs or more: its newest value, the one before, and their ratio.

    There is no ratio where the verdict on one of them says that the metric must not be compared.
    """
    pairs = _pairs_lateral if connection.dialect.name == "postgresql" else _pairs
    return _named(connection, frame_of(connection, pairs(where)))


def _pairs(where: Filters) -> sa.Select[Any]:
    """Select each series with its two newest runs and their values."""
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


def _pairs_lateral(where: Filters) -> sa.Select[Any]:
    """Select as `_pairs` does, by LATERAL, which SQLite lacks; PostgreSQL evaluates the subqueries five times."""
    chosen = chosen_series(where, *series.c).subquery()

    def newest(name: str, *earlier: sa.ColumnElement[bool]) -> sa.FromClause:
        query = sa.select(metric.c.run, metric.c.value).where(
            metric.c.series == chosen.c.id, metric.c.repeat == 0, *of_runs(metric, where), *earlier
        )
        return query.order_by(metric.c.run.desc()).limit(1).lateral(name)

    now = newest("now")
    before = newest("then", metric.c.run < now.c.run)
    columns = (now.c.run, now.c.value, before.c.run.label("run_before"), before.c.value.label("value_before"))
    return sa.select(chosen, *columns).select_from(chosen.join(now, sa.true()).join(before, sa.true()))


def _named(connection: sa.Connection, pairs: pd.DataFrame) -> pd.DataFrame:
    """Replace ids by names; joined here, so that each name is fetched once and not once per row."""
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
    comparable = _are_trusted(connection, pairs, "run") & _are_trusted(connection, pairs, "run_before")
    pairs = pairs.assign(ratio=(pairs.value / pairs.value_before).where(comparable & (pairs.value_before != 0)))
    pairs = pairs.sort_values("id", ignore_index=True).assign(
        target=pairs.target_name,
        metric=pairs.metric_name,
        run=pairs.run.map(runs_by_id),
        run_before=pairs.run_before.map(runs_by_id),
    )
    return pairs[list(_LATEST)]


def _are_trusted(connection: sa.Connection, pairs: pd.DataFrame, which: str) -> pd.Series[bool]:
    """Return for each series whether the verdict of the run in the column `which` lets its metric be compared."""
    chosen = {int(number) for number in pairs[which]}
    columns = (cell.c.run, cell.c.config, cell.c.target, cell.c.status)
    query = sa.select(*columns).where(cell.c.repeat == 0, cell.c.run.in_(chosen))
    status = {(row[0], row[1], row[2]): row[3] for row in map(tuple, connection.execute(query))}
    rows = zip(pairs[which], pairs.config, pairs.target, pairs.metric_name, strict=True)
    return pd.Series([trusts(status[key[:3]], key[3]) for key in rows], index=pairs.index, dtype="bool")


def _cells(where: Filters) -> sa.Select[Any]:
    columns = {
        "cell": cell.c.id, "run": run.c.uuid, "target": target.c.name, "verdict": cell.c.status,
        "reason": cell.c.error, "dataset": cell.c.dataset, "extra": config.c.extra, "texts": cell.c.texts,
    }  # fmt: skip
    columns |= {name: config.c[name] for name in ("case", *KEYS)}
    source = cell.join(run, run.c.id == cell.c.run).join(config, config.c.id == cell.c.config)
    source = source.join(target, target.c.id == cell.c.target)
    chosen = [column.label(name) for name, column in columns.items()]
    conditions = (*run_conditions(where), *config_conditions(where), *target_conditions(where))
    return sa.select(*chosen).select_from(source).where(*conditions).order_by(run.c.id, cell.c.id)


KEYS = ("model", "compression", "runtime", "threads", "batch", "scenario")


def wide(cells: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """Return the table of `cells`, in their order, with the metrics of `points`; both have the column 'cell'."""
    extra = [json.loads(text) for text in cells.extra]
    frame = cells.set_index("cell").drop(columns=["extra", "texts"])
    texts = [json.loads(text) for text in cells.texts]
    for name in TEXT_COLUMNS:
        frame[name] = [row.get(name) for row in texts]
    frame["weights"] = [row["weights"] for row in extra]
    frame["driver"] = [row["driver"] for row in extra]
    for name in LOAD_PARAMETERS:
        frame[name] = [row["load"].get(name) for row in extra]
    for metric_name, part in points.groupby("metric"):
        frame = frame.join(_numbers(str(metric_name), part.set_index("cell")))
    frame["energy_reason"] = _energy_reason(points, frame.index)
    frame = _with_quality(frame)
    return pd.DataFrame({name: _typed(frame, name) for name in columns()}).reset_index(drop=True)


def _with_quality(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the quality of cells from before there were other tasks, whose quality is top-1."""
    if "top1" not in frame:
        return frame
    older = frame["top1"].notna() & (frame["quality"].isna() if "quality" in frame else True)
    for name, of_classification in OF_CLASSIFICATION.items():
        for own, source in zip(*(metric_columns(METRICS[each]) for each in (name, of_classification)), strict=False):
            if source in frame:
                known = frame[own] if own in frame else pd.Series(None, frame.index, dtype="float64")
                frame[own] = known.where(~older, frame[source])
    frame["quality_metric"] = frame["quality_metric"].where(~older, TOP1.metric)
    return frame


def _numbers(metric: str, part: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of a metric: its value, and its interval if the table shows it."""
    names = metric_columns(METRICS[metric])
    columns = part[["value", "lo", "hi"][: len(names)]]
    return columns.set_axis(names, axis="columns")


def _energy_reason(points: pd.DataFrame, cells: pd.Index[int]) -> pd.Series[str]:
    """Return why there is no net energy, else why there is no gross energy."""
    reasons = points[points.reason.notna()].set_index("cell")
    net, gross = (reasons.reason[reasons.metric == name] for name in ("energy_net_j", "energy_gross_j"))
    return net.reindex(cells).where(lambda reasons: reasons.notna(), gross.reindex(cells))


def _typed(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    column = frame[name] if name in frame else pd.Series(None, index=frame.index, dtype="object")
    if dtype(name) == "Int64":
        return column.astype("float64").round().astype("Int64")
    if dtype(name) == "float64":
        return column.astype("float64")
    return column.astype("object").where(column.notna(), None)
