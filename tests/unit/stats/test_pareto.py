"""The Pareto front against its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats import pareto

POINT = st.tuples(st.one_of(st.integers(0, 4), st.just(math.nan)), st.integers(0, 4))


def test_latency_down_accuracy_up() -> None:
    points = [(10.0, 0.90), (12.0, 0.92), (12.0, 0.91), (30.0, 0.95), (31.0, 0.95), (5.0, math.nan)]
    assert pareto.front(points, ("min", "max")).tolist() == [True, True, False, True, False, False]
    assert pareto.dominators(points, ("min", "max")) == [(), (), (1,), (), (3,), ()]


def test_equal_points_share_the_front() -> None:
    assert pareto.front([(1.0, 1.0), (1.0, 1.0)], ("min", "min")).all()


@given(st.lists(POINT, min_size=1, max_size=12))
def test_front_is_what_nothing_dominates(points: list[tuple[float, float]]) -> None:
    def dominates(p: tuple[float, float], q: tuple[float, float]) -> bool:
        complete = not any(map(math.isnan, (*p, *q)))
        return complete and p[0] <= q[0] and p[1] >= q[1] and p != q

    beaten_by = [tuple(j for j, p in enumerate(points) if dominates(p, q)) for q in points]
    assert pareto.dominators(points, ("min", "max")) == beaten_by
    expected = [not b and not any(map(math.isnan, q)) for b, q in zip(beaten_by, points, strict=True)]
    assert pareto.front(points, ("min", "max")).tolist() == expected


def test_no_points_have_an_empty_front() -> None:
    assert pareto.front(np.empty((0, 2)), ("min", "max")).tolist() == []


@pytest.mark.parametrize(
    ("points", "directions", "message"),
    [
        ([1.0, 2.0], ("min",), "2 dimension"),
        ([[1.0, 2.0]], ("min",), "one a column"),
        ([[1.0]], ("up",), "'up'"),
        ([[math.inf]], ("min",), "inf"),
        ([[1.0], [1.0, 2.0]], ("min",), "rectangular"),
    ],
)
def test_bad_points_are_named(points: list[list[float]], directions: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pareto.front(points, directions)  # type: ignore[arg-type]
