"""Readings as they come: in any order, some twice, some without a value."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from harness.stats.validation import IntArray, vector, whole


def readings(name: str, t_ns: npt.ArrayLike, values: npt.ArrayLike) -> tuple[IntArray, npt.NDArray[Any]]:
    """Return times in rising order, each once, and the values read then: of equal times the first counts.

    A reading whose time or value is not finite is left out. Raises ValueError, with `name` and the place, for unequal
    lengths, what is no vector of numbers, and float times beyond 2^53.
    """
    times, found = vector("t_ns", t_ns), vector(name, values)
    if times.size != found.size:
        raise ValueError(f"{name}: as many as t_ns expected, got {found.size} for {times.size} times")
    good = np.isfinite(times) & np.isfinite(found)
    if not good.any():
        return np.zeros(0, np.int64), np.zeros(0)
    rising, first = np.unique(whole("t_ns", times[good]), return_index=True)
    return rising, found[good][first]
