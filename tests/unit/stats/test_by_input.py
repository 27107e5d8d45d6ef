"""Whether latency depends on the input: effects that are found, and calm data that raise no alarm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.stats.by_input import InputSpread, input_spread

Noise = Callable[[np.random.Generator, int], NDArray[np.float64]]
N_INPUTS = 8


def autocorrelated(rng: np.random.Generator, n: int, phi: float = 0.9, sd: float = 0.05) -> NDArray[np.float64]:
    steps = rng.normal(scale=sd * np.sqrt(1 - phi**2), size=n)
    series = np.empty(n)
    series[0] = rng.normal(scale=sd)
    for place in range(1, n):
        series[place] = phi * series[place - 1] + steps[place]
    return series


def with_outliers(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    return autocorrelated(rng, n) + (rng.random(n) < 0.05) * rng.exponential(1.5, n)


def in_bursts(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    slow = np.convolve(rng.random(n) < 0.01, np.ones(12))[:n] > 0
    return rng.normal(scale=0.03, size=n) + 0.7 * slow


def drifting(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    return np.linspace(0, 0.6, n) + rng.normal(scale=0.02, size=n)


def wandering(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    return np.cumsum(rng.normal(scale=0.03, size=n))


def quiet(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    return rng.normal(scale=0.02, size=n)


CALM: dict[str, Noise] = {
    "autocorrelated": autocorrelated,
    "outliers": with_outliers,
    "bursts": in_bursts,
    "drift": drifting,
    "wandering": wandering,
    "independent": quiet,
}


def spread(
    seed: int, noise: Noise, n: int, effects: NDArray[np.float64] | None = None, first: int = 0
) -> InputSpread | None:
    """The spread of processes of `n` latencies around 2 ms; `effects` are logarithms by input."""
    rng = np.random.default_rng(seed)
    by_input = np.zeros(N_INPUTS) if effects is None else effects
    series = [2e6 * np.exp(by_input[(first + np.arange(n)) % N_INPUTS] + noise(rng, n)) for _ in range(3)]
    return input_spread(series, N_INPUTS)


@pytest.mark.parametrize("name", CALM)
@pytest.mark.parametrize("n", [24, 200])
def test_calm_latencies_raise_no_alarm(name: str, n: int) -> None:
    found = [spread(seed, CALM[name], n) for seed in range(100)]
    assert sum(one is not None and one.depends for one in found) <= 1  # 1 % of 100


ONE_SLOW = np.log1p(np.eye(N_INPUTS)[5])


@pytest.mark.parametrize("name", ["autocorrelated", "outliers", "drift", "independent"])
@pytest.mark.parametrize("first", [0, 3])
def test_one_input_that_takes_twice_as_long_is_found(name: str, first: int) -> None:
    found = [spread(seed, CALM[name], 200, ONE_SLOW, first) for seed in range(20)]
    assert all(one is not None and one.depends for one in found)


def test_the_medians_are_those_of_the_inputs() -> None:
    found = spread(0, quiet, 400, ONE_SLOW, first=3)
    assert found is not None
    assert found.fastest == pytest.approx(2e6, rel=0.01)
    assert found.slowest == pytest.approx(4e6, rel=0.01)
    assert 0.01 < found.within < 0.05


def test_three_slow_rounds_are_enough() -> None:
    """A net of 100 ms has some 20 inferences in each of three processes."""
    found = [spread(seed, quiet, 24, ONE_SLOW) for seed in range(20)]
    assert sum(one is not None and one.depends for one in found) >= 18


def test_less_than_5_percent_is_not_told() -> None:
    found = spread(0, lambda rng, n: rng.normal(scale=0.001, size=n), 800, 0.04 * np.eye(N_INPUTS)[5])
    assert found is not None
    assert found.slowest / found.fastest == pytest.approx(1.04, abs=0.005)
    assert not found.depends


def test_more_within_than_between_is_not_told() -> None:
    found = spread(0, lambda rng, n: rng.normal(scale=0.5, size=n), 4000, 0.3 * np.eye(N_INPUTS)[5])
    assert found is not None
    assert found.within > found.slowest / found.fastest - 1
    assert not found.depends


@pytest.mark.parametrize(("n", "n_inputs"), [(20, 1), (15, 8), (9, 8)])
def test_one_input_or_no_two_rounds_say_nothing(n: int, n_inputs: int) -> None:
    assert input_spread([np.full(n, 1e6)] * 3, n_inputs) is None


def test_equal_latencies_are_alike() -> None:
    found = input_spread([np.full(80, 1e6)] * 3, N_INPUTS)
    assert found is not None
    assert (found.slowest, found.depends) == (found.fastest, False)
