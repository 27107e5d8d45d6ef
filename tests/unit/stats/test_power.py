"""Sample sizes: that the planned numbers have the power they were planned for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import stats
from harness.stats import comparison, power
from harness.stats.distributions import chi_squared_cdf, chi_squared_quantile, t_quantile
from harness.stats.planning import VarianceComponents, variance_components

TRIALS = 1500


@pytest.mark.parametrize(
    ("probability", "df", "x"),
    [(0.95, 1, 3.841459), (0.2, 1, 0.0641848), (0.2, 2, 0.446287), (0.2, 9, 5.380053), (0.975, 19, 32.852327)],
)
def test_chi_squared_quantiles_are_those_of_the_tables(probability: float, df: int, x: float) -> None:
    assert chi_squared_quantile(probability, df) == pytest.approx(x, rel=1e-5)
    assert chi_squared_cdf(x, df) == pytest.approx(probability, rel=1e-5)


@pytest.mark.parametrize(("effect", "sd"), [(0.02, 0.01), (0.02, 0.02), (0.05, 0.02), (0.01, 0.012)])
def test_planned_processes_find_the_effect_four_times_in_five(effect: float, sd: float) -> None:
    n = power.processes_needed(effect, sd**2)
    rng = np.random.default_rng(5)
    a, b = rng.normal(0.0, sd, (TRIALS, n)), rng.normal(math.log1p(effect), sd, (TRIALS, n))
    error = np.sqrt((a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1)) / n)
    found = np.abs(b.mean(axis=1) - a.mean(axis=1)) > t_quantile(0.975, 2 * n - 2) * error
    assert found.mean() >= 0.78
    assert n == 2 or found.mean() <= 0.95


@pytest.mark.parametrize(("effect", "sd"), [(0.02, 0.01), (0.03, 0.02)])
def test_planned_pairs_find_the_effect_four_times_in_five(effect: float, sd: float) -> None:
    level = stats.look_level(20)
    n = power.pairs_needed(effect, sd**2, level)
    rng = np.random.default_rng(6)
    found = []
    for _ in range(300):
        a, b = np.exp(rng.normal(0.0, sd, n)), np.exp(rng.normal(math.log1p(effect), sd, n))
        found.append(comparison.ab(list(a), list(b), same_within=0.0, level=level).verdict == "slower")
    assert 0.75 <= np.mean(found) <= 0.95


@pytest.mark.parametrize(("difference", "discordant"), [(0.01, 0.03), (0.02, 0.1), (0.05, 0.05)])
def test_planned_images_find_the_difference_four_times_in_five(difference: float, discordant: float) -> None:
    n = power.images_needed(difference, discordant)
    rng = np.random.default_rng(7)
    worse, better = (discordant + difference) / 2, (discordant - difference) / 2
    counts = rng.multinomial(n, [worse, max(better, 0.0), 1 - worse - max(better, 0.0)], 400)
    found = np.mean([stats.mcnemar(int(b), int(c)) <= 0.05 for b, c, _ in counts])
    assert found >= 0.74  # the exact test is a little less sensitive than the formula's


@given(st.floats(1e-4, 0.5), st.integers(2, 200))
def test_what_can_be_shown_is_what_was_planned_for(sd: float, n: int) -> None:
    effect = power.detectable_effect(n, sd**2)
    assert power.processes_needed(effect * 1.0001, sd**2) <= n
    if n > 2 and effect > 0:
        assert power.processes_needed(effect * 0.999, sd**2) >= n


@given(st.floats(0.001, 0.3), st.floats(0.0, 0.01))
def test_a_smaller_effect_never_needs_fewer(effect: float, variance: float) -> None:
    assert power.processes_needed(effect, variance) <= power.processes_needed(effect / 2, variance)
    assert power.pairs_needed(effect, variance) <= power.pairs_needed(effect / 2, variance)


def test_no_spread_needs_the_fewest() -> None:
    assert power.processes_needed(0.001, 0.0) == 2
    assert power.pairs_needed(0.001, 0.0) == 6
    assert power.images_needed(0.01, 0.0) == power.images_needed(0.01, 0.01)


def test_a_limit_of_the_variance_holds_four_times_in_five() -> None:
    estimates = np.random.default_rng(8).normal(0.0, 0.02, (4000, 3)).var(axis=1, ddof=1)
    held = np.mean([power.variance_limit(float(estimate), 3) >= 0.02**2 for estimate in estimates])
    assert held == pytest.approx(0.8, abs=0.02)


def test_components_give_the_variance_of_a_median() -> None:
    rng = np.random.default_rng(9)
    pilot = [np.exp(rng.normal(rng.normal(0.0, 0.03), 0.05, 400)) for _ in range(300)]
    found = variance_components(pilot)
    assert found.processes == 300
    assert found.within == pytest.approx(0.05**2, rel=0.05)
    assert found.between == pytest.approx(0.03**2, rel=0.25)
    medians = np.log([np.median(each[:25]) for each in pilot])
    assert found.of_median(25) == pytest.approx(medians.var(ddof=1), rel=0.25)
    assert VarianceComponents(0.01, -0.5, 3).of_median(100) == pytest.approx(math.pi / 2 * 1e-4)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: power.processes_needed(0.0, 0.1), "effect"),
        (lambda: power.processes_needed(math.nan, 0.1), "effect"),
        (lambda: power.processes_needed(0.02, -0.1), "variance"),
        (lambda: power.processes_needed(1e-9, 0.1), "effect"),
        (lambda: power.processes_needed(0.02, 0.1, level=1.0), "level"),
        (lambda: power.processes_needed(0.02, 0.1, power=0.0), "power"),
        (lambda: power.detectable_effect(1, 0.1), "processes"),
        (lambda: power.variance_limit(0.1, 1), "processes"),
        (lambda: power.images_needed(0.0, 0.1), "difference"),
        (lambda: power.images_needed(0.1, 1.5), "discordant"),
        (lambda: variance_components([[1.0, 2.0]]), "pilot"),
    ],
)
def test_what_cannot_be_planned_is_refused(call, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        call()
