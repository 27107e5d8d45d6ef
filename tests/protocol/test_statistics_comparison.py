"""The promises of docs/statistics.md on comparisons and proportions, one test each: see docs/promises.md."""

from __future__ import annotations

import math
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import stats
from harness.stats import comparison
from harness.stats.distributions import binomial_cdf, normal_quantile
from harness.stats.proportions import decide, paired_difference, planned_looks
from tests.paired_counts import counted

COUNTS = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 2000)).filter(lambda x: x[0] + x[1] <= x[2])


def enumerated(differences: np.ndarray) -> float:
    """Two-sided p by trying all signs: how often is the smaller rank sum at most the observed one?"""
    left = differences[differences != 0]
    size = np.abs(left)
    ranks = np.array([(np.sum(size < s) + np.sum(size <= s) + 1) / 2 for s in size])
    observed = min(ranks[left > 0].sum(), ranks[left < 0].sum())
    sums = np.array([np.dot(signs, ranks) for signs in product((0, 1), repeat=left.size)])
    return min(1.0, 2 * np.mean(sums <= observed + 1e-9))


@given(st.lists(st.integers(-6, 6), min_size=1, max_size=9))
def test_wilcoxons_test_is_exact_under_ties(values: list[int]) -> None:
    differences = np.array(values, dtype=float)
    expected = enumerated(differences) if np.any(differences) else 1.0
    assert comparison.wilcoxon(differences) == pytest.approx(expected)


def test_the_interval_is_that_of_hodges_and_lehmann() -> None:
    # n = 10: P(W <= 8) = .0244, P(W <= 9) = .0322: the 9th smallest and largest of the 55 Walsh averages
    differences = np.random.default_rng(0).normal(size=10)
    walsh = sorted((differences[i] + differences[j]) / 2 for i in range(10) for j in range(i, 10))
    middle, lo, hi = comparison.hodges_lehmann(differences, 0.95)
    assert (middle, lo, hi) == pytest.approx((walsh[27], walsh[8], walsh[-9]))


@pytest.mark.parametrize(
    ("k", "n", "lo", "hi"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (9200, 10_000, 0.91453, 0.92516)],
)
def test_a_rate_has_wilsons_interval(k: int, n: int, lo: float, hi: float) -> None:
    assert stats.wilson(k, n) == pytest.approx((lo, hi), abs=5e-5)


@pytest.mark.parametrize(
    ("b", "c", "p"),
    [(0, 0, 1.0), (5, 5, 1.0), (0, 6, 0.03125), (1, 9, 22 / 1024), (9, 1, 22 / 1024), (121, 59, 4.434e-6)],
)
def test_mcnemars_test_is_exact(b: int, c: int, p: float) -> None:
    assert stats.mcnemar(b, c) == pytest.approx(p, rel=1e-3)


def test_many_hypotheses_are_tested_after_benjamini_and_hochberg() -> None:
    # the fifteen p-values of Benjamini & Hochberg 1995, section 3.2: four are rejected at q = .05
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.324,
        0.4262,
        0.5719,
        0.6528,
        0.759,
        1,
    ]
    assert stats.benjamini_hochberg(p).tolist() == [True] * 4 + [False] * 11
    assert stats.benjamini_hochberg(p[::-1]).tolist() == [False] * 11 + [True] * 4
    assert stats.benjamini_hochberg([]).size == 0
    with pytest.raises(ValueError, match="each within"):
        stats.benjamini_hochberg([0.5, 1.5])


def score(b: int, c: int, n: int, d: float) -> float:
    """The score statistic with the restricted estimate found by trying all: an independent way to the same."""
    q = np.linspace(max(0.0, -d), (1 - d) / 2, 200_001)[1:-1]  # P(only the first); only the second is q + d
    same = n - b - c
    log = b * np.log(q) + c * np.log(q + d) + same * np.log1p(-2 * q - d)
    best = q[np.argmax(log)]
    return float((c - b - n * d) / np.sqrt(n * (2 * best + d - d * d)))


@pytest.mark.parametrize(("b", "c", "n"), [(12, 9, 2000), (40, 10, 300), (3, 30, 500), (1, 2, 100)])
def test_the_interval_of_the_difference_is_that_of_tango(b: int, c: int, n: int) -> None:
    z = normal_quantile(0.975)
    lo, hi = paired_difference(b, c, n)
    assert score(b, c, n, lo) == pytest.approx(z, abs=2e-3)
    assert score(b, c, n, hi) == pytest.approx(-z, abs=2e-3)


@given(st.integers(2, 1_000_000))
def test_looks_are_at_the_budget_and_its_halves(budget: int) -> None:
    planned = planned_looks(budget)
    assert planned[-1] == budget
    assert all(2 * first <= second <= 2 * first + 1 for first, second in pairwise(planned))
    assert planned[0] >= min(budget, 100)


@pytest.mark.parametrize("rates", [(0.005, 0.005), (0.03, 0.03), (0.02, 0.01), (0.001, 0.0)])
def test_all_looks_together_have_95_percent(rates: tuple[float, float]) -> None:
    """Every look counts, also those after one would have stopped: no interval of a run may miss the truth."""
    generator = np.random.default_rng(7)
    planned, truth, runs, missed = planned_looks(2000), rates[1] - rates[0], 400, 0
    steps = np.diff((0, *planned))
    for _ in range(runs):
        pairs = np.cumsum([generator.multinomial(step, (*rates, 1 - sum(rates))) for step in steps], axis=0)
        found = [decide(counted(int(b), int(c), n), n, 2000, 0.01) for (b, c, _), n in zip(pairs, planned, strict=True)]
        missed += any(not each.lo <= truth <= each.hi for each in found)
    # More misses than this would have a chance below one in a thousand if the error were 5 %.
    assert 1 - binomial_cdf(missed - 1, runs, 0.05) > 0.001


@pytest.mark.parametrize(
    ("b", "c", "finding"), [(3, 5, "within"), (300, 100, "worse"), (50, 400, "better"), (70, 45, "undecided")]
)
def test_within_the_margin_else_better_or_worse_else_undecided(b: int, c: int, finding: str) -> None:
    found = decide(counted(b, c, 2500), 2500, 10_000, 0.01)
    assert found.finding == finding
    assert found.lo < found.value == (c - b) / 2500 < found.hi


def paired(*log_ratios: float) -> tuple[list[float], list[float]]:
    return [1.0] * len(log_ratios), [math.exp(each) for each in log_ratios]


@pytest.mark.parametrize(
    ("b", "verdict"),
    [
        (paired(*np.linspace(0.010, 0.018, 10)), "same"),
        (paired(*np.linspace(0.03, 0.05, 10)), "slower"),
        (paired(*np.linspace(-0.05, -0.03, 10)), "faster"),
        (paired(*np.linspace(-0.04, 0.06, 10)), "undecided"),
        (paired(*np.linspace(0.03, 0.05, 5)), "undecided"),  # p = 2 / 2^5 at best
    ],
)
def test_same_else_slower_or_faster_else_undecided(b: tuple[list[float], list[float]], verdict: str) -> None:
    assert comparison.ab(*b).verdict == verdict
