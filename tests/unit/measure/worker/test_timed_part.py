"""Whole inferences: one input repeated against inputs in rotation, and inputs that never came before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.measure.worker import timed_part
from harness.measure.worker.loop import LoopPlan, Samples
from harness.measure.worker.time_limit import TimeLimit
from harness.measure.worker.timed_part import NewInputs, _cycles
from harness.runtimes.null import NullSession

MS = 1_000_000


@pytest.mark.parametrize(
    ("rotation", "repeated", "ratio"),
    [
        ([1, 5, 5, 5], 1, 1.0),  # the first input is a fast one
        ([5, 1, 1, 1], 5, 5.0),
        ([2, 2, 2, 2], 1, 0.5),  # something remembers it
        ([1, 5, 5, 5], 0.5, 0.5),
    ],
)
def test_an_input_is_compared_with_itself_in_rotation(
    monkeypatch: pytest.MonkeyPatch, rotation: list[int], repeated: float, ratio: float
) -> None:
    again = np.full(5, repeated * MS, np.int64)
    monkeypatch.setattr(timed_part.timed_loop, "run", lambda *_: Samples(again, again, 0, 1, 5))
    monkeypatch.setattr(timed_part, "_cycles", lambda *_: {})
    session: Any = None
    batches = [{"x": np.zeros(1)}] * len(rotation)
    samples = np.array(rotation * 6, np.int64) * MS
    found = timed_part.whole_inference(session, batches, LoopPlan(20, 0, 20), samples, TimeLimit(), MS)
    assert found["same_input_ratio"] == ratio


def keys(*batches: Any) -> set[tuple[bytes, ...]]:
    return {tuple(array.tobytes() for array in batch.values()) for batch in batches}


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.int64),
        np.random.default_rng(0).random((1, 3, 8, 8), np.float32),
        np.array([True, False, False, True, False, True]),
        np.array(["a", "b", "c", "d"], dtype=object),
    ],
    ids=["tokens", "picture", "mask", "strings"],
)
def test_each_new_input_is_another_of_the_same_values(array: Any) -> None:
    batch = {"x": array}
    before = array.copy()
    inputs = NewInputs([batch], seed=1)
    found = [inputs.like(batch) for _ in range(4)]
    made = [one for one in found if one is not None]
    assert len(made) == 4
    assert len(keys(batch, *made)) == 5
    assert np.array_equal(array, before), "the loop's own input stays as it is"
    for one in made:
        assert sorted(one["x"].ravel().tolist()) == sorted(array.ravel().tolist())
    same = inputs.copy_of(batch)
    assert np.array_equal(same["x"], array)
    assert same["x"] is not array


def test_the_next_input_is_changed_where_the_largest_cannot_be() -> None:
    batch = {"mask": np.ones(100), "ids": np.arange(10), "length": np.array([10])}
    (made,) = [NewInputs([batch], seed=1).like(batch)]
    assert made is not None
    assert np.array_equal(made["mask"], batch["mask"])
    assert not np.array_equal(made["ids"], batch["ids"])


@pytest.mark.parametrize("array", [np.zeros(8), np.zeros(1), np.zeros(0)], ids=["alike", "one", "empty"])
def test_where_no_exchange_makes_a_new_one_there_is_none(array: Any) -> None:
    assert NewInputs([{"x": array}], seed=1).like({"x": array}) is None


def test_a_model_that_refuses_changed_inputs_is_measured_all_the_same() -> None:
    class Sorted(NullSession):
        def prepare(self, batch: Any) -> None:
            if (np.diff(batch["x"]) < 0).any():
                raise ValueError("not in ascending order")

    told = _cycles(Sorted(), [{"x": np.arange(8)}], 3, TimeLimit())
    assert told["new_input_ratio"] is None
    assert told["cycle_ns"]["infer"] >= 0


def test_inputs_that_are_used_up_are_not_given_twice() -> None:
    batch = {"x": np.array([1, 2])}
    inputs = NewInputs([batch], seed=1)
    assert inputs.like(batch) is not None
    assert inputs.like(batch) is None, "two values have one other order"
