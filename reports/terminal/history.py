"""Histories from a store for the terminal: a block per case and metric, a line per run, the steps marked."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from harness.core.metric import METRICS
from harness.core.quantity import Missing, Quantity, Value
from harness.core.verdict import trusts
from harness.store.comparison import SMALLEST
from reports.numbers import Scale, format_change, scale_for, show
from reports.text import clean
from reports.trend import levels_of

from .table import value_text

_HISTORY_COLUMNS = frozenset({"case", "metric", "value", "lo", "hi", "reason", "started_utc", "verdict"})
_UNLIMITED = 10_000  # characters: wider than any table
_STEP = "◂ step"


def history_table(frame: pd.DataFrame) -> RenderableType:
    """Return a tidy history as blocks, with the change from run to run, and any other table unchanged.

    A value that its verdict spoils is shown, and compared with none.
    """
    if not set(frame.columns) >= _HISTORY_COLUMNS:
        return _plain(frame)
    blocks = frame.groupby(["target", "machine", "case", "metric"], sort=False)
    units = Counter(frame[["target", "machine"]].drop_duplicates().target)
    renderables: list[RenderableType] = []
    for (target, unit, case, metric), rows in blocks:
        named = f" {unit or '(unit unknown)'}" if units[target] > 1 else ""
        renderables += [Text(clean(f"{case}  {metric} on {target}{named}"), style="bold"), _Block(rows)]
    return Group(*renderables)


@dataclass(frozen=True)
class _Block:
    """The runs of one case and metric; it leaves columns out where the console is narrow."""

    frame: pd.DataFrame

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        rows = self.frame.to_dict("records")
        metric = METRICS[self.frame.metric.iloc[0]]
        scale = scale_for(metric, self.frame.value.dropna())
        steps = _steps(rows, metric.name)
        title = f"{metric.title} {scale.unit}".rstrip()
        unlimited = options.update(width=_UNLIMITED)
        for columns in (("verdict", "commit"), ("verdict",), ()):
            table = _table(rows, metric.name, scale, (title, *columns), steps)
            if Measurement.get(console, unlimited, table).maximum <= options.max_width:
                break
        yield table
        for place, ratio in steps.items():
            commit = f" (commit {_commit(rows[place])})" if _commit(rows[place]) else ""
            yield Text(clean(f"step at {_started(rows[place])}{commit}: {format_change(ratio)[0]}"), style="yellow")


def _table(
    rows: Sequence[Mapping[Hashable, Any]], metric: str, scale: Scale, titles: Sequence[str], steps: Mapping[int, float]
) -> Table:
    """Return a line per run, with the change since the last one that can be trusted."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    title, *more = titles
    for name in ("run (UTC)", title, "change", *more):
        table.add_column(name, no_wrap=True)
    previous: float | None = None
    for place, row in enumerate(rows):
        formatted = show(_quantity(row), scale)
        value = _trusted(row, metric)
        change = format_change(value / previous)[0] if value and previous else ""
        change += f"{' ' * bool(change)}{_STEP}" if place in steps else ""
        cells = {"verdict": row["verdict"], "commit": _commit(row)}
        others = (Text(clean(str(cell))) for cell in (change, *(cells[name] for name in more)))
        table.add_row(_started(row), value_text(formatted), *others)
        previous = value or previous
    return table


def _steps(rows: Sequence[Mapping[Hashable, Any]], metric: str) -> dict[int, float]:
    """Return the rows at which a new level begins, with the new level over the old one."""
    places = [place for place, row in enumerate(rows) if (_trusted(row, metric) or 0.0) > 0.0]
    values = np.array([rows[place]["value"] for place in places], dtype=np.float64)
    levels = levels_of(values, 0, len(values)) if len(values) else []
    steps = {places[after.start]: after.ns / before.ns for before, after in itertools.pairwise(levels)}
    return {place: ratio for place, ratio in steps.items() if abs(ratio - 1) >= SMALLEST}


def _trusted(row: Mapping[Hashable, Any], metric: str) -> float | None:
    """Return the value of a row; None where it is missing, or where its verdict spoils it."""
    return None if pd.isna(row["value"]) or not trusts(row["verdict"], metric) else float(row["value"])


def _started(row: Mapping[Hashable, Any]) -> str:
    return str(row["started_utc"])[:16].replace("T", " ")


def _commit(row: Mapping[Hashable, Any]) -> str:
    commit = row.get("git_sha")
    return commit[:10] if isinstance(commit, str) else ""


def _quantity(row: Mapping[Hashable, Any]) -> Quantity:
    value, lo, hi = (row[name] for name in ("value", "lo", "hi"))
    if pd.isna(value):
        return Missing(str(row["reason"]))
    low, high = (None if pd.isna(bound) else float(bound) for bound in (lo, hi))
    return Value(float(value), low, high)


def _plain(frame: pd.DataFrame) -> Table:
    table = Table(*map(str, frame.columns), box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for row in frame.itertuples(index=False):
        table.add_row(*map(_text, row))
    return table


def _text(cell: Any) -> Text:
    if pd.isna(cell):
        return Text()
    return Text(clean(f"{cell:.6g}" if isinstance(cell, float) else str(cell)))
