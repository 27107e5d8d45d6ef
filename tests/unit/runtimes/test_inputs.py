"""Inputs from a graph's signature: shapes, types, quantization, and what cannot be synthesised."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.runtimes.base import Options, SessionError, TensorSpec
from harness.runtimes.inputs import concrete_shape
from harness.runtimes.synthetic import synthetic_batch


def synthetic_input(spec: TensorSpec, options: Options, rng: np.random.Generator) -> np.ndarray:
    """The values for a model with this one input."""
    return synthetic_batch([spec], options, rng)[spec.name]


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_first_dynamic_dimension_is_the_batch() -> None:
    assert concrete_shape(TensorSpec("x", ("batch", 3, 8, 8), "float32"), Options(batch=4)) == (4, 3, 8, 8)
    assert concrete_shape(TensorSpec("x", (-1, 3), "float32"), Options()) == (1, 3)


def test_another_dynamic_dimension_needs_a_shape() -> None:
    spec = TensorSpec("x", ("batch", 3, "height", "width"), "float32")
    with pytest.raises(SessionError, match="dimension 2 of input 'x'") as raised:
        concrete_shape(spec, Options())
    assert "--shape x=1x3x224x224" in raised.value.remedy
    assert concrete_shape(spec, Options(shapes={"x": (1, 3, 64, 32)})) == (1, 3, 64, 32)


@pytest.mark.parametrize("shape", [(1, 4, 64, 64), (3, 64, 64)])
def test_a_given_shape_must_fit_the_graph(shape: tuple[int, ...]) -> None:
    spec = TensorSpec("x", (1, 3, "height", "width"), "float32")
    with pytest.raises(SessionError, match="does not fit"):
        concrete_shape(spec, Options(shapes={"x": shape}))


@given(st.sampled_from(["float32", "float16", "int8", "uint8", "int32", "int64", "bool"]))
def test_every_type_is_synthesised_within_its_range(dtype: str) -> None:
    array = synthetic_input(TensorSpec("x", (2, 5), dtype), Options(), rng())
    assert array.dtype == dtype
    assert array.shape == (2, 5)
    assert np.isfinite(array.astype(np.float64)).all()


@pytest.mark.parametrize(("dtype", "lowest", "highest"), [("uint8", 0, 255), ("int8", -128, 127)])
def test_bytes_are_spread_over_their_whole_range(dtype: str, lowest: int, highest: int) -> None:
    array = synthetic_input(TensorSpec("x", (1, 100, 100), dtype), Options(), rng())
    assert (array.min(), array.max(), len(np.unique(array))) == (lowest, highest, 256)


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint16"])
def test_other_integers_are_small_ids(dtype: str) -> None:
    assert np.unique(synthetic_input(TensorSpec("x", (50,), dtype), Options(), rng())).tolist() == [1, 2, 3]


def test_floats_lie_between_0_and_1() -> None:
    array = synthetic_input(TensorSpec("x", (1000,), "float32"), Options(), rng())
    assert 0 <= array.min() < 0.05
    assert 0.95 < array.max() < 1


def test_synthesis_is_seeded() -> None:
    spec = TensorSpec("x", (4,), "float32")
    assert (synthetic_input(spec, Options(), rng()) == synthetic_input(spec, Options(), rng())).all()


def test_a_type_without_numbers_is_refused() -> None:
    with pytest.raises(SessionError, match="no synthetic values can be made"):
        synthetic_input(TensorSpec("x", (1,), "str"), Options(), rng())


@given(st.floats(-10, 10), st.floats(0.001, 1.0), st.integers(-128, 127))
def test_quantized_inputs_stand_for_the_same_number(number: float, scale: float, zero_point: int) -> None:
    spec = TensorSpec("x", (1,), "int8", scale, zero_point)
    stored = spec.encode(np.array([number], np.float32))
    assert stored.dtype == np.int8
    real = (float(stored[0]) - zero_point) * scale
    lowest, highest = (-128 - zero_point) * scale, (127 - zero_point) * scale
    assert abs(real - min(max(number, lowest), highest)) <= scale * 0.51
