"""The promises of docs/statistics.md on sample sizes, one test each: see docs/promises.md."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import stats
from harness.core.quantity import Missing
from harness.stats import comparison, power
from harness.stats.distributions import t_quantile
from harness.stats.planning import VarianceComponents, variance_components
from reports.effect import accuracy_plan, plan_effect
from tests import factory

TRIALS = 1500


def test_variance_of_a_process_median() -> None:
    rng = np.random.default_rng(9)
    pilot = [np.exp(rng.normal(rng.normal(0.0, 0.03), 0.05, 400)) for _ in range(300)]
    found = variance_components(pilot)
    assert found.processes == 300
    assert found.within == pytest.approx(0.05**2, rel=0.05)
    assert found.between == pytest.approx(0.03**2, rel=0.25)
    medians = np.log([np.median(each[:25]) for each in pilot])
    assert found.of_median(25) == pytest.approx(medians.var(ddof=1), rel=0.25)
    assert VarianceComponents(0.01, -0.5, 3).of_median(100) == pytest.approx(math.pi / 2 * 1e-4)


@pytest.mark.parametrize(("effect", "sd"), [(0.02, 0.01), (0.02, 0.02), (0.05, 0.02), (0.01, 0.012)])
def test_planned_processes_find_the_effect(effect: float, sd: float) -> None:
    n = power.processes_needed(effect, sd**2)
    rng = np.random.default_rng(5)
    a, b = rng.normal(0.0, sd, (TRIALS, n)), rng.normal(math.log1p(effect), sd, (TRIALS, n))
    error = np.sqrt((a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1)) / n)
    found = np.abs(b.mean(axis=1) - a.mean(axis=1)) > t_quantile(0.975, 2 * n - 2) * error
    assert found.mean() >= 0.78
    assert n == 2 or found.mean() <= 0.95


@given(st.floats(1e-4, 0.5), st.integers(2, 200))
def test_what_can_be_shown_is_what_was_planned_for(sd: float, n: int) -> None:
    effect = power.detectable_effect(n, sd**2)
    assert power.processes_needed(effect * 1.0001, sd**2) <= n
    if n > 2 and effect > 0:
        assert power.processes_needed(effect * 0.999, sd**2) >= n


@pytest.mark.parametrize(("effect", "sd"), [(0.02, 0.01), (0.03, 0.02)])
def test_planned_pairs_find_the_effect(effect: float, sd: float) -> None:
    level = stats.look_level(20)
    n = power.pairs_needed(effect, sd**2, level)
    rng = np.random.default_rng(6)
    found = []
    for _ in range(300):
        a, b = np.exp(rng.normal(0.0, sd, n)), np.exp(rng.normal(math.log1p(effect), sd, n))
        found.append(comparison.ab(list(a), list(b), same_within=0.0, level=level).verdict == "slower")
    assert 0.75 <= np.mean(found) <= 0.95


@pytest.mark.parametrize(("difference", "discordant"), [(0.01, 0.03), (0.02, 0.1), (0.05, 0.05)])
def test_planned_images_find_the_difference(difference: float, discordant: float) -> None:
    n = power.images_needed(difference, discordant)
    rng = np.random.default_rng(7)
    worse, better = (discordant + difference) / 2, (discordant - difference) / 2
    counts = rng.multinomial(n, [worse, max(better, 0.0), 1 - worse - max(better, 0.0)], 400)
    found = np.mean([stats.mcnemar(int(b), int(c)) <= 0.05 for b, c, _ in counts])
    assert found >= 0.74  # the exact test is a little less sensitive than the formula's


def test_planning_is_repeated_at_the_upper_limits(tmp_path: Path) -> None:
    run = factory.write_run(tmp_path, factory.nets()[:3])
    record = run.records()[2]
    plan = plan_effect([record], run.blob, 0.005, None).latency[0]
    variance = plan.pilot.variance.of_median(plan.pilot.inferences)
    limit = variance * 2 / 0.446287  # the quantile .2 of chi-squared with two degrees of freedom
    assert plan.processes == power.processes_needed(0.005, variance)
    assert plan.processes_safe == power.processes_needed(0.005, limit)
    assert plan.pairs_safe == power.pairs_needed(0.005, limit, stats.look_level(20))
    images = accuracy_plan(record, 0.01)
    assert not isinstance(images, Missing)
    _, upper = stats.wilson(180, 10_000, 0.6)  # two-sided 60 %: one side has 80 %
    assert images.images == power.images_needed(0.01, 0.018)
    assert images.images_safe == power.images_needed(0.01, upper)
