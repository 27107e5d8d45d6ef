"""Inputs that the user gives as arrays: an .npz with an array for each input, or an .npy for the only one."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import UsageError
from harness.runtimes.base import Batch, InputError, Options, TensorSpec
from harness.runtimes.inputs import ONLY, Shape, concrete_shape

MOST = 64
"""Inferences whose inputs are taken in rotation; the measured process holds them in its memory."""

_DIGITS = 12
_HOW = "np.savez('inputs.npz', NAME=array, ...) writes such a file"


@dataclass(frozen=True)
class GivenInputs:
    """A file of inputs.

    Attributes:
        path: The file.
        sha256: Hash of its content.
        shapes: Shapes of its arrays by name; the array of an .npy is called `ONLY`.
    """

    path: Path
    sha256: str
    shapes: Mapping[str, Shape]

    @property
    def digest(self) -> str:
        """The beginning of the hash, by which cases with other inputs are told apart."""
        return self.sha256[:_DIGITS]

    @classmethod
    def read(cls, path: Path) -> GivenInputs:
        """Read names and shapes.

        Raises:
            UsageError: The file is missing or damaged, or holds something else than arrays of numbers.
        """
        if not path.is_file():
            raise UsageError(f"no such file of inputs: {path}", f"give an .npz or .npy: {_HOW}")
        try:
            arrays = read_arrays(path)
        except ValueError as error:
            words = "holds Python objects" if "Object arrays" in str(error) else "is no .npz or .npy, or damaged"
            raise UsageError(f"{path} {words}; pickles are not read", _HOW) from error
        except (OSError, EOFError, zipfile.BadZipFile, KeyError) as error:
            raise UsageError(f"{path} cannot be read: {error}", "write the file again") from error
        if not arrays:
            raise UsageError(f"{path} holds no array", _HOW)
        for name, array in arrays.items():
            if array.dtype.kind not in "biuf":
                raise UsageError(f"{path}: array '{name}' holds {array.dtype}, no numbers", "save numbers or booleans")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return cls(path, digest, {name: array.shape for name, array in arrays.items()})


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file by name; pickles are refused."""
    with path.open("rb") as file:
        found = np.load(file, allow_pickle=False)
        return {ONLY: found} if isinstance(found, np.ndarray) else {name: found[name] for name in found.files}


def given_batches(specs: Sequence[TensorSpec], options: Options, path: Path) -> list[Batch]:
    """Return the inputs of each inference, at most `MOST`; an array that holds one is the same in all.

    Raises:
        InputError: An input has no array, or its array has other numbers or another shape than the input takes.
    """
    arrays = read_arrays(path)
    if ONLY in arrays and len(specs) != 1:
        names = ", ".join(spec.name for spec in specs)
        raise InputError(
            f"{path.name} holds one array, the model has {len(specs)} inputs: {names}",
            "give an .npz with an array for each of them",
        )
    for spec in specs:
        if ONLY not in arrays and spec.name not in arrays:
            known = ", ".join(sorted(arrays))
            raise InputError(
                f"{path.name} has no array for input '{spec.name}'; it holds {known}",
                f"it needs one for each input of the model: {', '.join(each.name for each in specs)}",
            )
    parts = {
        spec.name: [cast(part, spec) for part in cut(arrays.get(spec.name, arrays.get(ONLY)), spec, options)[:MOST]]
        for spec in specs
    }
    counts = {name: len(found) for name, found in parts.items()}
    n = max(counts.values(), default=0)
    if other := next((name for name, count in counts.items() if count not in (1, n)), None):
        largest = next(name for name, count in counts.items() if count == n)
        raise InputError(
            f"{path.name} holds {counts[other]} inputs '{other}' and {n} '{largest}'",
            "give as many of each, or one that is the same in all",
        )
    return [{name: found[place % len(found)] for name, found in parts.items()} for place in range(n)]


def cut(array: NDArray[Any] | None, spec: TensorSpec, options: Options) -> list[NDArray[Any]]:
    """Return the array's part for each inference; a last one that is not full is filled with its last row.

    Raises:
        InputError: It has another shape, or fewer rows than an inference takes.
    """
    assert array is not None
    shape = concrete_shape(spec, options)
    if array.shape == shape:
        return [array]
    if array.ndim == len(shape) + 1 and array.shape[1:] == shape and len(array):
        return list(array)
    if array.ndim == len(shape) and shape and array.shape[1:] == shape[1:] and len(array) > shape[0] > 0:
        rows = shape[0]
        return [_filled(array[first : first + rows], rows) for first in range(0, len(array), rows)]
    raise InputError(
        f"the array for input '{spec.name}' is {list(array.shape)}, an inference takes {list(shape)}",
        f"give {list(shape)} for one inference, or several behind each other",
    )


def _filled(rows: NDArray[Any], size: int) -> NDArray[Any]:
    return np.concatenate([rows, np.repeat(rows[-1:], size - len(rows), axis=0)]) if len(rows) < size else rows


def cast(array: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    """Return the array in the input's type: floats rounded, or quantised where the input has a scale.

    Raises:
        InputError: The type cannot hold a value.
    """
    dtype = np.dtype(spec.dtype)
    if array.dtype == dtype:
        return array
    if spec.scale is not None and array.dtype.kind == "f":
        return spec.encode(array)
    changed = _changed(array, dtype)
    if changed.any():
        raise InputError(
            f"input '{spec.name}' takes {dtype}, its array is {array.dtype} and holds {array[changed].flat[0]}",
            f"save it as {dtype}, or export the model with an input of {array.dtype}",
        )
    return array.astype(dtype)


def _changed(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[np.bool_]:
    """Return where a cast would change a value by more than rounding a float."""
    found: NDArray[np.bool_]
    if array.dtype.kind == "b":
        found = np.zeros(array.shape, np.bool_)
    elif dtype.kind == "b":
        found = (array != 0) & (array != 1)
    elif dtype.kind in "iu":
        limits = np.iinfo(dtype)
        found = (array < limits.min) | (array > limits.max)
        if array.dtype.kind == "f":
            found = ~(array == np.rint(array)) | (array < float(limits.min)) | (array >= float(limits.max) + 1)
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            stored = array.astype(dtype)
            found = np.isfinite(array) & ~np.isfinite(stored)
            if array.dtype.kind in "iu":
                found = stored.astype(array.dtype) != array
    return found
