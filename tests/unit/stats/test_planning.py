"""Proportions, multiple hypotheses, looks, and the number of iterations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import stats


@pytest.mark.parametrize(
    ("k", "n", "lo", "hi"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (9200, 10_000, 0.91453, 0.92516)],
)
def test_wilson_intervals_of_the_literature(k: int, n: int, lo: float, hi: float) -> None:
    assert stats.wilson(k, n) == pytest.approx((lo, hi), abs=5e-5)


@given(st.integers(1, 10_000), st.data())
def test_wilson_holds_the_rate_and_mirrors(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    lo, hi = stats.wilson(k, n)
    assert 0.0 <= lo <= k / n <= hi <= 1.0
    assert stats.wilson(n - k, n) == pytest.approx((1 - hi, 1 - lo), abs=1e-12)


@pytest.mark.parametrize(("k", "n"), [(1, 0), (3, 2), (-1, 5), (1.5, 5), (True, 5)])
def test_wilson_refuses_impossible_counts(k: int, n: int) -> None:
    with pytest.raises(ValueError, match=r"k|n"):
        stats.wilson(k, n)


@pytest.mark.parametrize(
    ("b", "c", "p"),
    [(0, 0, 1.0), (5, 5, 1.0), (0, 6, 0.03125), (1, 9, 22 / 1024), (9, 1, 22 / 1024), (121, 59, 4.434e-6)],
)
def test_mcnemar_is_exact(b: int, c: int, p: float) -> None:
    assert stats.mcnemar(b, c) == pytest.approx(p, rel=1e-3)


def test_benjamini_hochberg_of_the_paper() -> None:
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


def test_looks_spend_alpha_and_no_more() -> None:
    levels = [stats.look_level(n) for n in stats.LOOKS]
    assert sum(1 - level for level in levels) == pytest.approx(0.05)
    assert all(0.95 < level < 1 for level in levels)
    assert stats.look_level(20, (20,)) == pytest.approx(0.95)
    assert stats.look_level(10, (10, 20), 0.9) == pytest.approx(1 - 0.1 * math.log1p((math.e - 1) / 2))


@pytest.mark.parametrize(("n", "looks"), [(6, stats.LOOKS), (5, ()), (5, (7, 5)), (5, (5, 5)), (1, (1, 5))])
def test_unplanned_looks_are_refused(n: int, looks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="looks"):
        stats.look_level(n, looks)


def test_the_best_number_of_iterations_is_kalibera_jones() -> None:
    rng = np.random.default_rng(11)
    within, between = 0.04, 0.01
    pilot = [np.exp(between * rng.normal() + within * rng.normal(size=400)) for _ in range(300)]
    # sqrt(c2 / c1 * T1^2 / T2^2) = sqrt(100 * 16) = 40
    assert stats.iterations_per_process(pilot, 2.0, 0.02, (1, 10_000)) == pytest.approx(40, abs=5)


def test_equal_processes_want_the_longest_run_and_free_ones_the_shortest() -> None:
    rng = np.random.default_rng(12)
    noise = [rng.lognormal(sigma=0.1, size=50) for _ in range(2)]
    equal = [x / np.exp(np.log(x).mean()) for x in noise]  # the same mean: no variance between
    assert stats.iterations_per_process(equal, 2.0, 0.02, (10, 500)) == 500
    different = [noise[0], 3 * noise[1]]
    assert stats.iterations_per_process(different, 0.0, 0.02, (10, 500)) == 10


@pytest.mark.parametrize(
    ("pilot", "costs", "limits"),
    [
        ([[1.0, 2.0]], (1.0, 1.0), (1, 10)),
        ([[1.0], [2.0]], (1.0, 1.0), (1, 10)),
        ([[1.0, 2.0]] * 2, (-1.0, 1.0), (1, 10)),
        ([[1.0, 2.0]] * 2, (1.0, 0.0), (1, 10)),
        ([[1.0, 2.0]] * 2, (1.0, 1.0), (10, 1)),
    ],
)
def test_bad_pilots_are_refused(pilot: list[list[float]], costs: tuple[float, float], limits: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"pilot|cost|limits"):
        stats.iterations_per_process(pilot, *costs, limits)


def test_independent_inferences_are_worth_their_number() -> None:
    rng = np.random.default_rng(3)
    assert stats.iterations_worth(100, [rng.lognormal(size=500), rng.lognormal(size=500)]) == 100


def test_the_most_dependent_process_decides() -> None:
    rng = np.random.default_rng(3)
    slow = np.repeat(rng.lognormal(size=100), 10)
    assert stats.iterations_worth(100, [rng.lognormal(size=500), slow]) > 500


@pytest.mark.parametrize(("n_effective", "pilot"), [(0.5, [[1.0]]), (100, []), (100, [[]])])
def test_a_bad_pilot_is_refused(n_effective: float, pilot: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"n_effective|pilot"):
        stats.iterations_worth(n_effective, pilot)
