"""Tail percentiles: the minimum sample count of MLPerf, and the four definitions."""

from __future__ import annotations

import numpy as np
import pytest

from harness import stats


@pytest.mark.parametrize(("p", "n"), [(0.9, 64), (0.95, 130), (0.99, 662)])
def test_a_tail_needs_its_minimum(p: float, n: int) -> None:
    samples = np.random.default_rng(7).lognormal(size=n)
    enough, short = stats.tail(samples, p), stats.tail(samples[:-1], p)
    assert isinstance(enough, stats.Tail)
    assert enough.definition == "loadgen"
    assert isinstance(short, stats.TooFew)
    assert (short.n, short.n_required) == (n - 1, n)
    assert str(n) in short.reason


def test_dependent_samples_count_by_their_worth() -> None:
    dependent = np.exp(np.cumsum(np.random.default_rng(8).normal(scale=0.02, size=130)))
    refused = stats.tail(dependent, 0.9)
    assert isinstance(refused, stats.TooFew)
    assert refused.n_effective < 64 <= refused.n
    assert "worth" in refused.reason


def test_the_upper_bound_is_loadgens_estimate() -> None:
    samples = np.random.default_rng(10).lognormal(size=64)
    result = stats.tail(samples, 0.9)
    assert isinstance(result, stats.Tail)
    assert result.upper == samples.max()  # at the minimum LoadGen discards nothing
    assert stats.discardable(64, 0.9) == 1
    assert stats.discardable(1000, 0.9) == 78


@pytest.mark.parametrize(
    ("definition", "p90", "p99"), [("loadgen", 10, 10), ("openvino", 9, 10), ("trtexec", 9, 10), ("numpy", 9.1, 9.91)]
)
def test_definitions_of_ten_samples(definition: stats.Definition, p90: float, p99: float) -> None:
    samples = np.arange(10, 0, -1)
    assert stats.percentile(samples, 0.9, definition) == pytest.approx(p90)
    assert stats.percentile(samples, 0.99, definition) == pytest.approx(p99)


@pytest.mark.parametrize(("x", "p"), [([], 0.9), ([1.0, -1.0], 0.9), ([1.0], 0.0), ([1.0], 1.0), ([[1.0]], 0.9)])
def test_bad_tails_are_refused(x: list[float], p: float) -> None:
    with pytest.raises(ValueError, match=r"samples|p"):
        stats.tail(x, p)
    with pytest.raises(ValueError, match="definition"):
        stats.percentile([1.0], 0.5, "excel")  # type: ignore[arg-type]


def test_samples_are_taken_by_name() -> None:
    found = stats.tail(samples=np.arange(1, 65)[::-1], p=0.9, confidence=0.99)
    assert isinstance(found, stats.TooFew)  # a ramp is one slow change and no 64 samples
    assert isinstance(stats.tail(samples=np.full(64, 7), p=0.9, confidence=0.99), stats.Tail)
