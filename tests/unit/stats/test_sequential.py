"""The paired interval of two accuracies, and stopping by it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats.distributions import binomial_cdf, normal_quantile
from harness.stats.proportions import decide, paired_difference, planned_looks

COUNTS = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 2000)).filter(lambda x: x[0] + x[1] <= x[2])


def score(b: int, c: int, n: int, d: float) -> float:
    """The score statistic with the restricted estimate found by trying all: an independent way to the same."""
    q = np.linspace(max(0.0, -d), (1 - d) / 2, 200_001)[1:-1]  # P(only the first); only the second is q + d
    same = n - b - c
    log = b * np.log(q) + c * np.log(q + d) + same * np.log1p(-2 * q - d)
    best = q[np.argmax(log)]
    return float((c - b - n * d) / np.sqrt(n * (2 * best + d - d * d)))


@pytest.mark.parametrize(("b", "c", "n"), [(12, 9, 2000), (40, 10, 300), (3, 30, 500), (1, 2, 100)])
def test_the_ends_are_where_the_score_test_just_rejects(b: int, c: int, n: int) -> None:
    z = normal_quantile(0.975)
    lo, hi = paired_difference(b, c, n)
    assert score(b, c, n, lo) == pytest.approx(z, abs=2e-3)
    assert score(b, c, n, hi) == pytest.approx(-z, abs=2e-3)


def test_nets_that_never_differ_have_the_interval_of_the_closed_form() -> None:
    z = normal_quantile(0.975)
    assert paired_difference(0, 0, 100) == pytest.approx((-z * z / (100 + z * z), z * z / (100 + z * z)), abs=1e-8)


@given(COUNTS, st.floats(0.5, 0.999))
def test_the_interval_holds_the_difference_and_mirrors_with_the_nets(x: tuple[int, int, int], level: float) -> None:
    b, c, n = x
    lo, hi = paired_difference(b, c, n, level)
    assert -1 <= lo <= (c - b) / n + 1e-8
    assert (c - b) / n - 1e-8 <= hi <= 1
    assert paired_difference(c, b, n, level) == pytest.approx((-hi, -lo), abs=1e-7)


@given(COUNTS)
def test_it_widens_with_the_level_and_narrows_with_more_of_the_same(x: tuple[int, int, int]) -> None:
    b, c, n = x
    lo, hi = paired_difference(b, c, n)
    wide, more = paired_difference(b, c, n, 0.99), paired_difference(4 * b, 4 * c, 4 * n)
    assert wide[0] <= lo + 1e-8
    assert hi <= wide[1] + 1e-8
    assert more[1] - more[0] < hi - lo + 1e-8


@given(st.integers(2, 1_000_000))
def test_looks_rise_to_the_budget_and_about_double(budget: int) -> None:
    planned = planned_looks(budget)
    assert planned[-1] == budget
    assert all(2 * first <= second <= 2 * first + 1 for first, second in pairwise(planned))
    assert planned[0] >= min(budget, 100)


@pytest.mark.parametrize(
    ("b", "c", "finding"), [(3, 5, "within"), (300, 100, "worse"), (50, 400, "better"), (70, 45, "undecided")]
)
def test_what_is_found(b: int, c: int, finding: str) -> None:
    found = decide(b, c, 2500, 10_000, 0.01)
    assert found.finding == finding
    assert found.lo < found.value == (c - b) / 2500 < found.hi


def test_a_small_loss_that_is_certain_is_still_within_the_margin() -> None:
    found = decide(30, 0, 10_000, 10_000, 0.01)
    assert (found.finding, found.hi < 0) == ("within", True)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="planned looks"):
        decide(0, 0, 1000, 10_000, 0.01)
    with pytest.raises(ValueError, match="b \\+ c of n"):
        paired_difference(60, 60, 100)
    with pytest.raises(ValueError, match="budget"):
        planned_looks(1)


@pytest.mark.parametrize("rates", [(0.005, 0.005), (0.03, 0.03), (0.02, 0.01), (0.001, 0.0)])
def test_stopped_whenever_it_is_decided_at_most_one_finding_in_twenty_is_false(rates: tuple[float, float]) -> None:
    """Every look counts, also those after one would have stopped: no interval of a run may miss the truth."""
    generator = np.random.default_rng(7)
    planned, truth, runs, missed = planned_looks(2000), rates[1] - rates[0], 400, 0
    steps = np.diff((0, *planned))
    for _ in range(runs):
        pairs = np.cumsum([generator.multinomial(step, (*rates, 1 - sum(rates))) for step in steps], axis=0)
        found = [decide(int(b), int(c), n, 2000, 0.01) for (b, c, _), n in zip(pairs, planned, strict=True)]
        missed += any(not each.lo <= truth <= each.hi for each in found)
    # More misses than this would have a chance below one in a thousand if the error were 5 %.
    assert 1 - binomial_cdf(missed - 1, runs, 0.05) > 0.001
