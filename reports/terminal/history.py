"""Histories out of a store for the terminal: a block a case and metric, a line a run."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.core.metric import METRICS
from harness.core.quantity import Missing, Quantity, Value
from reports.numbers import format_change, scale_for, show
from reports.text import clean

from .table import figure

_HISTORY = frozenset({"case", "metric", "value", "lo", "hi", "reason", "started_utc", "verdict"})


def history_table(frame: pd.DataFrame) -> RenderableType:
    """A tidy history in blocks, with the change from run to run; any other table as it is."""
    if not set(frame.columns) >= _HISTORY:
        return _plain(frame)
    blocks = frame.groupby(["target", "machine", "case", "metric"], sort=False)
    shown: list[RenderableType] = []
    for (target, _, case, metric), part in blocks:
        shown += [Text(clean(f"{case}  {metric} on {target}"), style="bold"), _block(part)]
    return Group(*shown)


def _block(part: pd.DataFrame) -> Table:
    metric = METRICS[part.metric.iloc[0]]
    scale = scale_for(metric, part.value.dropna())
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("run (UTC)", f"{metric.title} {scale.unit}".rstrip(), "change", "verdict", "commit"):
        table.add_column(name, no_wrap=True)
    before: float | None = None
    for row in part.to_dict("records"):
        shown = show(_quantity(row), scale)
        value = None if shown.missing else float(row["value"])
        change = format_change(value / before)[0] if value and before else ""
        commit = row.get("git_sha")
        cells = (change, row["verdict"], commit[:10] if isinstance(commit, str) else "")
        started = row["started_utc"][:16].replace("T", " ")
        table.add_row(started, figure(shown), *(Text(clean(str(cell))) for cell in cells))
        before = value or before
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
