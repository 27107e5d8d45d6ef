"""Histories from a store for the terminal: a block per case and metric, a line per run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.core.metric import METRICS
from harness.core.quantity import Missing, Quantity, Value
from harness.core.verdict import trusts
from reports.numbers import format_change, scale_for, show
from reports.text import clean

from .table import value_text

_HISTORY_COLUMNS = frozenset({"case", "metric", "value", "lo", "hi", "reason", "started_utc", "verdict"})


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
        renderables += [Text(clean(f"{case}  {metric} on {target}{named}"), style="bold"), _block(rows)]
    return Group(*renderables)


def _block(frame: pd.DataFrame) -> Table:
    metric = METRICS[frame.metric.iloc[0]]
    scale = scale_for(metric, frame.value.dropna())
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("run (UTC)", f"{metric.title} {scale.unit}".rstrip(), "change", "verdict", "commit"):
        table.add_column(name, no_wrap=True)
    previous: float | None = None
    for row in frame.to_dict("records"):
        formatted = show(_quantity(row), scale)
        value = None if formatted.missing else float(row["value"])
        value = value if trusts(row["verdict"], metric.name) else None
        change = format_change(value / previous)[0] if value and previous else ""
        commit = row.get("git_sha")
        cells = (change, row["verdict"], commit[:10] if isinstance(commit, str) else "")
        started = row["started_utc"][:16].replace("T", " ")
        table.add_row(started, value_text(formatted), *(Text(clean(str(cell))) for cell in cells))
        previous = value or previous
    return table


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
