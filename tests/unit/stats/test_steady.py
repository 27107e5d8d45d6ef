"""Change points and the steady state, on series whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats import changepoint, steady_state


def noise(n: int, sigma: float = 0.01, seed: int = 0) -> np.ndarray:
    return 1e7 * np.exp(sigma * np.random.default_rng(seed).normal(size=n))


def found(x: np.ndarray) -> steady_state.Steady:
    result = steady_state.detect(x)
    assert isinstance(result, steady_state.Steady), result
    return result


# --- change points


def test_segments_find_the_step_and_its_levels() -> None:
    rng = np.random.default_rng(1)
    series = np.concatenate([rng.normal(0, 1, 40), rng.normal(8, 1, 60)])
    first, second = changepoint.segments(series, 5)
    assert (first.start, first.stop, second.start, second.stop) == (0, 40, 40, 100)
    assert (first.level, second.level) == pytest.approx((0, 8), abs=0.6)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.integers(1, 10))
def test_segments_tile_the_series(series: list[float], shortest: int) -> None:
    parts = changepoint.segments(series, shortest)
    assert [p.start for p in parts] == [0, *(p.stop for p in parts[:-1])]
    assert parts[-1].stop == len(series)
    assert all(p.stop - p.start >= min(shortest, len(series)) for p in parts)
    assert all(min(series) <= p.level <= max(series) for p in parts)


def test_pure_noise_is_one_segment() -> None:
    rng = np.random.default_rng(3)
    parts = [len(changepoint.segments(rng.normal(size=n), 5)) for n in (20, 50, 100) for _ in range(100)]
    assert np.mean(np.array(parts) == 1) >= 0.95


@pytest.mark.parametrize(("x", "shortest"), [([], 3), ([1.0, float("nan")], 3), ([1.0], 0), ([[1.0]], 3)])
def test_bad_series_are_refused(x: list[float], shortest: int) -> None:
    with pytest.raises(ValueError, match=r"x|shortest"):
        changepoint.segments(x, shortest)


# --- steady state


def test_noise_alone_is_steady_from_the_start() -> None:
    result = found(noise(1000))
    assert (result.start_index, result.batch_size, result.batch_medians.size) == (0, 20, 50)
    assert result.batch_medians == pytest.approx(np.full(50, 1e7), rel=0.02)


@pytest.mark.parametrize("n_warm", [100, 200, 400])
def test_warm_up_ends_where_it_ends(n_warm: int) -> None:
    series = noise(1000)
    series[:n_warm] *= 1.3
    assert abs(found(series).start_index - n_warm) <= 20


@pytest.mark.parametrize("factor", [1.5, 1 / 1.5], ids=["slow", "fast"])
def test_a_warm_up_too_short_for_a_segment_is_left_out(factor: float) -> None:
    series = noise(1000)
    series[:30] *= factor
    assert found(series).start_index == 40


def test_a_decay_ends_where_it_is_within_a_percent() -> None:
    i = np.arange(2000)
    series = noise(2000, 0.005) * (1 + 0.5 * np.exp(-i / 100))
    assert 200 <= found(series).start_index <= 600  # 1 % is reached at 391


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("late step", lambda i, n: 1 + 0.03 * (i > 0.7 * n)),
        ("drift", lambda i, n: 1 + 0.06 * i / n),
        ("slow decay", lambda i, n: 1 + 0.5 * np.exp(-3 * i / n)),
        ("two states", lambda i, n: 1 + 0.05 * ((6 * i // n) % 2)),
    ],
)
def test_a_moving_series_has_no_steady_state(name: str, factor: object) -> None:
    i = np.arange(2000)
    result = steady_state.detect(noise(2000) * factor(i, 2000))  # type: ignore[operator]
    assert isinstance(result, steady_state.NotSteady), name
    assert "%" in result.reason
    assert result.batch_medians.size == 100


def test_half_a_percent_is_the_same_level() -> None:
    series = noise(2000, 0.002)
    series[1400:] *= 1.005
    assert found(series).start_index == 0


def test_long_series_are_cut_into_larger_batches() -> None:
    result = found(np.concatenate([noise(50_000) * 1.1, noise(250_000, seed=1)]))
    assert (result.batch_size, result.batch_medians.size) == (60, 5_000)
    assert result.start_index == pytest.approx(50_000, abs=120)


def test_short_series_are_cut_into_smaller_batches() -> None:
    series = noise(60)
    series[:18] *= 1.3
    result = found(series)
    assert (result.batch_size, result.start_index, result.batch_medians.size) == (6, 18, 10)


def test_too_few_samples_say_so() -> None:
    result = steady_state.detect(noise(19))
    assert isinstance(result, steady_state.NotSteady)
    assert "too few samples: 19" in result.reason
    assert result.batch_medians.size == 0


def test_a_constant_series_is_steady() -> None:
    assert found(np.full(100, 12345)).start_index == 0


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=300), st.integers(-10, 10))
def test_the_answer_does_not_depend_on_the_unit(values: list[float], power: int) -> None:
    one, other = steady_state.detect(values), steady_state.detect(np.array(values) * 2.0**power)
    assert type(one) is type(other)
    if isinstance(one, steady_state.Steady) and isinstance(other, steady_state.Steady):
        assert one.start_index == other.start_index
        assert 0 <= one.start_index < len(values)


@pytest.mark.parametrize("x", [[], [1.0, 0.0], [1.0, -1.0], [float("nan")], [[1.0]]])
def test_bad_samples_are_refused(x: list[float]) -> None:
    with pytest.raises(ValueError, match="samples"):
        steady_state.detect(x)


def test_samples_are_taken_by_name_and_may_be_integers() -> None:
    found = steady_state.detect(samples=[1_000_000] * 100)
    assert isinstance(found, steady_state.Steady)
    assert found.start_index == 0
    assert set(found.batch_medians.tolist()) == {1_000_000.0}
