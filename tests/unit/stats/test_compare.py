"""A/B comparison: exact p-values against enumeration, verdicts against planted ratios."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.stats import comparison


def pairs(ratio: float, n: int, sigma: float = 0.005, seed: int = 1) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """n pairs of processes of 50 samples; what moves the machine moves both of a pair."""
    rng = np.random.default_rng(seed)
    common = np.exp(0.05 * rng.normal(size=n))
    a = [m * np.exp(sigma * rng.normal(size=50)) for m in common]
    b = [m * ratio * np.exp(sigma * rng.normal(size=50)) for m in common]
    return a, b


@pytest.mark.parametrize(("ratio", "verdict"), [(1.05, "slower"), (0.95, "faster"), (1.0, "same"), (1.01, "same")])
def test_verdicts_on_planted_ratios(ratio: float, verdict: str) -> None:
    result = comparison.ab(*pairs(ratio, 12))
    assert result.verdict == verdict
    assert result.lo <= ratio <= result.hi
    assert result.ratio == pytest.approx(ratio, abs=0.005)
    assert result.pairs == 12


def test_pairs_slower_are_counted() -> None:
    assert comparison.ab([1.0, 1.0, 1.0], [2.0, 0.5, 1.0]).pairs_slower == 1


def test_noise_is_undecided_and_not_the_same() -> None:
    a, b = np.exp(0.2 * np.random.default_rng(2).normal(size=(2, 8)))
    assert comparison.ab(list(a), list(b)).verdict == "undecided"


def test_five_pairs_decide_nothing_but_sameness() -> None:
    assert comparison.ab([1.0] * 5, [1.5, 1.51, 1.52, 1.53, 1.54]).verdict == "undecided"
    assert comparison.ab([1.0] * 5, [1.001, 1.0, 0.999, 1.0, 1.0]).verdict == "same"


def test_a_against_itself_is_the_same() -> None:
    result = comparison.ab([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], same_within=0.0)
    assert (result.ratio, result.lo, result.hi, result.verdict, result.p_value) == (1, 1, 1, "same", 1)


def test_a_stricter_level_widens_the_interval() -> None:
    a, b = pairs(1.02, 10)
    loose, strict = comparison.ab(a, b), comparison.ab(a, b, level=0.99)
    assert strict.lo < loose.lo <= loose.ratio <= loose.hi < strict.hi


@given(st.lists(st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)), min_size=2, max_size=25))
def test_swapping_a_and_b_inverts_the_comparison(values: list[tuple[float, float]]) -> None:
    a, b = zip(*values, strict=True)
    one, other = comparison.ab(a, b), comparison.ab(b, a)
    assert (other.ratio, other.lo, other.hi) == pytest.approx((1 / one.ratio, 1 / one.hi, 1 / one.lo))
    assert other.p_value == pytest.approx(one.p_value)
    assert one.lo <= one.ratio <= one.hi
    mirrored = {"faster": "slower", "slower": "faster"}
    assert other.verdict == mirrored.get(one.verdict, one.verdict)


def test_equal_machines_are_seldom_called_different() -> None:
    rng = np.random.default_rng(3)
    verdicts = [comparison.ab(*np.exp(0.03 * rng.normal(size=(2, 10)))).verdict for _ in range(500)]
    assert sum(v in {"faster", "slower"} for v in verdicts) <= 42  # 5 % and four standard errors


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([1.0, 2.0], [1.0], "as many of A as of B"),
        ([1.0], [1.0], "at least 2"),
        ([], [], "a_processes: at least one"),
        ([1.0, 2.0], [1.0, -1.0], r"b_processes\[1\]\[0\] is -1.0"),
        ([1.0, 2.0], [1.0, float("nan")], "finite"),
        ([1.0, []], [1.0, 2.0], r"a_processes\[1\]: at least 1"),
    ],
)
def test_bad_pairs_are_named(a: list[float], b: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        comparison.ab(a, b)
    with pytest.raises(ValueError, match="same_within"):
        comparison.ab([1.0, 2.0], [1.0, 2.0], same_within=-0.1)
