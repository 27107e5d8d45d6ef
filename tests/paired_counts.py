"""The difference of two classifiers by counts of images, as a sequential test takes it."""

from __future__ import annotations

from collections.abc import Callable

from harness.stats.proportions import paired_difference


def counted(b: int, c: int, n: int) -> Callable[[float], tuple[float, float, float]]:
    """Of `n` images `b` only the first gets right, `c` only the second."""
    return lambda level: ((c - b) / n, *paired_difference(b, c, n, level))
