"""The Pareto front: the points that no other point dominates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from .validation import BoolArray, FloatArray, numbers

Direction = Literal["min", "max"]


def front(points: npt.ArrayLike, directions: Sequence[Direction]) -> BoolArray:
    """Return a mask of shape (n,): True where no other of the `points` (n, d) dominates.

    p dominates q if it is at least as good in every measure and better in one. `directions` says
    for each of the d measures whether less ("min") or more ("max") is better. A point with a
    missing value (NaN) is never on the front and dominates none. Equal points are both on it.
    """
    costs = _costs(points, directions)
    complete: BoolArray = ~np.isnan(costs).any(axis=1).reshape(-1)
    on_front = np.zeros(len(costs), dtype=np.bool_)
    # in this order whatever dominates a point comes before it, and one that does is on the front
    for i in np.lexsort(costs.T[::-1]).tolist():
        on_front[i] = complete[i] and not _dominate(costs[on_front], costs[i]).any()
    return on_front


def dominators(points: npt.ArrayLike, directions: Sequence[Direction]) -> list[tuple[int, ...]]:
    """Return for each point the indices of those that dominate it; none for a point with a missing value."""
    costs = _costs(points, directions)
    return [tuple(int(j) for j in np.flatnonzero(_dominate(costs, point))) for point in costs]


def _costs(points: npt.ArrayLike, directions: Sequence[Direction]) -> FloatArray:
    """Return the points with every measure turned so that less is better."""
    array = numbers("points", points, 2, allow_nan=True)
    unknown = [d for d in directions if d not in {"min", "max"}]
    if unknown:
        raise ValueError(f"directions: each 'min' or 'max' expected, got {unknown[0]!r}")
    if len(directions) != array.shape[1] or len(directions) == 0:
        raise ValueError(f"directions: one a column expected, got {len(directions)} for points of shape {array.shape}")
    return np.asarray(array * np.array([1.0 if d == "min" else -1.0 for d in directions]))


def _dominate(costs: FloatArray, point: FloatArray) -> BoolArray:
    """Return which of the points dominate one."""
    # comparisons with NaN are False, so an incomplete point neither dominates nor is dominated
    return np.asarray((costs <= point).all(axis=1) & (costs < point).any(axis=1))
