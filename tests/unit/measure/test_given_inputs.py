"""Arrays of the user as inputs: what is read, how they are cut into inferences, and what a cast may not change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.core.errors import UsageError
from harness.measure.given_inputs import MOST, GivenInputs, cast, cut, given_batches
from harness.runtimes.base import InputError, Options, TensorSpec
from harness.runtimes.inputs import concrete_shape, sized


def saved(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def test_names_shapes_and_hash_are_read(tmp_path: Path) -> None:
    found = GivenInputs.read(saved(tmp_path / "in.npz", x=np.zeros((2, 3)), steps=np.int64(4)))
    assert dict(found.shapes) == {"x": (2, 3), "steps": ()}
    again = GivenInputs.read(saved(tmp_path / "again.npz", x=np.ones((2, 3)), steps=np.int64(4)))
    assert found.digest != again.digest
    assert len(found.digest) == 12


def test_an_npy_is_the_only_input(tmp_path: Path) -> None:
    np.save(tmp_path / "in.npy", np.arange(6, dtype=np.float32).reshape(2, 3))
    assert dict(GivenInputs.read(tmp_path / "in.npy").shapes) == {"": (2, 3)}
    spec = TensorSpec("x", (2, 3), "float32")
    (batch,) = given_batches([spec], Options(), tmp_path / "in.npy")
    assert batch["x"].tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(InputError, match="holds one array, the model has 2 inputs: x, y"):
        given_batches([spec, TensorSpec("y", (2, 3), "float32")], Options(), tmp_path / "in.npy")


def write_text(path: Path) -> Path:
    path.write_text("1 2 3")
    return path


def write_damaged(path: Path) -> Path:
    path.write_bytes(saved(path, x=np.zeros(100)).read_bytes()[:100])
    return path


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda path: path, "no such file"),
        (write_text, "is no .npz or .npy"),
        (write_damaged, r"in\.npz"),
        (saved, "holds no array"),
        (lambda path: saved(path, x=np.array([{}])), "Python objects"),
        (lambda path: saved(path, x=np.array(["text"])), "array 'x' holds <U4, no numbers"),
        (lambda path: saved(path, x=np.array([1j])), "no numbers"),
    ],
)
def test_what_is_no_file_of_numbers_is_a_usage_error(tmp_path: Path, write: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        GivenInputs.read(write(tmp_path / "in.npz"))


def rows(*shape: int) -> NDArray[np.float32]:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@pytest.mark.parametrize(
    ("declared", "array", "batch", "counts"),
    [
        ((1, 3), rows(1, 3), 1, [[0]]),
        ((1, 3), rows(3, 3), 1, [[0], [3], [6]]),
        ((2, 3), rows(4, 3), 1, [[0, 3], [6, 9]]),
        (("N", 3), rows(5, 3), 2, [[0, 3], [6, 9], [12, 12]]),
        ((2, 3), rows(2, 2, 3), 1, [[0, 3], [6, 9]]),
        (("N", 3), rows(2, 4, 3), 4, [[0, 3, 6, 9], [12, 15, 18, 21]]),
        ((3,), rows(2, 3), 1, [0, 3]),
        ((3,), rows(3), 1, [0]),
        ((), rows(2), 1, [0, 1]),
        ((), np.float32(7), 1, [7]),
        ((0, 3), rows(0, 3), 1, [[]]),
    ],
)
def test_an_array_is_cut_into_inferences(declared: Any, array: Any, batch: int, counts: Any) -> None:
    spec = TensorSpec("x", declared, "float32")
    options = Options(batch=batch, given={"x": np.shape(array)})
    shape = concrete_shape(spec, options)
    parts = cut(np.asarray(array), spec, options)
    assert all(part.shape == shape for part in parts)
    assert [part[..., 0].tolist() if part.ndim and part.shape != (3,) else part.ravel()[0] for part in parts] == counts


@pytest.mark.parametrize(
    ("declared", "given", "whole"),
    [
        (("batch", 3), (5, 3), ("batch", 3)),
        (("N", 3), (5, 3), ("N", 3)),
        ((-1, 3), (5, 3), (-1, 3)),
        (("time", 3), (5, 3), (5, 3)),
        (("samples",), (16000,), (16000,)),
        ((-1,), (16000,), (16000,)),
        (("batch",), (8,), ("batch",)),
        (("batch", "sequence"), (5, 128), ("batch", 128)),
        (("batch", "sequence"), (9, 1, 128), (1, 128)),
        ((2, "width"), (6, 7), (2, 7)),
    ],
)
def test_dynamic_dimensions_are_those_of_the_array_but_for_a_batch(declared: Any, given: Any, whole: Any) -> None:
    assert sized(TensorSpec("x", declared, "float32"), Options(given={"x": given})) == whole


@pytest.mark.parametrize(
    ("declared", "given", "batch"),
    [((2, 3), (2, 4), 1), ((2, 3), (3,), 1), ((4, 3), (3, 3), 1), (("N", 3), (3, 3), 4), ((2, 3), (5, 3, 3), 1)],
)
def test_another_shape_is_an_error_that_names_the_input(declared: Any, given: Any, batch: int) -> None:
    spec, options = TensorSpec("pixels", declared, "float32"), Options(batch=batch, given={"pixels": given})
    with pytest.raises(InputError, match="array for input 'pixels'"):
        cut(rows(*given), spec, options)


def test_a_shape_says_how_large_an_inference_is() -> None:
    spec = TensorSpec("x", ("n_frames", 3), "float32")
    options = Options(shapes={"x": (2, 3)}, given={"x": (6, 3)})
    assert [part[0, 0] for part in cut(rows(6, 3), spec, options)] == [0, 6, 12]


@pytest.mark.parametrize(
    ("values", "dtype", "stored"),
    [
        (np.array([1.0, 2.0]), "int64", [1, 2]),
        (np.array([0.1], np.float64), "float32", [np.float32(0.1)]),
        (np.array([1, 0], np.int64), "bool", [True, False]),
        (np.array([True]), "int32", [1]),
        (np.array([255], np.int64), "uint8", [255]),
        (np.array([16777216]), "float32", [16777216]),
        (np.array([np.inf, 1.0]), "float16", [np.inf, 1.0]),
        (np.array([-(2.0**31)]), "int32", [-(2**31)]),
    ],
)
def test_a_cast_that_keeps_the_values_is_made(values: NDArray[Any], dtype: str, stored: list[Any]) -> None:
    found = cast(values, TensorSpec("x", (len(values),), dtype))
    assert found.dtype == dtype
    assert found.tolist() == stored


@pytest.mark.parametrize(
    ("values", "dtype", "offender"),
    [
        (np.array([1.0, 2.5]), "int64", "2.5"),
        (np.array([np.nan]), "int32", "nan"),
        (np.array([1e30]), "int64", r"1e\+30"),
        (np.array([2.0**63]), "int64", r"9\.22"),
        (np.array([1, 2**31]), "int32", "2147483648"),
        (np.array([-1]), "uint64", "-1"),
        (np.array([256]), "uint8", "256"),
        (np.array([0, 2]), "bool", "2"),
        (np.array([0.5]), "bool", "0.5"),
        (np.array([16777217]), "float32", "16777217"),
        (np.array([1e300]), "float32", r"1e\+300"),
        (np.array([70000.0]), "float16", "70000"),
    ],
)
def test_a_cast_that_loses_a_value_names_it(values: NDArray[Any], dtype: str, offender: str) -> None:
    with pytest.raises(InputError, match=rf"input 'x' takes {dtype}, .* holds {offender}"):
        cast(values, TensorSpec("x", (len(values),), dtype))


def test_floats_are_quantized_and_stored_values_are_taken_as_they_are() -> None:
    spec = TensorSpec("x", (2,), "uint8", 1 / 255, 0)
    assert cast(np.array([0.0, 1.0]), spec).tolist() == [0, 255]
    assert cast(np.array([7, 200], np.uint8), spec).tolist() == [7, 200]
    assert cast(np.array([7, 200], np.int64), spec).tolist() == [7, 200]


def test_inputs_must_be_as_many_or_one(tmp_path: Path) -> None:
    specs = [TensorSpec("x", (1, 3), "float32"), TensorSpec("steps", (), "int64")]
    shapes = {"x": (4, 3), "steps": ()}
    path = saved(tmp_path / "in.npz", x=rows(4, 3), steps=9)
    assert [batch["steps"] for batch in given_batches(specs, Options(given=shapes), path)] == [9, 9, 9, 9]
    path = saved(tmp_path / "in.npz", x=rows(4, 3), steps=[1, 2, 3])
    with pytest.raises(InputError, match="holds 3 inputs 'steps' and 4 'x'"):
        given_batches(specs, Options(given={**shapes, "steps": (3,)}), path)


def test_a_name_that_is_missing_is_told_with_those_there_are(tmp_path: Path) -> None:
    path = saved(tmp_path / "in.npz", X=rows(1, 3), other=1)
    with pytest.raises(InputError, match=r"in\.npz has no array for input 'x'; it holds X, other"):
        given_batches([TensorSpec("x", (1, 3), "float32")], Options(), path)
    with pytest.raises(InputError, match="no array for input 'x'"):
        sized(TensorSpec("x", ("N", 3), "float32"), Options(given={"X": (1, 3)}))


def test_no_more_are_taken_than_a_process_can_hold(tmp_path: Path) -> None:
    path = saved(tmp_path / "in.npz", x=rows(MOST + 6, 3))
    options = Options(given={"x": (MOST + 6, 3)})
    batches = given_batches([TensorSpec("x", (1, 3), "float32")], options, path)
    assert [batch["x"][0, 0] for batch in batches] == [3 * place for place in range(MOST)]
