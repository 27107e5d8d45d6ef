"""Energy on traces and counters whose joules are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats import energy
from tests.fakes.traces import ORIGIN, Power, S, trace


def measured(power: Power, **options: float) -> energy.Energy:
    return energy.integrate(*trace(power, **options), ORIGIN, ORIGIN + 20 * S)


# --- power traces


@pytest.mark.parametrize("jitter", [0.0, 0.4])
@pytest.mark.parametrize(
    ("name", "power", "joules"),
    [
        ("constant", lambda t: np.full(t.size, 5.0), 100.0),
        ("ramp", lambda t: 5.0 + 0.2 * t, 140.0),
        ("steps", lambda t: np.where(t < 7.03, 4.0, np.where(t < 13.51, 9.0, 5.0)), 4 * 7.03 + 9 * 6.48 + 5 * 6.49),
        ("sine", lambda t: 6.0 + 2 * np.sin(2 * np.pi * t / 4), 120.0),
    ],
)
def test_known_energies(name: str, power: Power, joules: float, jitter: float) -> None:
    result = measured(power, jitter=jitter)
    assert result.valid, name
    assert result.reason == ""
    assert result.joules == pytest.approx(joules, rel=0.005)
    assert abs(result.joules - joules) <= 1.96 * result.u_joules
    assert (result.coverage, result.duration_ns) == (1.0, 20 * S)


def test_a_gap_outside_the_window_does_not_matter() -> None:
    t, p = trace(lambda t: np.full(t.size, 5.0))
    keep = np.arange(t.size) > 10
    keep[0] = True  # one reading long before
    assert energy.integrate(t[keep], p[keep], ORIGIN, ORIGIN + 20 * S).valid


def test_a_trace_that_stops_early_is_held_and_invalid() -> None:
    t, p = trace(lambda t: np.full(t.size, 5.0))
    short = t < ORIGIN + 15 * S
    result = energy.integrate(t[short], p[short], ORIGIN, ORIGIN + 20 * S)
    assert not result.valid
    assert result.joules == pytest.approx(100.0)
    assert result.coverage == pytest.approx(0.745)


def test_polling_a_slow_sensor_faster_adds_no_updates() -> None:
    t = np.arange(0, 3 * S, S // 100)
    result = energy.integrate(t, np.full(t.size, 5.0), 0, 2 * S, period_ns=S)
    assert (result.updates, result.valid) == (3, False)


def test_a_single_reading_claims_nothing() -> None:
    result = energy.integrate([5 * S], [4.0], 0, 10 * S)
    assert not result.valid
    assert (result.joules, result.coverage) == (40.0, 0.0)
    assert result.u_joules >= 20.0


def test_a_rail_may_read_less_than_nothing() -> None:
    assert measured(lambda t: np.full(t.size, -0.01)).joules == pytest.approx(-0.2)


@pytest.mark.parametrize("power", [[], [float("nan")] * 3])
def test_a_trace_without_readings_has_no_joules(power: list[float]) -> None:
    result = energy.integrate(np.arange(len(power)), power, 0, 10 * S)

    assert (result.valid, result.reason, result.coverage) == (False, "no readings", 0.0)
    assert np.isnan(result.joules)


@pytest.mark.parametrize("start", [-50, 50])
def test_a_window_outside_the_trace_says_so(start: int) -> None:
    t, p = trace(lambda t: np.full(t.size, 5.0))

    result = energy.integrate(t, p, ORIGIN + start * S, ORIGIN + (start + 10) * S)

    assert (result.valid, result.reason, result.coverage) == (False, "the window lies outside the readings", 0.0)


def test_noise_and_resolution_raise_the_uncertainty() -> None:
    rng = np.random.default_rng(1)
    quiet = measured(lambda t: np.full(t.size, 5.0013))
    noisy = measured(lambda t: 5.0013 + 0.1 * rng.normal(size=t.size))
    coarse = energy.integrate(*trace(lambda t: np.full(t.size, 5.0)), ORIGIN, ORIGIN + 20 * S, resolution_w=0.5)
    assert quiet.u_joules < 0.001
    assert noisy.u_joules == pytest.approx(0.1 * np.sqrt(200) * 0.1, rel=0.3)  # s h sqrt(n)
    assert coarse.u_joules == pytest.approx(0.5 / np.sqrt(12) * 20, rel=0.1)


def test_a_resolution_seen_in_the_readings_counts() -> None:
    rounded = measured(lambda t: np.round(np.full(t.size, 5.012) / 0.025) * 0.025)
    assert abs(rounded.joules - 100.24) <= 1.96 * rounded.u_joules


@pytest.mark.parametrize("kind", ["steps", "ramps", "jitter", "gap", "noise and rounding"])
def test_intervals_cover_the_truth(kind: str) -> None:
    """200 random windows: at least 93 % of the intervals hold the true energy."""
    rng = np.random.default_rng(2)
    hits = sum(_covered(kind, rng) for _ in range(200))
    assert hits >= 186


def _covered(kind: str, rng: np.random.Generator) -> bool:
    knots = np.sort(np.concatenate(([0.0, 40.0], rng.uniform(0, 40, 6))))
    levels = rng.uniform(2, 10, knots.size)
    fine = np.arange(0, 40, 0.001)
    ramps = kind == "ramps"

    def power(at: np.ndarray) -> np.ndarray:
        return np.interp(at, knots, levels) if ramps else levels[np.searchsorted(knots, at, side="right") - 1]

    joules = np.concatenate(([0.0], np.cumsum(power(fine[:-1] + 0.0005)) * 0.001))
    t = np.arange(0.05, 39.9, 0.1) + (rng.uniform(-0.04, 0.04, 399) if kind == "jitter" else 0.0)
    if kind == "gap":
        t = np.delete(t, slice(150, 153))
    watts = power(t)
    if kind == "noise and rounding":
        watts = np.round((watts + 0.05 * rng.normal(size=t.size)) / 0.02) * 0.02
    start, end = rng.uniform(2, 10), rng.uniform(20, 38)
    result = energy.integrate((t * S).astype(np.int64), watts, int(start * S), int(end * S))
    truth = np.interp(end, fine, joules) - np.interp(start, fine, joules)
    return bool(abs(result.joules - truth) <= 1.96 * result.u_joules)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=40), st.integers(0, 10 * S), st.integers(1, 40 * S))
def test_energy_lies_between_the_extreme_powers(watts: list[float], start: int, length: int) -> None:
    result = energy.integrate(np.arange(len(watts)) * S, watts, start, start + length)
    seconds = length / S
    assert min(watts) * seconds * (1 - 1e-9) <= result.joules <= max(watts) * seconds * (1 + 1e-9)
    assert np.isfinite(result.u_joules)
    assert 0.0 <= result.coverage <= 1.0
    assert result.valid == (result.reason == "")


@given(st.lists(st.floats(0, 100), min_size=3, max_size=40), st.integers(1, 38))
def test_windows_add_up(watts: list[float], cut: int) -> None:
    t = np.arange(len(watts)) * S
    middle = cut * S // 2
    parts = [energy.integrate(t, watts, *w).joules for w in ((0, middle), (middle, 20 * S))]
    assert sum(parts) == pytest.approx(energy.integrate(t, watts, 0, 20 * S).joules, abs=1e-6)


@pytest.mark.parametrize(
    ("t", "p", "window", "message"),
    [
        ([0, 1], [1.0], (0, 1), "power_w: as many"),
        ([0.0, 1e16], [1.0, 1.0], (0, 1), r"t_ns\[1\] is 1e\+16, expected below 2\^53"),
        ([0, 1], [[1.0, 1.0]], (0, 1), "power_w: a vector"),
        ([0, 1], ["1", "2"], (0, 1), "power_w: a vector of numbers"),
        ([0, 1], [1.0, 1.0], (1, 1), "window"),
    ],
)
def test_bad_traces_are_named(t: list[int], p: list[float], window: tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        energy.integrate(np.array(t), p, *window)


# --- counters

WRAP = 262_143_328_850


def test_edges_of_a_counter_are_interpolated() -> None:
    t = np.arange(21) * S
    result = energy.from_counter(t, np.arange(21) * 5_000_000, int(2.5 * S), int(12.5 * S), WRAP)
    assert result.joules == pytest.approx(50.0)
    assert result.valid
    assert result.u_joules < 0.01


@given(st.lists(st.integers(1, WRAP // 2), min_size=1, max_size=30), st.integers(0, WRAP - 1))
def test_wraps_never_lose_energy(rises: list[int], first: int) -> None:
    counter = (first + np.concatenate(([0], np.cumsum(np.array(rises, dtype=np.int64))))) % WRAP
    t = np.arange(counter.size) * S
    result = energy.from_counter(t, counter, 0, int(t[-1]), WRAP)
    assert result.joules == pytest.approx(sum(rises) * 1e-6)
    assert result.valid


@pytest.mark.parametrize(
    ("counter", "end", "reason"),
    [
        ([7] * 20, 19, "stood still"),
        ([*range(1, 11), 0, *range(1, 10)], 19, "fell back"),
        ([i // 5 for i in range(20)], 19, "moved 3 times"),
        (list(range(20)), 30, "outside the readings"),
    ],
)
def test_counters_that_cannot_be_trusted(counter: list[int], end: int, reason: str) -> None:
    result = energy.from_counter(np.arange(20) * S, counter, 0, end * S, WRAP)
    assert not result.valid
    assert reason in result.reason


def test_an_interval_around_a_burst_of_work_covers() -> None:
    t = np.arange(0, 30, 0.1)
    counter = (3e6 * t + 7e6 * np.clip(t - 10.05, 0, 10)).astype(np.int64)  # 10 W between 10.05 and 20.05 s
    result = energy.from_counter((t * S).astype(np.int64), counter, int(10.05 * S), int(20.05 * S), WRAP)
    assert abs(result.joules - 100.0) <= 1.96 * result.u_joules
    assert result.u_joules < 1.0


@pytest.mark.parametrize(
    ("counter", "message"),
    [
        ([1], "as many as t_ns"),
        ([1, WRAP + 1], "wrap"),
        ([-1, 1], "wrap"),
        ([1, 2, 3], "as many as t_ns"),
    ],
)
def test_bad_counters_are_named(counter: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        energy.from_counter([0, S], counter, 0, S, WRAP)


@pytest.mark.parametrize("counter", [[], [1], [1.0, float("nan")]])
def test_a_counter_needs_two_readings(counter: list[float]) -> None:
    result = energy.from_counter(np.arange(len(counter)) * S, counter, 0, S, WRAP)

    assert not result.valid
    assert "at least 2 readings" in result.reason
    assert np.isnan(result.joules)


def test_a_counter_in_any_order_with_holes() -> None:
    t, counter = np.arange(21) * S, np.arange(21) * 5_000_000.0
    counter[7] = np.nan
    order = np.random.default_rng(4).permutation(21)

    result = energy.from_counter(t[order], counter[order], int(2.5 * S), int(12.5 * S), WRAP)

    assert (result.joules, result.valid) == (pytest.approx(50.0), True)


@pytest.mark.parametrize("start", [-50, 50])
def test_a_window_outside_the_counter_says_so(start: int) -> None:
    result = energy.from_counter(np.arange(20) * S, np.arange(20) * 10**6, start * S, (start + 10) * S, WRAP)

    assert (result.valid, result.reason, result.coverage) == (False, "the window lies outside the readings", 0.0)


# --- net of idle


def window_of(joules: float, seconds: float, u: float = 0.0, reason: str = "") -> energy.Energy:
    return energy.Energy(joules, u, 1.0, not reason, reason, int(seconds * S), 100)


def test_net_of_an_invalid_window_is_invalid() -> None:
    result = energy.net(window_of(100.0, 10.0), [window_of(15.0, 5.0), window_of(15.0, 5.0, reason="gap of 3 s")])
    assert not result.valid
    assert result.reason == "idle[1] window: gap of 3 s"
    with pytest.raises(ValueError, match="idle"):
        energy.net(window_of(1.0, 1.0), [])


def test_mean_power() -> None:
    assert energy.mean_power(window_of(30.0, 10.0, 1.0)) == (3.0, 0.1)
