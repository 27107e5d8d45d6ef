"""Rows of a store, one a metric, as the table with one row a case."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from harness.core.metric import METRICS
from harness.core.scenario import PARAMETERS
from harness.core.texts import TEXTS
from harness.store.frame import columns, dtype, metric_columns

KEYS = ("model", "compression", "runtime", "threads", "batch", "scenario")


def wide(cells: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """The table of `cells`, in their order, with the metrics of `points`; both have the column 'cell'."""
    extra = [json.loads(text) for text in cells.extra]
    made = cells.set_index("cell").drop(columns=["extra", "texts"])
    said = [json.loads(text) for text in cells.texts]
    for name in TEXTS:
        made[name] = [one.get(name) for one in said]
    made["weights"] = [one["weights"] for one in extra]
    made["driver"] = [one["driver"] for one in extra]
    for name in PARAMETERS:
        made[name] = [one["load"].get(name) for one in extra]
    for metric, part in points.groupby("metric"):
        made = made.join(_numbers(str(metric), part.set_index("cell")))
    made["energy_reason"] = _energy_reason(points, made.index)
    return pd.DataFrame({name: _typed(made, name) for name in columns()}).reset_index(drop=True)


def _numbers(metric: str, part: pd.DataFrame) -> pd.DataFrame:
    """One metric's columns: its value, and the interval where the table shows it."""
    names = metric_columns(METRICS[metric])
    found = part[["value", "lo", "hi"][: len(names)]]
    return found.set_axis(names, axis="columns")


def _energy_reason(points: pd.DataFrame, cells: pd.Index[int]) -> pd.Series[str]:
    """Why there is no net energy, else why there is no gross energy."""
    reasons = points[points.reason.notna()].set_index("cell")
    net, gross = (reasons.reason[reasons.metric == name] for name in ("energy_net_j", "energy_gross_j"))
    return net.reindex(cells).where(lambda found: found.notna(), gross.reindex(cells))


def _typed(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    column = frame[name] if name in frame else pd.Series(None, index=frame.index, dtype="object")
    if dtype(name) == "Int64":
        return column.astype("float64").round().astype("Int64")
    if dtype(name) == "float64":
        return column.astype("float64")
    return column.astype("object").where(column.notna(), None)
