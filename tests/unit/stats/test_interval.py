"""Effective sample size and the interval of the median."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import stats

LATENCY = st.floats(1e-3, 1e6)


def ar1(rng: np.random.Generator, n: int, rho: float) -> np.ndarray:
    noise = rng.normal(size=n)
    x = np.empty(n)
    x[0] = noise[0]
    for i in range(1, n):
        x[i] = rho * x[i - 1] + math.sqrt(1 - rho**2) * noise[i]
    return x


def test_independent_samples_are_worth_their_number() -> None:
    rng = np.random.default_rng(1)
    worth = [stats.effective_sample_size(rng.lognormal(size=500)) for _ in range(100)]
    assert np.mean(np.array(worth) == 500) >= 0.9


def test_correlated_samples_are_worth_less_in_the_known_ratio() -> None:
    rng = np.random.default_rng(2)
    # at the median the indicator of a Gaussian AR(1) has rho_k = 2/pi asin(rho^k): tau = 13.7 at .9
    tau = 1 + 2 * sum(2 / math.pi * math.asin(0.9**k) for k in range(1, 400))
    worth = [stats.effective_sample_size(ar1(rng, 4000, 0.9), (0.5,)) for _ in range(40)]
    assert np.median(worth) == pytest.approx(4000 / tau, rel=0.15)


def test_a_short_series_is_not_worth_more_than_it_knows() -> None:
    """The mean of the very series hides a part of its correlation: at n = 100 and rho = .9 a fifth of the intervals."""
    rng = np.random.default_rng(5)
    intervals = [stats.median_interval([np.exp(0.02 * ar1(rng, 100, 0.9))]) for _ in range(200)]
    assert np.mean([interval.lo <= 1.0 <= interval.hi for interval in intervals]) >= 0.92


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


def test_one_process_gives_the_classical_order_statistics() -> None:
    # Bin(100, 1/2): P(X <= 39) = .0176 <= .025 < P(X <= 40), so the 40th and the 61st of 100
    shuffled = np.random.default_rng(0).permutation(np.arange(1.0, 101.0))
    interval = stats.median_interval([shuffled])
    assert interval.n_effective == 100
    assert (interval.lo, interval.mid, interval.hi) == (40.0, 50.5, 61.0)
    assert interval.method == "order-statistic"


def test_few_samples_give_the_range_at_the_level_it_holds() -> None:
    interval = stats.median_interval([np.array([3.0, 1.0, 2.0])])
    assert (interval.lo, interval.mid, interval.hi, interval.method) == (1.0, 2.0, 3.0, "range")
    assert interval.level == pytest.approx(0.75)  # 1 - 2 / 2^3
    assert stats.median_interval([np.array([3.0])]).level == 0.0


def test_few_processes_give_t_on_logs() -> None:
    interval = stats.median_interval([[m] for m in np.exp([0.0, 0.01, 0.02])])
    half = 4.302653 * 0.01 / math.sqrt(3)
    assert interval.method == "t-log"
    assert interval.n_effective == 3
    assert (interval.lo, interval.hi) == pytest.approx((math.exp(0.01 - half), math.exp(0.01 + half)), rel=1e-6)


def test_the_t_interval_never_is_narrower_than_the_range() -> None:
    interval = stats.median_interval([[1.0], [1.0], [1.0], [1.0], [2.0]])
    assert interval.lo <= 1.0
    assert interval.hi >= 2.0


def test_six_processes_give_interpolated_order_statistics() -> None:
    # g_1 = 1 - 2/64 = .96875, g_2 = 1 - 14/64 = .78125: I = .1, weight 5 I / (1 + 4 I) = .3571
    logs = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    interval = stats.median_interval([[m] for m in np.exp(logs)])
    assert interval.method == "order-statistic"
    assert (math.log(interval.lo), math.log(interval.hi)) == pytest.approx((0.1 * 0.357143, 0.5 - 0.1 * 0.357143))


@pytest.mark.parametrize("count", [1, 2, 3, 6, 10])
@pytest.mark.parametrize("value", [5, 0.1, 123_456_789])
def test_constant_processes_give_their_constant(count: int, value: float) -> None:
    interval = stats.median_interval([np.full(40, value)] * count, level=0.95)
    assert interval.lo == interval.mid == interval.hi == value


def test_every_process_counts_once() -> None:
    short = [np.full(3, 1.0), np.full(3, 1.1), np.full(3, 1.2)]
    longer = [np.full(3, 1.0), np.full(5000, 1.1), np.full(3, 1.2)]
    assert stats.median_interval(short) == stats.median_interval(longer)


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


@pytest.mark.parametrize("processes", [1, 5, 10])
def test_the_interval_covers_on_independent_samples(processes: int) -> None:
    """400 trials at 95 %: below 361 hits is a deviation of more than four standard errors."""
    rng = np.random.default_rng(13)
    hits = 0
    for _ in range(400):
        own = np.exp(0.02 * rng.normal(size=processes)) if processes > 1 else np.ones(1)
        interval = stats.median_interval([m * rng.lognormal(sigma=0.05, size=101) for m in own])
        hits += interval.lo <= 1.0 <= interval.hi
    assert hits >= 361
