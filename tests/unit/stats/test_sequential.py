"""The paired interval of two accuracies, and stopping by it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats.distributions import normal_quantile
from harness.stats.proportions import decide, paired_difference, planned_looks
from tests.paired_counts import counted

COUNTS = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 2000)).filter(lambda x: x[0] + x[1] <= x[2])


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


def test_a_small_loss_that_is_certain_is_still_within_the_margin() -> None:
    found = decide(counted(30, 0, 10_000), 10_000, 10_000, 0.01)
    assert (found.finding, found.hi < 0) == ("within", True)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="planned looks"):
        decide(counted(0, 0, 1000), 1000, 10_000, 0.01)
    with pytest.raises(ValueError, match="b \\+ c of n"):
        paired_difference(60, 60, 100)
    with pytest.raises(ValueError, match="budget"):
        planned_looks(1)
