"""The batch of a session: taken where the graph leaves it open, refused where it does not."""

from __future__ import annotations

import numpy as np
import pytest

from harness.runtimes.base import Options, SessionError, TensorSpec
from harness.runtimes.inputs import concrete_shape
from harness.runtimes.litert.adapter import LiteRtSession


def detail(shape: list[int]) -> dict[str, object]:
    return {"name": "x", "shape": np.array(shape), "dtype": np.float32, "quantization": (0.0, 0)}


def test_an_open_first_dimension_is_the_batch() -> None:
    assert concrete_shape(TensorSpec("x", ("batch", 3), "float32"), Options(batch=4)) == (4, 3)


@pytest.mark.parametrize("batch", [1, 2])
def test_a_fixed_batch_is_taken_as_it_is_or_as_asked(batch: int) -> None:
    assert concrete_shape(TensorSpec("x", (2, 3), "float32"), Options(batch=batch)) == (2, 3)


def test_another_batch_than_the_fixed_one_is_refused() -> None:
    with pytest.raises(SessionError, match="first dimension of 1: no batch of 8"):
        concrete_shape(TensorSpec("x", (1, 3), "float32"), Options(batch=8))


def test_litert_resizes_a_batch_of_one_and_no_other() -> None:
    assert [LiteRtSession._spec("x", detail([1, 3]), batch).shape for batch in (2, 8)] == [(-1, 3)] * 2
    assert LiteRtSession._spec("x", detail([1, 3]), 1).shape == (1, 3)
    assert LiteRtSession._spec("x", detail([2, 3]), 8).shape == (2, 3)
