"""Joules per inference from made-up traces of known energy."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from harness.core.quantity import Missing, Value
from harness.core.sensing import Channel
from harness.core.target import PowerTotal
from harness.sensors.board_power import PowerSource
from harness.sensors.energy import case_energy
from harness.sensors.sampler import Series, Traces

SECOND = 1_000_000_000
STEP = SECOND // 10
IDLE_BEFORE, MEASURED, IDLE_AFTER = (0, 10 * SECOND), (10 * SECOND, 30 * SECOND), (30 * SECOND, 40 * SECOND)


def axis() -> np.ndarray:
    return np.arange(0, 40 * SECOND + 1, STEP, dtype=np.int64)


def wander(t_ns: np.ndarray) -> np.ndarray:
    """A few milliwatts to and fro, with mean 0 over any stretch of whole seconds: no real reading stands still."""
    return 0.004 * np.sin(2 * np.pi * 3 * t_ns / SECOND + 0.1)


def watts(name: str, idle: float, busy: float) -> Series:
    t_ns = axis()
    inside = (t_ns >= MEASURED[0]) & (t_ns < MEASURED[1])
    return Series(Channel(name, "W", "rail"), t_ns, np.where(inside, busy, idle) + wander(t_ns), STEP)


def counter(name: str, power: float, first: float = 0.0, wrap: float | None = None) -> Series:
    t_ns = axis()
    joules = first + power * t_ns / SECOND
    joules = joules if wrap is None else np.mod(joules, wrap)
    return Series(Channel(name, "J", "rail", "counter", wrap=wrap), t_ns, np.round(joules, 6), STEP)


def source(*series: Series, **rule: float) -> PowerSource:
    channels = tuple(each.channel for each in series)
    return PowerSource(PowerTotal("board", tuple(each.name for each in channels), **rule), channels)  # type: ignore[arg-type]


def traces(*series: Series) -> Traces:
    return Traces({each.channel.name: each for each in series}, 0, 40 * SECOND)


def number(quantity: Value | Missing) -> float:
    assert isinstance(quantity, Value), quantity
    return quantity.value


def test_gross_and_net_joules_of_one_inference() -> None:
    rail = watts("a", idle=2.0, busy=5.0)

    energy = case_energy(traces(rail), source(rail), MEASURED, 1000, [IDLE_BEFORE, IDLE_AFTER])

    assert number(energy.gross) == pytest.approx(5.0 * 20 / 1000, rel=0.01)
    assert number(energy.net) == pytest.approx(3.0 * 20 / 1000, rel=0.02)
    assert energy.details["idle"][0]["power_w"] == pytest.approx(2.0, rel=0.02)
    assert energy.details["scope"] == "board"


def test_a_sensor_of_means_is_believed_once_it_has_settled() -> None:
    """Its first readings are of before the window: 430 ms of idle would lower 20 s of work by more than a per cent."""
    lag, t_ns = 430 * SECOND // 1000, axis()
    inside = (t_ns >= MEASURED[0] + 2 * lag) & (t_ns < MEASURED[1] + lag)
    channel = Channel("a", "W", "rail", "mean", lag, samples=512)
    rail = Series(channel, t_ns, np.where(inside, 5.0, 2.0) + wander(t_ns), lag)

    energy = case_energy(traces(rail), source(rail), MEASURED, 1000)

    assert number(energy.gross) == pytest.approx(5.0 * 20 / 1000, rel=0.002)
    assert energy.details["window"]["duration_ns"] == 20 * SECOND
    assert energy.details["sensors"][0]["samples"] == 512
    assert energy.details["sensors"][0]["update_period_ns"] == lag


def test_the_interval_covers_the_truth() -> None:
    rail = watts("a", idle=2.0, busy=5.0)

    gross = case_energy(traces(rail), source(rail), MEASURED, 1).gross

    assert isinstance(gross, Value)
    assert gross.lo is not None
    assert gross.hi is not None
    assert gross.lo <= 100.0 <= gross.hi


def test_rails_are_summed_before_scale_and_offset() -> None:
    one, two = watts("a", 1.0, 3.0), watts("b", 0.5, 1.0)

    energy = case_energy(traces(one, two), source(one, two, scale=1.1451, offset_w=0.5879), MEASURED, 1)

    assert number(energy.gross) == pytest.approx((1.1451 * 4.0 + 0.5879) * 20, rel=0.01)


def test_counters_are_unwrapped_each_by_itself() -> None:
    wrap = 262143.328850
    package = counter("package-0", power=15.0, first=wrap - 300.0, wrap=wrap)  # wraps at 20 s, in the window's middle
    dram = counter("dram", power=2.0)

    energy = case_energy(traces(package, dram), source(package, dram), MEASURED, 100, [IDLE_BEFORE])

    assert number(energy.gross) == pytest.approx(17.0 * 20 / 100, rel=1e-6)
    assert number(energy.net) == pytest.approx(0.0, abs=1e-4)


def test_no_source_no_energy() -> None:
    energy = case_energy(traces(), Missing("no channel pmic/*"), MEASURED, 10)

    assert energy.gross == energy.net == Missing("no channel pmic/*")


def test_a_gap_in_the_readings_is_the_reason() -> None:
    whole = watts("a", 2.0, 5.0)
    keep = (whole.t_ns < 15 * SECOND) | (whole.t_ns > 16 * SECOND)
    broken = dataclasses.replace(whole, t_ns=whole.t_ns[keep], value=whole.value[keep])

    energy = case_energy(traces(broken), source(broken), MEASURED, 10)

    assert isinstance(energy.gross, Missing)
    assert "gap" in energy.gross.reason


def test_a_sensor_that_stands_still_is_not_believed() -> None:
    still = dataclasses.replace(watts("a", 2.0, 5.0), value=np.full(axis().size, 5.0))

    energy = case_energy(traces(still), source(still), MEASURED, 10)

    assert isinstance(energy.gross, Missing)
    assert "stood still" in energy.gross.reason


def test_a_counter_that_stands_still_is_not_believed() -> None:
    still = counter("psys", power=0.0, first=81234.5)

    energy = case_energy(traces(still), source(still), MEASURED, 10)

    assert energy.gross == Missing("psys: the counter stood still")


def test_a_window_too_short_for_the_sensor_is_the_reason() -> None:
    rail = watts("a", 2.0, 5.0)

    energy = case_energy(traces(rail), source(rail), (10 * SECOND, 10 * SECOND + 5 * STEP), 10)

    assert isinstance(energy.gross, Missing)
    assert "updates" in energy.gross.reason


def test_a_denied_sensor_gives_its_reason() -> None:
    denied = Series(Channel("p", "J"), np.array([], np.int64), np.array([]), STEP, {"denied: energy_uj": 300})

    energy = case_energy(traces(denied), source(denied), MEASURED, 10)

    assert energy.gross == Missing("the power could not be read: denied: energy_uj")


def test_a_channel_left_out_of_the_window_is_the_reason() -> None:
    rail = watts("pmic/VDD", 2.0, 5.0)

    energy = case_energy(traces(), source(rail), MEASURED, 10)

    assert isinstance(energy.gross, Missing)
    assert "was not sampled" in energy.gross.reason


def test_net_needs_a_good_idle_window() -> None:
    rail = watts("a", 2.0, 5.0)

    without = case_energy(traces(rail), source(rail), MEASURED, 10)
    short = case_energy(traces(rail), source(rail), MEASURED, 10, [(0, 3 * STEP)])

    assert without.net == Missing("idle power was not measured")
    assert isinstance(short.gross, Value)
    assert isinstance(short.net, Missing)
    assert short.net.reason.startswith("idle power:")


def test_nothing_run_is_no_division_by_zero() -> None:
    rail = watts("a", 2.0, 5.0)

    assert case_energy(traces(rail), source(rail), MEASURED, 0).gross == Missing(
        "no inference was run within the window"
    )
