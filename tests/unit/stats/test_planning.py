"""Proportions, multiple hypotheses, looks, and the number of iterations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import stats


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


@pytest.mark.parametrize(("n", "looks"), [(6, stats.LOOKS), (5, ()), (5, (7, 5)), (5, (5, 5)), (1, (1, 5))])
def test_unplanned_looks_are_refused(n: int, looks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="looks"):
        stats.look_level(n, looks)


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


@pytest.mark.parametrize(("n_effective", "pilot"), [(0.5, [[1.0]]), (100, []), (100, [[]])])
def test_a_bad_pilot_is_refused(n_effective: float, pilot: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"n_effective|pilot"):
        stats.iterations_worth(n_effective, pilot)
