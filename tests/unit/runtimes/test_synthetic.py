"""What an input is taken for by its name and type, and the values it gets."""

from __future__ import annotations

import numpy as np
import pytest

from harness.runtimes.base import InputError, Options, TensorSpec
from harness.runtimes.synthetic import roles, synthetic_batch

RNG = np.random.default_rng(0)


def role(name: str, dtype: str = "int64", shape: tuple[int | str, ...] = (1, 16)) -> str:
    return roles([TensorSpec(name, shape, dtype)], Options())[name]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("attention_mask", "ones"),
        ("decoderAttentionMask", "ones"),
        ("serving_default_input_mask:0", "ones"),
        ("length_mask", "ones"),
        ("token_type_ids", "zeros"),
        ("input_type_ids", "zeros"),
        ("segment_ids", "zeros"),
        ("position_ids", "positions"),
        ("cache_position", "positions"),
        ("input_ids", "ids"),
        ("serving_default_input_word_ids:0", "ids"),
        ("tokens", "ids"),
        ("input.1", "ids"),
        ("x", "ids"),
    ],
)
def test_the_name_says_what_integers_are(name: str, expected: str) -> None:
    assert role(name) == expected


@pytest.mark.parametrize(
    ("dtype", "expected"), [("float32", "numbers"), ("bool", "ones"), ("uint8", "bytes"), ("int8", "bytes")]
)
def test_the_type_says_what_others_are(dtype: str, expected: str) -> None:
    assert role("x", dtype) == expected


def test_a_mask_of_bytes_is_a_mask() -> None:
    assert role("mask", "uint8") == "ones"


def test_a_float_called_a_mask_stays_a_number() -> None:
    assert role("attention_mask", "float32") == "numbers"


@pytest.mark.parametrize(
    "name",
    ["max_iter", "num_steps", "n", "count", "length", "seq_len", "maxLength", "trip_count", "input_lengths", "nIter"],
)
def test_a_name_of_a_count_asks_for_the_value(name: str) -> None:
    with pytest.raises(InputError, match=f"input '{name}' .* the time may depend on its value") as raised:
        role(name)
    assert "--inputs FILE.npz" in raised.value.remedy


@pytest.mark.parametrize(("shape", "dtype"), [((), "int64"), ((1,), "int32"), ((1, 1), "uint8"), (("batch",), "int64")])
def test_a_single_number_asks_for_the_value(shape: tuple[int | str, ...], dtype: str) -> None:
    with pytest.raises(InputError, match="the time may depend on its value"):
        role("x", dtype, shape)


@pytest.mark.parametrize("name", ["input_ids", "attention_mask", "position_ids", "token_type_ids"])
def test_a_single_token_is_no_count(name: str) -> None:
    assert role(name, shape=(1, 1)) == role(name)


def test_a_quantized_number_is_a_number() -> None:
    assert roles([TensorSpec("n", (1,), "int8", 0.1)], Options()) == {"n": "bytes"}
    spec = TensorSpec("x", (1, 400), "int16", 1 / 32767)
    values = synthetic_batch([spec], Options(), RNG)["x"]
    assert values.dtype == np.int16
    assert values.min() >= 0
    assert values.max() > 30000


def test_several_integers_without_a_telling_name_are_ones() -> None:
    """One of them may be a mask, and a token type of 2 would be in no table."""
    specs = [TensorSpec(name, (1, 16), "int64") for name in ("args_0", "args_1")]
    assert set(roles(specs, Options()).values()) == {"ones"}
    ids = TensorSpec("input_ids", (1, 16), "int64")
    assert roles([ids, specs[0]], Options()) == {"input_ids": "ids", "args_0": "ones"}


def test_values_are_those_of_the_role() -> None:
    names = ("input_ids", "attention_mask", "token_type_ids", "position_ids")
    specs = [TensorSpec(name, ("batch", 5), "int64") for name in names]
    ids, mask, types, positions = (synthetic_batch(specs, Options(batch=2), RNG)[name] for name in names)
    assert set(np.unique(ids)) <= {1, 2, 3}
    assert mask.tolist() == [[1] * 5] * 2
    assert types.tolist() == [[0] * 5] * 2
    assert positions.tolist() == [[0, 1, 2, 3, 4]] * 2
    assert {array.dtype.name for array in (ids, mask, types, positions)} == {"int64"}
