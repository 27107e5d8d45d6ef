"""Histories of many series as arrays, night by night: what the nightly detector takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from harness.core.quantity import iso

from .filters import Filters, chosen_series
from .schema import cell, config, metric, metric_def, process, reset, reset_series, run, series, target

Floats = npt.NDArray[np.float64]
Row = tuple[Any, ...]
_SECONDS = 1e-9


@dataclass(frozen=True)
class Series:
    """What has a history: one metric of one case on one machine. `better`: lower, higher or none."""

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
    """A run; `id` is its start in UTC microseconds, moved by a few where two began together."""

    id: int
    run_id: str
    started_utc: str
    git_sha: str | None
    suite: str


@dataclass(frozen=True)
class Nights:
    """One metric's history: `series` by `runs`, oldest run first. Metrics in nanoseconds are in seconds here.

    values: (series, nights, processes) medians of fresh processes, or the one value a metric has; NaN where missing.
    value, lo, hi: (series, nights) the recorded value and its interval; NaN. n: how many observations; 0 unknown.
    status: the case's verdict; artifact: sha256 of the model file; build: hash over artifact and runtime; all '' where
    the case was not in that run, or it is not known. environment: (nights,) hash over system, firmware and power mode.
    since: (series,) first night after the last declared reset.
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


def nights(connection: sa.Connection, where: Filters, last: int | None = None) -> Nights:
    """The histories that `where` chooses, of its one metric, over the `last` runs that hold any of them, or all."""
    found = _series(connection, where)
    rows = {one.id: index for index, one in enumerate(found)}
    times = _runs(connection, where, last)
    columns = {one.id: index for index, (one, _) in enumerate(times)}
    shape = (len(found), len(times))
    scale = _SECONDS if found and found[0].unit == "ns" else 1.0
    grid = _Grid(connection, where, rows, columns)
    status, artifact, build = grid.texts(shape)
    value, lo, hi, n = grid.numbers(shape, scale)
    return Nights(
        tuple(found), tuple(one for one, _ in times), grid.processes(value, scale), value, lo, hi, n,
        status, artifact, build, np.array([hash_ for _, hash_ in times], dtype=object),
        _since(connection, rows, [one.id for one, _ in times]),
    )  # fmt: skip


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


def _runs(connection: sa.Connection, where: Filters, last: int | None) -> list[tuple[NightRun, str]]:
    """Runs in which a chosen case was tried, oldest first, with their environment."""
    cases = sa.select(series.c.config, series.c.target).where(series.c.id.in_(chosen_series(where)))
    tried = sa.select(cell.c.run).where(sa.tuple_(cell.c.config, cell.c.target).in_(cases))
    query = (
        sa.select(run.c.id, run.c.uuid, run.c.started, run.c.git_sha, run.c.suite, run.c.environment)
        .where(*where.run_conditions(), run.c.id.in_(tried))
        .order_by(run.c.id.desc())
        .limit(last)
    )
    found = list(map(tuple, connection.execute(query)))
    return [(NightRun(key, uuid, iso(us), sha, suite), hash_) for key, uuid, us, sha, suite, hash_ in reversed(found)]


class _Grid:
    """Fills arrays (series, nights) from the rows of the chosen series in the chosen runs."""

    def __init__(
        self, connection: sa.Connection, where: Filters, rows: Mapping[int, int], columns: Mapping[int, int]
    ) -> None:
        self._connection, self._chosen = connection, chosen_series(where)
        self._rows, self._columns = rows, columns
        self._first = min(columns, default=0)

    def _fetch(self, *selected: sa.ColumnElement[Any], table: sa.Table) -> list[Row]:
        """(series' row, night, ...) of every row of a large table."""
        query = sa.select(table.c.series, table.c.run, *selected).where(
            table.c.series.in_(self._chosen), table.c.run >= self._first, table.c.repeat == 0
        )
        return self._within(query)

    def _within(self, query: sa.Select[Any]) -> list[Row]:
        """The rows whose run is one of the columns."""
        rows: list[Row] = [tuple(row) for row in self._connection.execute(query)]
        return [row for row in rows if row[1] in self._columns]

    def _place(self, found: Sequence[Row]) -> tuple[list[int], list[int]]:
        return [self._rows[row[0]] for row in found], [self._columns[row[1]] for row in found]

    def numbers(self, shape: tuple[int, int], scale: float) -> tuple[Floats, Floats, Floats, npt.NDArray[np.int64]]:
        found = self._fetch(metric.c.value, metric.c.lo, metric.c.hi, metric.c.n, table=metric)
        place = self._place(found)
        arrays = [np.full(shape, np.nan) for _ in range(3)]
        for array, column in zip(arrays, (2, 3, 4), strict=True):
            array[place] = [np.nan if row[column] is None else row[column] * scale for row in found]
        n = np.zeros(shape, dtype=np.int64)
        n[place] = [row[5] or 0 for row in found]
        return arrays[0], arrays[1], arrays[2], n

    def processes(self, value: Floats, scale: float) -> Floats:
        """Medians of the processes where they were kept, else the value itself as the only one."""
        found = self._fetch(process.c.process, process.c.value, table=process)
        width = 1 + max((row[2] for row in found), default=0)
        filled = np.full((*value.shape, width), np.nan)
        filled[..., 0] = value
        filled[(*self._place(found), [row[2] for row in found])] = [row[3] * scale for row in found]
        return filled

    def texts(self, shape: tuple[int, int]) -> list[npt.NDArray[np.object_]]:
        """Verdict, artifact and build of every case."""
        query = sa.select(series.c.id, cell.c.run, cell.c.status, cell.c.artifact, cell.c.build).join_from(
            series, cell, sa.and_(cell.c.config == series.c.config, cell.c.target == series.c.target)
        )
        query = query.where(series.c.id.in_(self._chosen), cell.c.run >= self._first, cell.c.repeat == 0)
        found = self._within(query)
        place = self._place(found)
        arrays = [np.full(shape, "", dtype=object) for _ in range(3)]
        for array, column in zip(arrays, (2, 3, 4), strict=True):
            array[place] = [row[column] for row in found]
        return arrays


def _since(connection: sa.Connection, rows: Mapping[int, int], runs: Sequence[int]) -> npt.NDArray[np.int64]:
    """Index of the first run at or after each series' last reset; the number of runs where none has come since."""
    query = sa.select(reset_series.c.series, sa.func.max(reset.c.at)).join(reset).group_by(reset_series.c.series)
    first = np.zeros(len(rows), dtype=np.int64)
    for number, at in connection.execute(query):
        if number in rows:
            first[rows[number]] = np.searchsorted(np.asarray(runs, dtype=np.int64), at)
    return first
