"""Several profiled inferences made one: whole inferences are left out, parts add up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.execution import OperatorTiming
from harness.runtimes.operator_profile import Inference, summarise


def inference(*durations: float, rest: float = 1.0) -> Inference:
    operators = [OperatorTiming(f"op{place}", "Conv", "CPU", ns) for place, ns in enumerate(durations)]
    return Inference(sum(durations) + rest, operators)


def test_the_slower_half_does_not_count() -> None:
    profile = summarise("CPU", [inference(10, 20), inference(900, 20), inference(12, 20), inference(10, 700)])
    assert profile.n_inferences == 2
    assert [each.duration_ns for each in profile.operators] == [11.0, 20.0]
    assert profile.inference_ns == 32.0


def test_an_operator_that_ran_twice_in_an_inference_has_two_calls() -> None:
    twice = Inference(9.0, [OperatorTiming("body", "Add", "CPU", 4.0)] * 2)
    (operator,) = summarise("CPU", [twice, twice]).operators
    assert (operator.calls, operator.duration_ns) == (2.0, 8.0)


def test_nothing_profiled_is_no_profile() -> None:
    with pytest.raises(ValueError, match="no profiled inference"):
        summarise("CPU", [])


@given(st.lists(st.lists(st.integers(0, 10**9), min_size=3, max_size=3), min_size=1, max_size=20), st.integers(0, 999))
def test_parts_and_remainder_add_up(runs: list[list[int]], rest: int) -> None:
    profile = summarise("CPU", [inference(*durations, rest=rest) for durations in runs])
    assert profile.unexplained_ns == pytest.approx(rest, abs=1e-3)
