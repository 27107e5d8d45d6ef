"""The promises of docs/statistics.md on energy, one test each: see docs/promises.md."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from harness.stats import energy
from tests.fakes.traces import ORIGIN, S, trace

WRAP = 262_143_328_850


def _window(joules: float, seconds: float, u: float) -> energy.Energy:
    return energy.Energy(joules, u, 1.0, True, "", int(seconds * S), 100)


def test_power_is_integrated_by_trapezoids() -> None:
    t = np.arange(0, 21) * S
    result = energy.integrate(t, np.arange(21.0), int(2.5 * S), int(15.25 * S))
    assert result.joules == pytest.approx((15.25**2 - 2.5**2) / 2)
    assert result.updates == 13


@pytest.mark.parametrize(("missed", "valid"), [(1, True), (3, False)])
def test_a_gap_above_2_5_periods_is_invalid(missed: int, valid: bool) -> None:
    t, p = trace(lambda t: np.full(t.size, 5.0))
    keep = np.ones(t.size, dtype=bool)
    keep[100 : 100 + missed] = False
    result = energy.integrate(t[keep], p[keep], ORIGIN, ORIGIN + 20 * S)
    assert result.valid is valid
    assert result.joules == pytest.approx(100.0)
    assert result.coverage == pytest.approx(1.0 if valid else 1 - 0.4 / 20)
    assert ("gap of 0.4 s" in result.reason) is not valid


def test_fewer_than_10_updates_are_invalid() -> None:
    t = np.arange(9) * S
    nine = energy.integrate(t, np.full(9, 5.0), 0, 8 * S)
    assert not nine.valid
    assert "9 sensor updates" in nine.reason
    assert energy.integrate(np.arange(10) * S, np.full(10, 5.0), 0, 9 * S).valid


def test_the_wrap_of_a_counter_is_added() -> None:
    result = energy.from_counter([0, S], [262_143_000_000, 500_000], 0, S, WRAP)
    assert result.joules == pytest.approx(0.828850, abs=1e-12)
    assert result.valid


def test_the_order_of_the_readings_does_not_matter() -> None:
    t, p = trace(lambda t: 5.0 + 0.2 * t, jitter=0.4)
    order = np.random.default_rng(3).permutation(t.size)

    assert energy.integrate(t[order], p[order], ORIGIN, ORIGIN + 20 * S) == energy.integrate(
        t, p, ORIGIN, ORIGIN + 20 * S
    )


@pytest.mark.parametrize(("lost", "valid"), [(1, True), (3, False)])
@pytest.mark.parametrize("hole", [float("nan"), float("inf")])
def test_a_reading_that_is_not_finite_leaves_a_gap(hole: float, lost: int, valid: bool) -> None:
    t, p = trace(lambda t: np.full(t.size, 5.0))
    p[100 : 100 + lost] = hole

    result = energy.integrate(t, p, ORIGIN, ORIGIN + 20 * S)

    assert (result.joules, result.valid) == (pytest.approx(100.0), valid)


def test_of_two_readings_at_one_time_the_first_counts() -> None:
    t = np.repeat(np.arange(12) * S, 2)
    result = energy.integrate(t, np.tile([5.0, 7.0], 12), 0, 11 * S)
    assert (result.joules, result.updates) == (pytest.approx(55.0), 12)


def test_net_energy_and_its_uncertainty() -> None:
    result = energy.net(_window(100.0, 10.0, 0.3), [_window(15.0, 5.0, 0.1), _window(40.0, 10.0, 0.2)])
    assert result.joules == pytest.approx(100 - 3.5 * 10)
    # u(idle) = hypot(.02, .02) / 2 W and a drift of +-.5 W / sqrt(3); times 10 s
    assert result.u_joules == pytest.approx(
        np.sqrt(0.3**2 + (10 * 0.0141421) ** 2 + (10 * 0.5 / np.sqrt(3)) ** 2), rel=1e-4
    )
    assert result.valid


def expected(power_w: np.ndarray, period_s: float, quantum_w: float = 0.0) -> float:
    """The standard uncertainty of a trace whose window begins and ends with a sample, by the table of the page."""
    r = power_w[1:-1] - (power_w[:-2] + power_w[2:]) / 2
    sampling = math.hypot(math.sqrt(np.sum((period_s * r) ** 2) / 1.5), period_s * np.sum(r) / 6)
    starts = np.flatnonzero(np.concatenate(([True], np.diff(power_w) != 0)))
    held_s = np.diff(np.append(starts, power_w.size)) * period_s
    return math.hypot(sampling, quantum_w * math.sqrt(np.sum(held_s**2) / 12))


def trace_of(power_w: np.ndarray, **options: Any) -> energy.Energy:
    """Samples of 10 Hz, of which the window is all."""
    t_ns = np.arange(power_w.size) * (S // 10)
    return energy.integrate(t_ns, power_w, 0, int(t_ns[-1]), **options)


def test_uncertainty_of_sampling() -> None:
    power_w = 5 + 0.1 * np.sin(np.arange(101) * 2 * np.pi / 20)  # flat at both edges but for the sampling there
    assert trace_of(power_w, resolution_w=0.0).u_joules == pytest.approx(expected(power_w, 0.1), rel=0.25)
    jagged = 5 + 0.1 * np.random.default_rng(4).normal(size=101)
    jagged[[0, 1, -2, -1]] = 5.0
    assert trace_of(jagged, resolution_w=0.0).u_joules == pytest.approx(expected(jagged, 0.1), rel=0.05)


def test_uncertainty_of_the_edges() -> None:
    power_w = np.full(101, 5.0)
    power_w[1:] = 8.0  # a change of 3 W across the first edge
    inside = expected(power_w, 0.1)
    edge = 0.5 * 0.1 * 3.0 / math.sqrt(3)
    assert trace_of(power_w, resolution_w=0.0).u_joules == pytest.approx(math.hypot(edge, inside), rel=1e-3)


def test_uncertainty_of_quantization() -> None:
    still = trace_of(np.full(101, 5.0), resolution_w=0.5)
    assert still.u_joules == pytest.approx(0.5 / math.sqrt(12) * 10, rel=0.02), "one error for the whole window"
    power_w = np.where(np.arange(101) // 10 % 2, 5.5, 5.0)
    steps = trace_of(power_w, resolution_w=0.5)
    assert steps.u_joules == pytest.approx(expected(power_w, 0.1, 0.5), rel=0.05)


def test_uncertainty_of_gaps() -> None:
    power_w = np.where(np.arange(201) // 50 % 2, 6.0, 4.0)
    t_ns = np.arange(201) * (S // 10)
    keep = np.ones(201, dtype=bool)
    keep[20:40] = False  # 2.1 s without a reading, at 4 W
    whole = energy.integrate(t_ns, power_w, 0, 20 * S, resolution_w=0.0)
    gap = energy.integrate(t_ns[keep], power_w[keep], 0, 20 * S, resolution_w=0.0)
    assert not gap.valid
    assert gap.u_joules == pytest.approx(math.hypot(whole.u_joules, 2.1 * power_w[keep].std()), rel=0.05)


def test_uncertainty_of_a_counter() -> None:
    steady = np.arange(21) * 5_000_000
    t_ns = np.arange(21) * S
    aligned = energy.from_counter(t_ns, steady, 0, 20 * S, WRAP, update_ns=S // 100, resolution_uj=1000.0)
    update = 5.0 * math.sqrt(2 / 12) * 0.01
    assert aligned.u_joules == pytest.approx(math.hypot(update, 0.001 * math.sqrt(2 / 12)), rel=1e-3)
    burst = np.concatenate((np.arange(11) * 5_000_000, 50_000_000 + np.arange(1, 11) * 9_000_000))
    off = energy.from_counter(t_ns, burst, int(10.25 * S), 20 * S, WRAP, update_ns=0, resolution_uj=0.0)
    assert off.u_joules == pytest.approx(0.25 * 0.75 * 4.0, rel=1e-3), "f (1 - f) h d"
