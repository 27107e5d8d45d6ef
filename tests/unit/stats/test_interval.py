"""Effective sample size and the interval of the median."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import stats

LATENCY = st.floats(1e-3, 1e6)


def test_rare_bursts_cost_more_than_the_median_shows() -> None:
    x = np.ones(1000) + 1e-3 * np.random.default_rng(3).normal(size=1000)
    for start in (100, 450, 800):
        x[start : start + 60] *= 1.25
    assert stats.effective_sample_size(x) < 0.5 * stats.effective_sample_size(x, (0.5,))


def test_constant_and_alternating_series_are_worth_their_number() -> None:
    assert stats.effective_sample_size(np.full(100, 3.0)) == 100
    assert stats.effective_sample_size(np.tile([1.0, 2.0], 50)) == 100


def test_a_coarse_clock_does_not_hide_dependence() -> None:
    ticks = np.where(np.arange(1000) % 200 < 10, 100, 101)  # 95 % on the largest value
    assert stats.effective_sample_size(ticks) < 300


@given(st.lists(LATENCY, min_size=1, max_size=200))
def test_effective_sample_size_lies_between_one_and_n(values: list[float]) -> None:
    assert 1 <= stats.effective_sample_size(values) <= len(values)


def test_lag1() -> None:
    assert stats.lag1(np.arange(1000.0)) > 0.99
    assert stats.lag1(np.tile([1.0, 2.0], 500)) < -0.99
    assert stats.lag1([5.0, 5.0, 5.0]) == 0.0
    assert abs(stats.lag1(np.random.default_rng(4).normal(size=10_000))) < 0.04


@pytest.mark.parametrize("count", [1, 2, 3, 6, 10])
@pytest.mark.parametrize("value", [5, 0.1, 123_456_789])
def test_constant_processes_give_their_constant(count: int, value: float) -> None:
    interval = stats.median_interval([np.full(40, value)] * count, level=0.95)
    assert interval.lo == interval.mid == interval.hi == value


@given(st.lists(st.lists(LATENCY, min_size=1, max_size=20), min_size=1, max_size=25), st.floats(0.5, 0.999))
def test_an_interval_holds_its_middle_and_follows_the_unit(processes: list[list[float]], level: float) -> None:
    interval = stats.median_interval(processes, level)
    assert interval.lo <= interval.mid <= interval.hi
    assert all(math.isfinite(x) for x in (interval.lo, interval.mid, interval.hi))
    scaled = stats.median_interval([np.array(p) * 1024 for p in processes], level)
    assert (scaled.lo, scaled.hi) == pytest.approx((1024 * interval.lo, 1024 * interval.hi), rel=1e-9)


@given(st.lists(LATENCY, min_size=1, max_size=60), st.floats(0.5, 0.98))
def test_a_higher_level_is_never_narrower(values: list[float], level: float) -> None:
    low, high = stats.median_interval([values], level), stats.median_interval([values], level + 0.019)
    assert high.lo <= low.lo
    assert high.hi >= low.hi


@pytest.mark.parametrize(
    ("processes", "message"),
    [
        ([], "at least one process"),
        ([[]], r"processes\[0\]: at least 1"),
        ([[1.0], [1.0, float("nan")]], r"processes\[1\]\[1\] is nan"),
        ([[1.0, float("inf")]], r"processes\[0\]\[1\] is inf"),
        ([[1.0, -2.0]], r"processes\[0\]\[1\] is -2.0, expected > 0"),
        ([[0.0]], "expected > 0"),
        ([[[1.0, 2.0]]], "shape"),
        (np.array([1.0, 2.0]), "vector of samples expected"),
        ([["a"]], "numbers expected"),
        ("abc", "sequence of processes"),
        (3.0, "sequence of processes"),
        ([np.ma.array([1.0, 2.0], mask=[False, True])], r"processes\[0\]: a masked array"),
    ],
)
def test_bad_processes_are_named(processes: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stats.median_interval(processes)  # type: ignore[arg-type]


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, float("nan")])
def test_a_level_lies_between_0_and_1(level: float) -> None:
    with pytest.raises(ValueError, match="level"):
        stats.median_interval([[1.0]], level)
