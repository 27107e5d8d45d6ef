"""Validation of arguments: every public function of `harness.stats` checks its input here first.

A NaN that is not rejected would end as a NaN verdict several functions later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def numbers(name: str, values: npt.ArrayLike, ndim: int = 1, *, allow_nan: bool = False) -> FloatArray:
    """Return `values` as a float64 array of `ndim` dimensions.

    Raises ValueError for non-numbers, the wrong number of dimensions, and infinite or (unless
    `allow_nan`) NaN entries; the message holds the index of the first offender.
    """
    array = _as_array(name, values)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name}: numbers expected, got an array of dtype {array.dtype}")
    if array.ndim != ndim:
        raise ValueError(f"{name}: {ndim} dimension(s) expected, got shape {array.shape}")
    result = array.astype(np.float64)
    bad = np.isinf(result) if allow_nan else ~np.isfinite(result)
    _reject(name, result, bad, "finite")
    return result


def samples(name: str, values: npt.ArrayLike, minimum: int = 1, *, positive: bool = False) -> FloatArray:
    """Return a vector of at least `minimum` finite measurements, each >= 0 (or > 0 if `positive`)."""
    vector = numbers(name, values)
    if vector.size < minimum:
        raise ValueError(f"{name}: at least {minimum} value(s) needed, got {vector.size}")
    _reject(name, vector, vector <= 0 if positive else vector < 0, "> 0" if positive else ">= 0")
    return vector


def process_medians(name: str, processes: Sequence[npt.ArrayLike], *, scalars: bool = False) -> FloatArray:
    """Return the median of every process, in the order given.

    A process is a vector of samples > 0 or, with `scalars`, one number that already is its median.
    """
    if isinstance(processes, str) or not hasattr(processes, "__len__"):
        raise ValueError(f"{name}: a sequence of processes expected, got {type(processes).__name__}")
    if len(processes) == 0:
        raise ValueError(f"{name}: at least one process needed, got none")
    return np.array([_process_median(f"{name}[{i}]", p, scalars) for i, p in enumerate(processes)])


def _process_median(name: str, process: npt.ArrayLike, scalars: bool) -> float:
    array = _as_array(name, process)
    if array.ndim == 0:
        if not scalars:
            raise ValueError(f"{name}: a vector of samples expected, got one number; wrap one process as [x]")
        array = array.reshape(1)
    return float(np.median(samples(name, array, positive=True)))


def fraction(name: str, value: float) -> float:
    """Return `value` if it lies strictly between 0 and 1, else raise ValueError."""
    if not 0.0 < value < 1.0:
        raise ValueError(f"{name}: a number between 0 and 1 (both excluded) expected, got {value!r}")
    return float(value)


def at_least(name: str, value: float, minimum: float) -> float:
    """Return `value` if it is finite and >= `minimum`, else raise ValueError."""
    if not (np.isfinite(value) and value >= minimum):
        raise ValueError(f"{name}: a finite number >= {minimum} expected, got {value!r}")
    return value


def count(name: str, value: int) -> int:
    """Return `value` as an int >= 0; ValueError for a fraction or a bool."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise ValueError(f"{name}: a whole number >= 0 expected, got {value!r}")
    return int(value)


def vector(name: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return a vector of numbers unchanged: integers stay exact, entries that are not finite are kept."""
    array = _as_array(name, values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iuf"):
        raise ValueError(f"{name}: a vector of numbers expected, got {array.dtype} of shape {array.shape}")
    return array


def whole(name: str, values: npt.ArrayLike) -> IntArray:
    """Return a non-empty vector of int64. Floats are rounded, as long as they are exact to the unit (< 2^53).

    Times stay integers because nanoseconds since boot outgrow those 53 bits after 104 days.
    """
    array = _as_array(name, values)
    if array.dtype.kind not in "iuf" or array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name}: a non-empty vector of integers expected, got {array.dtype} of shape {array.shape}")
    if array.dtype.kind == "f":
        _reject(name, array, ~(np.abs(array) < 2.0**53), "below 2^53 (or an integer array)")
        array = np.rint(array)
    return array.astype(np.int64)


def seconds(times_ns: IntArray, origin_ns: int) -> FloatArray:
    """Return integer nanoseconds as float seconds since `origin_ns`, subtracting before converting."""
    return np.asarray((times_ns - origin_ns) * 1e-9, dtype=np.float64)


def window(start_ns: int, end_ns: int) -> tuple[int, int]:
    """Return the window as ints; ValueError unless it ends after it starts."""
    if not -np.inf < start_ns < end_ns < np.inf:
        raise ValueError(f"window: end_ns > start_ns expected, got {start_ns} .. {end_ns}")
    return int(start_ns), int(end_ns)


def _as_array(name: str, values: Any) -> npt.NDArray[Any]:
    if np.ma.isMaskedArray(values):  # masked entries would count
        raise ValueError(f"{name}: a masked array; pass its valid entries: x.compressed()")
    try:
        return np.asarray(values)
    except ValueError as error:  # ragged nesting
        raise ValueError(f"{name}: not a rectangular array of numbers ({error})") from None


def _reject(name: str, array: FloatArray, bad: BoolArray, expected: str) -> None:
    if bad.any():
        first = np.unravel_index(int(np.argmax(bad)), array.shape)
        index = "".join(f"[{int(i)}]" for i in first)
        raise ValueError(f"{name}{index} is {array[first]}, expected {expected} ({int(bad.sum())} such)")
