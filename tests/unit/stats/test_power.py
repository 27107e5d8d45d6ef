"""Sample sizes at their limits, and what cannot be planned."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats import power
from harness.stats.distributions import chi_squared_cdf, chi_squared_quantile
from harness.stats.planning import variance_components


@pytest.mark.parametrize(
    ("probability", "df", "x"),
    [(0.95, 1, 3.841459), (0.2, 1, 0.0641848), (0.2, 2, 0.446287), (0.2, 9, 5.380053), (0.975, 19, 32.852327)],
)
def test_chi_squared_quantiles_are_those_of_the_tables(probability: float, df: int, x: float) -> None:
    assert chi_squared_quantile(probability, df) == pytest.approx(x, rel=1e-5)
    assert chi_squared_cdf(x, df) == pytest.approx(probability, rel=1e-5)


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
