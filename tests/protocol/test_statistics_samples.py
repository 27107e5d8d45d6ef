"""The promises of docs/statistics.md on samples of latency, one test each: see docs/promises.md."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import stats
from harness.stats import changepoint, comparison, steady_state
from harness.stats.distributions import binomial_cdf
from harness.stats.nightly import Detector


def ar1(rng: np.random.Generator, n: int, rho: float) -> np.ndarray:
    noise = rng.normal(size=n)
    x = np.empty(n)
    x[0] = noise[0]
    for i in range(1, n):
        x[i] = rho * x[i - 1] + math.sqrt(1 - rho**2) * noise[i]
    return x


def test_n_samples_are_worth_n_over_tau() -> None:
    rng = np.random.default_rng(2)
    # at the median the indicator of a Gaussian AR(1) has rho_k = 2/pi asin(rho^k): tau = 13.7 at .9
    tau = 1 + 2 * sum(2 / math.pi * math.asin(0.9**k) for k in range(1, 400))
    worth = [stats.effective_sample_size(ar1(rng, 4000, 0.9), (0.5,)) for _ in range(40)]
    assert np.median(worth) == pytest.approx(4000 / tau, rel=0.15)


def test_the_bias_of_the_mean_is_corrected() -> None:
    """The mean of the very series hides a part of its correlation: at n = 100 and rho = .9 a fifth of the intervals."""
    rng = np.random.default_rng(5)
    intervals = [stats.median_interval([np.exp(0.02 * ar1(rng, 100, 0.9))]) for _ in range(200)]
    assert np.mean([interval.lo <= 1.0 <= interval.hi for interval in intervals]) >= 0.92


def test_independent_samples_are_worth_their_number() -> None:
    rng = np.random.default_rng(1)
    worth = [stats.effective_sample_size(rng.lognormal(size=500)) for _ in range(100)]
    assert np.mean(np.array(worth) == 500) >= 0.9


def test_one_process_gives_order_statistics() -> None:
    # Bin(100, 1/2): P(X <= 39) = .0176 <= .025 < P(X <= 40), so the 40th and the 61st of 100
    shuffled = np.random.default_rng(0).permutation(np.arange(1.0, 101.0))
    interval = stats.median_interval([shuffled])
    assert interval.n_effective == 100
    assert (interval.lo, interval.mid, interval.hi) == (40.0, 50.5, 61.0)
    assert interval.method == "order-statistic"


def test_few_samples_give_the_range() -> None:
    interval = stats.median_interval([np.array([3.0, 1.0, 2.0])])
    assert (interval.lo, interval.mid, interval.hi, interval.method) == (1.0, 2.0, 3.0, "range")
    assert interval.level == pytest.approx(0.75)  # 1 - 2 / 2^3
    assert stats.median_interval([np.array([3.0])]).level == 0.0


def test_each_process_counts_once_by_its_median() -> None:
    short = [np.full(3, 1.0), np.full(3, 1.1), np.full(3, 1.2)]
    longer = [np.full(3, 1.0), np.full(5000, 1.1), np.full(3, 1.2)]
    assert stats.median_interval(short) == stats.median_interval(longer)


def test_six_processes_give_interpolated_order_statistics() -> None:
    # g_1 = 1 - 2/64 = .96875, g_2 = 1 - 14/64 = .78125: I = .1, weight 5 I / (1 + 4 I) = .3571
    logs = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    interval = stats.median_interval([[m] for m in np.exp(logs)])
    assert interval.method == "order-statistic"
    assert (math.log(interval.lo), math.log(interval.hi)) == pytest.approx((0.1 * 0.357143, 0.5 - 0.1 * 0.357143))


def test_fewer_processes_give_students_t() -> None:
    interval = stats.median_interval([[m] for m in np.exp([0.0, 0.01, 0.02])])
    half = 4.302653 * 0.01 / math.sqrt(3)
    assert interval.method == "t-log"
    assert interval.n_effective == 3
    assert (interval.lo, interval.hi) == pytest.approx((math.exp(0.01 - half), math.exp(0.01 + half)), rel=1e-6)


def test_students_t_is_never_narrower_than_the_range() -> None:
    interval = stats.median_interval([[1.0], [1.0], [1.0], [1.0], [2.0]])
    assert interval.lo <= 1.0
    assert interval.hi >= 2.0


@pytest.mark.parametrize("processes", [1, 5, 10])
def test_the_interval_covers_the_median(processes: int) -> None:
    """400 trials at 95 %: below 361 hits is a deviation of more than four standard errors."""
    rng = np.random.default_rng(13)
    hits = 0
    for _ in range(400):
        own = np.exp(0.02 * rng.normal(size=processes)) if processes > 1 else np.ones(1)
        interval = stats.median_interval([m * rng.lognormal(sigma=0.05, size=101) for m in own])
        hits += interval.lo <= 1.0 <= interval.hi
    assert hits >= 361


def test_the_looks_spend_the_error() -> None:
    levels = [stats.look_level(n) for n in stats.LOOKS]
    assert sum(1 - level for level in levels) == pytest.approx(0.05)
    assert all(0.95 < level < 1 for level in levels)
    assert stats.look_level(20, (20,)) == pytest.approx(0.95)
    assert stats.look_level(10, (10, 20), 0.9) == pytest.approx(1 - 0.1 * math.log1p((math.e - 1) / 2))


def test_inferences_per_process_are_those_of_kalibera_and_jones() -> None:
    rng = np.random.default_rng(11)
    within, between = 0.04, 0.01
    pilot = [np.exp(between * rng.normal() + within * rng.normal(size=400)) for _ in range(300)]
    # sqrt(c2 / c1 * T1^2 / T2^2) = sqrt(100 * 16) = 40
    assert stats.iterations_per_process(pilot, 2.0, 0.02, (1, 10_000)) == pytest.approx(40, abs=5)


def test_the_worse_pilot_decides() -> None:
    rng = np.random.default_rng(3)
    slow = np.repeat(rng.lognormal(size=100), 10)
    assert stats.iterations_worth(100, [rng.lognormal(size=500), slow]) > 500


@pytest.mark.parametrize(("confidence", "expected"), [(0.99, [11, 64, 130, 662, 6636]), (0.95, [8, 46, 93, 473, 4742])])
def test_required_samples_are_those_of_mlperf(confidence: float, expected: list[int]) -> None:
    assert [stats.required_samples(p, confidence) for p in (0.5, 0.9, 0.95, 0.99, 0.999)] == expected


def test_a_cluster_of_slow_inferences_is_one_event() -> None:
    samples = np.random.default_rng(9).lognormal(sigma=0.01, size=2000)
    samples[700:720] *= 3  # all of the slowest percent at once
    assert isinstance(stats.tail(samples, 0.99), stats.TooFew)
    spread = samples.copy()
    spread[700:720] /= 3
    spread[np.arange(50, 2000, 98)] *= 3
    assert isinstance(stats.tail(spread, 0.99), stats.Tail)


@pytest.mark.parametrize(("n", "p", "confidence"), [(64, 0.9, 0.99), (500, 0.95, 0.99), (5000, 0.999, 0.95)])
def test_upper_is_the_estimate_of_loadgen(n: int, p: float, confidence: float) -> None:
    t = stats.discardable(n, p, confidence)
    assert binomial_cdf(t, n, 1 - p) < 1 - confidence <= binomial_cdf(t + 1, n, 1 - p)


@pytest.mark.parametrize("definition", ["loadgen", "openvino", "trtexec"])
@given(n=st.integers(1, 3000), hundredths=st.integers(1, 9999))
def test_definitions_of_the_percentile(definition: stats.Definition, n: int, hundredths: int) -> None:
    product = n * hundredths  # n p in units of 1 / 10,000
    index = {
        "loadgen": min(n - 1, product // 10_000),
        "openvino": max(0, -(-product // 10_000) - 1),
        "trtexec": n - 1 - (n * (10_000 - hundredths)) // 10_000,
    }[definition]
    assert stats.percentile(np.arange(n), hundredths / 10_000, definition) == index


def late_series(late: int, n: int) -> list[float]:
    """`n` latencies of 1, `late` of them 3, spread evenly and out of step with everything else."""
    values = [1.0] * n
    for index in np.random.default_rng(5).choice(n, late, replace=False):
        values[index] = 3.0
    return values


@pytest.mark.parametrize(
    ("late", "n", "held"),
    [
        (0, 458, None),
        (0, 459, True),  # .99^459 < .01: the smallest n for which no late query proves it
        (1, 661, None),
        (1, 662, True),  # MLPerf LoadGen's n for one query to spare
        (20, 1000, False),
        (10, 1000, None),
        (0, 5, None),
        (5, 5, False),
    ],
)
def test_a_bound_is_decided_by_the_same_counts(late: int, n: int, held: bool | None) -> None:
    assert stats.bound(late_series(late, n), 2.0).held is held


def test_a_burst_is_not_a_level() -> None:
    series = np.random.default_rng(2).normal(0, 1, 100)
    series[50:53] += 50
    assert len(changepoint.segments(series, 5)) == 1


def reference_tau(indicator: np.ndarray) -> float:
    """Geyer's initial monotone positive sequence from autocorrelations summed term by term, and the bias correction."""
    centred = indicator - indicator.mean()
    n = centred.size
    rho = [float(centred[: n - k] @ centred[k:]) / float(centred @ centred) for k in range(n)]
    total, terms, previous = 0.0, 0, math.inf
    for m in range(n // 2):
        pair = rho[2 * m] + rho[2 * m + 1]
        if pair <= 0:
            break
        previous = min(previous, pair)
        total, terms = total + previous, terms + 1
    tau = max(1.0, 2 * total - 1)
    return tau / max(0.3, 1 - (4 * terms - 1) / n)


def test_tau_is_geyers_initial_monotone_sequence() -> None:
    series = ar1(np.random.default_rng(6), 600, 0.8)
    above = (series > np.quantile(series, 0.5, method="inverted_cdf")).astype(float)
    assert stats.effective_sample_size(series, (0.5,)) == pytest.approx(600 / reference_tau(above))


def test_the_largest_tau_of_five_quantiles_counts() -> None:
    series = ar1(np.random.default_rng(7), 3000, 0.9)
    each = [stats.effective_sample_size(series, (q,)) for q in (0.1, 0.25, 0.5, 0.75, 0.9)]
    assert stats.effective_sample_size(series) == pytest.approx(min(each))
    assert len(set(each)) == 5


def noise(n: int, sigma: float = 0.01, seed: int = 0) -> np.ndarray:
    return 1e7 * np.exp(sigma * np.random.default_rng(seed).normal(size=n))


@pytest.mark.parametrize(("n", "size"), [(20, 2), (60, 6), (199, 19), (200, 20), (100_000, 20), (300_000, 60)])
def test_a_batch_has_20_inferences(n: int, size: int) -> None:
    result = steady_state.detect(noise(n))
    assert result.batch_size == size
    assert result.batch_medians.size == n // size
    assert result.batch_medians[0] == np.median(noise(n)[:size])


def test_fewer_than_20_samples_are_too_few() -> None:
    result = steady_state.detect(noise(19))
    assert isinstance(result, steady_state.NotSteady)
    assert "too few samples: 19" in result.reason
    assert "too few" not in getattr(steady_state.detect(noise(20)), "reason", "")


@pytest.mark.parametrize(("change", "start"), [(1.03, 800), (1.005, 0)])
def test_the_steady_state_follows_the_last_change_above_1_percent(change: float, start: int) -> None:
    samples = noise(2000, 0.002)
    samples[800:] *= change
    result = steady_state.detect(samples)
    assert isinstance(result, steady_state.Steady)
    assert result.start_index == start


@pytest.mark.parametrize(("change_at", "steady"), [(960, True), (1100, False)])
def test_a_steady_state_is_at_least_the_last_half(change_at: int, steady: bool) -> None:
    samples = noise(2000, 0.002)
    samples[change_at:] *= 1.03
    assert isinstance(steady_state.detect(samples), steady_state.Steady) is steady


def test_a_trend_is_no_steady_state() -> None:
    courses = ((0.3, 400, 0.01, True), (0.1, 60, 0.05, True), (0.14, 108, 0.05, True), (-0.12, 108, 0.05, True))
    for total, n, tolerance, moves in (*courses, (0.04, 60, 0.05, False)):
        samples = noise(n, 0.004) * np.linspace(1.0, 1.0 + total, n)
        found = steady_state.detect(samples, tolerance)
        assert isinstance(found, steady_state.NotSteady) is moves, (total, n)
    level = np.log(noise(30, 0.01))
    slope = np.linspace(0.0, 0.1, 30)
    assert steady_state.trend(level + slope) == pytest.approx(0.1, abs=0.02)
    assert steady_state.trend(level - slope) == pytest.approx(-0.1, abs=0.02)
    assert steady_state.trend(level) == 0.0, "noise has no trend"
    outlier = level + slope
    outlier[-3:] += 5.0
    assert steady_state.trend(outlier) == pytest.approx(0.1, abs=0.03)
    assert steady_state.trend(np.arange(5.0)) == 0.0, "five in a row may be chance"
    assert steady_state.trend(np.arange(6.0)) == pytest.approx(6.0)


def test_a_trend_that_processes_share_shows_in_their_mean() -> None:
    rng = np.random.default_rng(7)

    def shown(total: float, processes: int = 3, n: int = 20) -> float:
        def series() -> np.ndarray:
            return rng.uniform(0.5, 2.0) * np.linspace(1.0, 1.0 + total, n) * np.exp(0.03 * rng.standard_normal(n))

        found = [steady_state.common_trend([series() for _ in range(processes)]) for _ in range(60)]
        return float(np.mean([change > 0.05 for change in found]))

    assert shown(0.14) > 0.9
    assert shown(0.14) > shown(0.14, processes=1) + 0.1
    assert shown(0.0) < 0.05
    assert steady_state.common_trend([np.arange(1.0, 10.0)] * 3) == 0.0, "fewer than ten are too few"
    assert steady_state.common_trend([]) == 0.0
    flat, climbing = [noise(100, 0.001)] * 2, [np.linspace(1.0, 2.0, 100)] * 2
    assert steady_state.common_trend([*flat, *climbing]) < 0.01, "half of them are not more than half"
    assert steady_state.common_trend([*flat[:1], *climbing]) > 0.4


@pytest.mark.parametrize("bad", [[], [1.0, math.nan], [1.0, math.inf], [1.0, -1.0], [[1.0]]], ids=str)
def test_bad_input_is_a_value_error(bad: Any) -> None:
    for function, name in (
        (lambda: stats.median_interval([bad]), r"processes\[0\]"),
        (lambda: stats.tail(bad, 0.9), "samples"),
        (lambda: stats.bound(bad, 1.0), "x"),
        (lambda: steady_state.detect(bad), "samples"),
        (lambda: comparison.ab([bad, [1.0]], [[1.0], [1.0]]), r"a_processes\[0\]"),
    ):
        with pytest.raises(ValueError, match=name):
            function()
    if bad:
        with pytest.raises(ValueError, match="history"):
            Detector().night(np.asarray(bad).reshape(1, 1, -1) * -1, np.ones((1, 1)))
