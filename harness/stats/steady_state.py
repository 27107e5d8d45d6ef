"""Detection of the steady state: where warm-up ends, if it does.

Many programs never reach a steady state (Barrett et al., Virtual Machine Warmup Blows Hot and Cold, OOPSLA 2017), and
the median of a series that still changes describes no state of the machine.

The series is reduced to medians of batches; `changepoint.segments` splits their logarithms into segments of one level.
The steady state is what follows the last change of level beyond `TOLERANCE`, if that is at least half of the series
and does not climb or fall from its start to its end: a slope is no sequence of levels, and its median no level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import changepoint
from .validation import FloatArray
from .validation import samples as vector

BATCH = 20
"""Samples per batch; a median of 20 ignores single spikes."""

MIN_BATCHES = 10
"""A short series is divided into smaller batches, so that there are about this many."""

MAX_BATCHES = 5_000
"""A long series is divided into larger batches, since time and memory grow with the square of their number."""

MIN_SAMPLES = 20
"""Least number of samples for a decision."""

TOLERANCE = 0.01
"""Levels of the steady part lie within 1 % of each other."""


MOST_TREND_POINTS = 50
"""A trend is looked for in at most so many medians: time grows with the square of their number."""

TREND_Z = 2.576
"""Standard score of Mann and Kendall's test for a trend at 1 %; six medians in ascending order reach it."""


@dataclass(frozen=True)
class Steady:
    """A series with a steady state.

    Attributes:
        start_index: First sample of the steady state; those before are warm-up.
        batch_medians: Medians of consecutive batches, in the unit of the samples.
        batch_size: Samples per batch.

    """

    start_index: int
    batch_medians: FloatArray
    batch_size: int


@dataclass(frozen=True)
class NotSteady:
    """A series without a steady state.

    Attributes:
        reason: Why there is none.
        batch_medians: Medians of consecutive batches, empty with too few samples.
        batch_size: Samples per batch.

    """

    reason: str
    batch_medians: FloatArray
    batch_size: int


def detect(samples: npt.ArrayLike, tolerance: float = TOLERANCE) -> Steady | NotSteady:
    """Find the steady state of a series.

    Batches have 20 samples; below 200 samples a tenth of the series, at least 2; above 100,000 its 5,000th part. A
    remainder that fills no batch belongs to the last one. What lasts for less than 3 to 10 batches (a tenth of the
    series) is a burst and not a level; at the start, where it cannot be distinguished from warm-up, it is left out.

    Args:
        samples: Samples > 0 in time order.
        tolerance: Largest relative difference between levels of the steady state.

    Returns:
        Where the steady state starts, or why there is none; below 20 samples that is 'too few'.

    """
    series = vector("samples", samples, positive=True)
    if series.size < MIN_SAMPLES:
        reason = f"too few samples: {series.size}, at least {MIN_SAMPLES} needed to see a steady state"
        return NotSteady(reason, np.empty(0), 0)
    size = max(min(BATCH, series.size // MIN_BATCHES), series.size // MAX_BATCHES)
    medians = _batch_medians(series, size)
    logs = np.log(medians)
    parts = changepoint.segments(logs, min(10, max(3, medians.size // 10)), TOLERANCE / 10)
    first = _first_steady(parts, tolerance)
    if 2 * parts[first].start > medians.size:
        return NotSteady(_reason(parts, first, size), medians, size)
    start = parts[first].start + _slow_start(logs[parts[first].start : parts[first].stop])
    if abs(change := trend(logs[start:])) > np.log1p(tolerance):
        moved = 100.0 * np.expm1(change)
        return NotSteady(f"the level moves by {moved:+.1f} % from sample {start * size} to the end", medians, size)
    return Steady(start * size, medians, size)


def common_trend(series: Sequence[npt.ArrayLike]) -> float:
    """Return by how much several series move alike from start to end; 0 where that may be chance or one is too short.

    What each alone hides in its noise shows in the mean of all: of their logarithms, about the level of each. It is no
    more than what more than half of them show by themselves.
    """
    logs = [np.log(vector("series", samples, positive=True)) for samples in series]
    if not logs or min(each.size for each in logs) < MIN_BATCHES:
        return 0.0
    slices = [[np.median(part) for part in np.array_split(each, MIN_BATCHES)] for each in logs]
    change = trend(np.mean([np.subtract(medians, np.mean(medians)) for medians in slices], axis=0))
    alike = sorted((float(np.sign(change)) * _slope(np.array(medians)) for medians in slices), reverse=True)
    return float(np.sign(change)) * max(0.0, min(abs(change), alike[len(alike) // 2]))


def trend(values: FloatArray) -> float:
    """Return by how much a series moves from its start to its end; 0 where that may be chance.

    Mann and Kendall's test at 1 % decides whether it moves, and Theil and Sen's slope, the median over all pairs, how
    much; neither notices outliers.
    """
    groups = np.array_split(values, min(values.size, MOST_TREND_POINTS))
    points = np.array([np.median(group) for group in groups])
    n = points.size
    earlier, later = np.triu_indices(n, 1)
    concordance = abs(float(np.sign(points[later] - points[earlier]).sum()))
    if n < 2 or concordance - 1 <= TREND_Z * np.sqrt(n * (n - 1) * (2 * n + 5) / 18):
        return 0.0
    return _slope(points)


def _slope(points: FloatArray) -> float:
    """Return Theil and Sen's slope times the length of the series."""
    earlier, later = np.triu_indices(points.size, 1)
    return float(np.median((points[later] - points[earlier]) / (later - earlier))) * points.size


def _batch_medians(series: FloatArray, size: int) -> FloatArray:
    batches = series.size // size
    whole = np.median(series[: batches * size].reshape(batches, size), axis=1)
    whole[-1] = np.median(series[(batches - 1) * size :])
    return whole


def _first_steady(parts: list[changepoint.Segment], tolerance: float) -> int:
    """Return the first segment from which on all levels lie within the tolerance."""
    lowest = highest = parts[-1].level
    for index in range(len(parts) - 1, -1, -1):
        lowest, highest = min(lowest, parts[index].level), max(highest, parts[index].level)
        if highest - lowest > np.log1p(tolerance):
            return index + 1
    return 0


def _slow_start(logs: FloatArray) -> int:
    """Return how many batches at the head of a segment lie off its level by more than its noise."""
    level = np.median(logs)
    limit = max(np.log1p(TOLERANCE), 3.0 * changepoint.noise_scale(logs))
    return int(np.argmax(np.abs(logs - level) <= limit))


def _reason(parts: list[changepoint.Segment], first: int, size: int) -> str:
    before, after = parts[first - 1], parts[first]
    moved = 100.0 * np.expm1(after.level - before.level)
    share = 100.0 * after.start / parts[-1].stop
    return (
        f"the level still changes by {moved:+.1f} % at sample {after.start * size} "
        f"({share:.0f} % of the series), {len(parts)} levels in all"
    )
