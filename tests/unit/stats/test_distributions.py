"""The distribution functions, against printed tables and direct sums."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats.distributions import binomial_cdf, normal_quantile, t_cdf, t_quantile


@pytest.mark.parametrize(
    ("probability", "df", "expected"),
    [(0.975, 1, 12.706), (0.975, 4, 2.776), (0.975, 9, 2.262), (0.995, 4, 4.604), (0.95, 30, 1.697), (0.5, 3, 0.0)],
)
def test_t_quantiles_of_the_table(probability: float, df: int, expected: float) -> None:
    assert t_quantile(probability, df) == pytest.approx(expected, abs=6e-4)
    assert t_quantile(1 - probability, df) == pytest.approx(-expected, abs=6e-4)


@given(st.floats(-30, 30), st.integers(1, 200))
def test_t_quantile_inverts_the_distribution(t: float, df: int) -> None:
    p = t_cdf(t, df)
    if 1e-9 < p < 1 - 1e-9:
        assert t_quantile(p, df) == pytest.approx(t, rel=1e-6, abs=1e-6)


@given(st.integers(1, 60), st.floats(0.001, 0.999), st.data())
def test_binomial_distribution_is_the_sum_of_its_terms(n: int, p: float, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    expected = sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))
    assert binomial_cdf(k, n, p) == pytest.approx(expected, rel=1e-9, abs=1e-14)


def test_binomial_distribution_of_large_n_meets_the_normal_one() -> None:
    n, p = 1_000_000, 0.5
    k = int(n * p + normal_quantile(0.975) * math.sqrt(n * p * (1 - p)))
    assert binomial_cdf(k, n, p) == pytest.approx(0.975, abs=2e-4)
