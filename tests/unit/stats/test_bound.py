"""The latency bound: held, missed, or too few queries to tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import stats


def series(late: int, n: int) -> list[float]:
    """`n` latencies of 1, `late` of them 3, spread evenly and out of step with everything else."""
    values = [1.0] * n
    for index in np.random.default_rng(5).choice(n, late, replace=False):
        values[index] = 3.0
    return values


@given(st.integers(0, 300), st.integers(1, 300))
def test_the_share_lies_in_its_interval(late: int, on_time: int) -> None:
    found = stats.bound(series(late, late + on_time), 2.0)
    assert found.share == pytest.approx(on_time / (late + on_time))
    assert 0 <= found.lo <= found.share + 1e-12
    assert found.share - 1e-12 <= found.hi <= 1


def test_queries_late_together_are_one_event() -> None:
    burst = [1.0] * 985 + [3.0] * 15
    found = stats.bound(burst, 2.0)
    assert found.n_effective < 100
    assert found.held is None


def test_a_bound_that_is_met_exactly_is_met() -> None:
    assert stats.bound([2.0] * 500, 2.0).held is True


@pytest.mark.parametrize("bad", [[], [float("nan")], [-1.0]])
def test_bad_samples_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="x"):
        stats.bound(bad, 1.0)
