"""Histories of many series as arrays, one column per run: the input of the nightly detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from harness.core.quantity import iso
from harness.core.verdict import trusts

from .conditions import chosen_series, run_conditions
from .filters import Filters
from .schema import cell, config, metric, metric_def, process, reset, reset_series, run, series, target

Floats = npt.NDArray[np.float64]
Row = tuple[Any, ...]
_SECONDS = 1e-9


@dataclass(frozen=True)
class Series:
    """One metric of one case on one unit, whose id is `machine`. `better` is 'lower', 'higher' or 'none'."""

    id: int
    target: str
    machine: str
    case_id: str
    model: str
    compression: str
    runtime: str
    metric: str
    unit: str
    better: str


@dataclass(frozen=True)
class NightRun:
    """A run. `id` is its sequence number."""

    id: int
    run_id: str
    started_utc: str
    git_sha: str | None
    suite: str


@dataclass(frozen=True)
class Nights:
    """The history of one metric, oldest run first. Metrics in nanoseconds are converted to seconds.

    Attributes:
        series: The series, the first axis of the arrays.
        runs: The runs, the second axis of the arrays.
        values: Shape (series, nights, processes): medians of fresh processes, or the single value of a metric without
            processes; NaN where missing, and where the verdict says that the metric must not be compared.
        value: Shape (series, nights): the recorded value; NaN where missing.
        lo: Lower end of its interval, of the same shape.
        hi: Upper end of its interval.
        n: Number of observations; 0 where unknown.
        status: Verdict of the case, '' where it was not in the run.
        artifact: SHA-256 of the model, '' where unknown.
        build: Hash of model and runtime, '' where unknown.
        environment: Shape (nights,): hash of system, firmware and power mode.
        since: Shape (series,): index of the first night after the last declared reset.

    """

    series: tuple[Series, ...]
    runs: tuple[NightRun, ...]
    values: Floats
    value: Floats
    lo: Floats
    hi: Floats
    n: npt.NDArray[np.int64]
    status: npt.NDArray[np.object_]
    artifact: npt.NDArray[np.object_]
    build: npt.NDArray[np.object_]
    environment: npt.NDArray[np.object_]
    since: npt.NDArray[np.int64]


def nights(connection: sa.Connection, where: Filters, last: int | None = None, run_id: str | None = None) -> Nights:
    """Return the histories of the series that `where` selects.

    Args:
        connection: A connection that reads.
        where: Selects the series and runs.
        last: Number of runs with any of the series, None for all.
        run_id: The run that the histories end with, None for the newest: later runs are left out.

    """
    chosen = _series(connection, where)
    rows = {item.id: index for index, item in enumerate(chosen)}
    runs = _runs(connection, where, last, run_id)
    columns = {night.id: index for index, (night, _) in enumerate(runs)}
    shape = (len(chosen), len(runs))
    scale = _SECONDS if chosen and chosen[0].unit == "ns" else 1.0
    grid = _Grid(connection, where, rows, columns)
    status, artifact, build = grid.texts(shape)
    value, lo, hi, n = grid.numbers(shape, scale)
    values = grid.processes(value, scale)
    values[_spoiled(chosen, status)] = np.nan
    return Nights(
        tuple(chosen), tuple(night for night, _ in runs), values, value, lo, hi, n,
        status, artifact, build, np.array([environment for _, environment in runs], dtype=object),
        _since(connection, rows, [night.id for night, _ in runs]),
    )  # fmt: skip


def _spoiled(chosen: Sequence[Series], status: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    """Return where a verdict spoils the metric, of shape (series, nights); a case that was not in a run has none."""
    found = np.zeros(status.shape, dtype=np.bool_)
    for row, item in enumerate(chosen):
        found[row] = [bool(each) and not trusts(each, item.metric) for each in status[row]]
    return found


def _series(connection: sa.Connection, where: Filters) -> list[Series]:
    query = (
        sa.select(
            series.c.id, target.c.name, target.c.machine, config.c.case, config.c.model, config.c.compression,
            config.c.runtime, metric_def.c.name, metric_def.c.unit, metric_def.c.better,
        )
        .join_from(series, target).join(config).join(metric_def)
        .where(series.c.id.in_(chosen_series(where)))
        .order_by(series.c.id)
    )  # fmt: skip
    return [Series(*row) for row in map(tuple, connection.execute(query))]


def _runs(
    connection: sa.Connection, where: Filters, last: int | None, run_id: str | None
) -> list[tuple[NightRun, str]]:
    """Return the runs with a chosen case, oldest first, each with its environment hash."""
    until = [] if run_id is None else [run.c.id <= sa.select(run.c.id).where(run.c.uuid == run_id).scalar_subquery()]
    cases = sa.select(series.c.config, series.c.target).where(series.c.id.in_(chosen_series(where)))
    tried_in = sa.select(cell.c.run).where(sa.tuple_(cell.c.config, cell.c.target).in_(cases))
    query = (
        sa.select(run.c.id, run.c.uuid, run.c.started, run.c.git_sha, run.c.suite, run.c.environment)
        .where(*run_conditions(where), *until, run.c.id.in_(tried_in))
        .order_by(run.c.id.desc())
        .limit(last)
    )
    rows = reversed([tuple(row) for row in connection.execute(query)])
    return [(NightRun(key, uuid, iso(us), sha, suite), environment) for key, uuid, us, sha, suite, environment in rows]


class _Grid:
    """Fills arrays of shape (series, nights) from the rows of the chosen series and runs."""

    def __init__(
        self, connection: sa.Connection, where: Filters, rows: Mapping[int, int], columns: Mapping[int, int]
    ) -> None:
        self._connection, self._chosen = connection, chosen_series(where)
        self._rows, self._columns = rows, columns
        self._first = min(columns, default=0)

    def _fetch(self, *selected: sa.ColumnElement[Any], table: sa.Table) -> list[Row]:
        """Return (series, run, *selected) for each chosen row of a large table."""
        query = sa.select(table.c.series, table.c.run, *selected).where(
            table.c.series.in_(self._chosen), table.c.run >= self._first, table.c.repeat == 0
        )
        return self._within(query)

    def _within(self, query: sa.Select[Any]) -> list[Row]:
        """Return the rows whose run is one of the columns."""
        rows: list[Row] = [tuple(row) for row in self._connection.execute(query)]
        return [row for row in rows if row[1] in self._columns]

    def _indices(self, rows: Sequence[Row]) -> tuple[list[int], list[int]]:
        return [self._rows[row[0]] for row in rows], [self._columns[row[1]] for row in rows]

    def numbers(self, shape: tuple[int, int], scale: float) -> tuple[Floats, Floats, Floats, npt.NDArray[np.int64]]:
        rows = self._fetch(metric.c.value, metric.c.lo, metric.c.hi, metric.c.n, table=metric)
        indices = self._indices(rows)
        arrays = [np.full(shape, np.nan) for _ in range(3)]
        for array, column in zip(arrays, (2, 3, 4), strict=True):
            array[indices] = [np.nan if row[column] is None else row[column] * scale for row in rows]
        n = np.zeros(shape, dtype=np.int64)
        n[indices] = [row[5] or 0 for row in rows]
        return arrays[0], arrays[1], arrays[2], n

    def processes(self, value: Floats, scale: float) -> Floats:
        """Return the medians of the processes where they are stored, else the value as the only one."""
        rows = self._fetch(process.c.process, process.c.value, table=process)
        width = 1 + max((row[2] for row in rows), default=0)
        filled = np.full((*value.shape, width), np.nan)
        filled[..., 0] = value
        filled[(*self._indices(rows), [row[2] for row in rows])] = [row[3] * scale for row in rows]
        return filled

    def texts(self, shape: tuple[int, int]) -> list[npt.NDArray[np.object_]]:
        """Return verdict, artifact and build of each case."""
        query = sa.select(series.c.id, cell.c.run, cell.c.status, cell.c.artifact, cell.c.build).join_from(
            series, cell, sa.and_(cell.c.config == series.c.config, cell.c.target == series.c.target)
        )
        query = query.where(series.c.id.in_(self._chosen), cell.c.run >= self._first, cell.c.repeat == 0)
        rows = self._within(query)
        indices = self._indices(rows)
        arrays = [np.full(shape, "", dtype=object) for _ in range(3)]
        for array, column in zip(arrays, (2, 3, 4), strict=True):
            array[indices] = [row[column] for row in rows]
        return arrays


def _since(connection: sa.Connection, rows: Mapping[int, int], runs: Sequence[int]) -> npt.NDArray[np.int64]:
    """Return the index of the first run after each series' last reset; the number of runs if there is none."""
    query = sa.select(reset_series.c.series, sa.func.max(reset.c.since)).join(reset).group_by(reset_series.c.series)
    first = np.zeros(len(rows), dtype=np.int64)
    for number, since in connection.execute(query):
        if number in rows:
            first[rows[number]] = np.searchsorted(np.asarray(runs, dtype=np.int64), since)
    return first
