"""The outputs of an inference as named NumPy arrays, whatever containers and names the runtime's library uses.

Not every output is a tensor: an .onnx of sklearn ends in a sequence of maps (ZipMap), TorchScript returns dictionaries,
and labels are strings. Names may be missing or repeat, so that they cannot be keys.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Outputs, SessionError

_SCALARS = (bool, int, float, str, bytes, np.generic)


def unique_names(names: Sequence[str], kind: str) -> list[str]:
    """Return one name per tensor, none of them twice.

    Args:
        names: The names as the library has them, '' for none.
        kind: What a tensor without a name is called, with its place: 'input' gives 'input0'.

    Returns:
        The same names where they are unique; 'NAME#PLACE' for each of several with one name.
    """
    named = [name or f"{kind}{place}" for place, name in enumerate(names)]
    times = Counter(named)
    return [name if times[name] == 1 else f"{name}#{place}" for place, name in enumerate(named)]


def named_arrays(
    names: Sequence[str], values: Sequence[Any], to_array: Callable[[Any], NDArray[Any]] = np.asarray
) -> Outputs:
    """Return every array in the values of an inference.

    A sequence gives one array per element ('NAME.0'), a dictionary of arrays one per key ('NAME.KEY'). A sequence of
    maps from classes to numbers gives one array of maps x classes, its columns in the order of the sorted classes. An
    absent optional value is an empty array; strings are arrays of NumPy's type str, bfloat16 is float32.

    Args:
        names: Unique names, one per value.
        values: What the library returned.
        to_array: Converts a tensor of the library; anything that is no container is given to it.
    """
    pairs = zip(names, values, strict=True)
    return {name: array for top, value in pairs for name, array in _flattened(top, value, to_array)}


def is_numeric(array: NDArray[Any]) -> bool:
    """Return whether the elements are real numbers or booleans: strings cannot be scored or compared by distance."""
    return array.dtype.kind in "fiub"


def per_sample(output: NDArray[Any], batch: int) -> NDArray[np.float32]:
    """Return an output of a batch as samples x values.

    Raises:
        SessionError: The output does not have one row, or as many rows as another, for each sample.
    """
    if batch > 1 and (output.ndim == 0 or len(output) % batch):
        raise SessionError(f"an output of shape {list(output.shape)} is not one of {batch} samples")
    return output.reshape(batch, -1).astype(np.float32) if output.size else np.empty((batch, 0), np.float32)


def _flattened(name: str, value: Any, to_array: Callable[[Any], NDArray[Any]]) -> Iterator[tuple[str, NDArray[Any]]]:
    if value is None:
        yield name, np.empty(0, np.float32)
    elif isinstance(value, Mapping):
        yield from _of_map(name, value, to_array)
    elif isinstance(value, (list, tuple)):
        if value and all(_is_row(each) for each in value):
            yield name, _table(value)
            return
        for place, each in enumerate(value):
            yield from _flattened(f"{name}.{place}", each, to_array)
    elif isinstance(value, _SCALARS):
        yield name, np.asarray(value)
    else:
        array = to_array(value)
        if array.dtype.name == "bfloat16":  # of the package ml_dtypes, which knows no other operation
            array = array.astype(np.float32)
        yield name, _strings(array) if array.dtype.kind in "OS" else array


def _of_map(name: str, value: Mapping[Any, Any], to_array: Callable[[Any], NDArray[Any]]) -> Iterator[Any]:
    if _is_row(value):
        yield name, _table([value])[0]
        return
    for key, each in value.items():
        yield from _flattened(f"{name}.{key}", each, to_array)


def _is_row(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(isinstance(each, _SCALARS) for each in value.values())


def _table(rows: Sequence[Mapping[Any, Any]]) -> NDArray[Any]:
    """Return maps x classes; the values one behind the other where the maps have other keys."""
    if all(row.keys() == rows[0].keys() for row in rows):
        return np.array([[row[key] for key in sorted(row)] for row in rows])
    return np.array([row[key] for row in rows for key in sorted(row)])


def _strings(array: NDArray[Any]) -> NDArray[Any]:
    """Return text: libraries give objects or bytes."""
    texts = [each.decode("utf-8", "replace") if isinstance(each, bytes) else str(each) for each in array.ravel()]
    return np.array(texts, dtype=np.str_).reshape(array.shape)
