"""The screen: which series differ from their own history, vectorised over all series.

All values are logarithms, oriented so that more is worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.stats.autocorrelation import integrated_time
from harness.stats.validation import BoolArray, FloatArray, IntArray

from .settings import Settings

WEEK = 7

MIN_BASELINE = 5
"""Least number of nights in a baseline."""

MIN_SCALE = 0.001
"""Least baseline noise, since a few nights may agree by chance."""

CERTAIN_FACTOR = 2.0
"""A change of this many limits is suspicious even if single nights before were as extreme (outliers)."""

_MAD_TO_SD = 1.4826


@dataclass(frozen=True)
class Screening:
    """The result of the screen, as arrays of shape (series,).

    Attributes:
        level: Log level of the baseline nights.
        scale: Robust standard deviation of the baseline nights.
        baseline: Number of baseline nights.
        shift: Log change of the recent nights.
        nights: Largest number of recent nights that are suspicious together, 0 if none are.
        p: Rank p-value of these among the baseline nights.
        lasting: Number of last nights beyond half of the change.
        now: Log change of those nights, which is reported: the median of two nights may be suspicious when only tonight
            is extreme.
        tau: Autocorrelation time of the baseline nights of suspicious series.

    """

    level: FloatArray
    scale: FloatArray
    baseline: IntArray
    shift: FloatArray
    nights: IntArray
    p: FloatArray
    lasting: IntArray
    now: FloatArray
    tau: FloatArray

    def noise(self, series: int) -> float:
        """Return the baseline's standard deviation, enlarged for the small number of independent nights."""
        return float(self.scale[series] * _small_sample(self.baseline[series] / self.tau[series]))


def night_values(processes: FloatArray) -> FloatArray:
    """Return the value of each night, the lower quartile over processes; (..., processes) -> (...).

    Disturbances add time, and a slow mode of a minority of processes comes and goes: the lower quartile of 5 process
    medians (the second smallest) is slow only if four of them are. Missing processes are NaN; the value is NaN if all
    are missing.
    """
    ordered = np.sort(processes, axis=-1)  # NaN last
    if not np.isnan(ordered[..., -1]).any():
        return np.asarray(ordered[..., (processes.shape[-1] + 3) // 4 - 1])
    valid = np.count_nonzero(~np.isnan(ordered), axis=-1)
    index = np.maximum((valid + 3) // 4 - 1, 0)
    return np.asarray(np.take_along_axis(ordered, index[..., None], axis=-1)[..., 0])


def screen(values: FloatArray, settings: Settings, new_build: BoolArray) -> Screening:
    """Compare the last nights of each series with those before them.

    A series with less than a week and ten nights of history is decided by tonight alone, against all nights before.

    Args:
        values: Shape (series, nights), tonight last; nights that are NaN are skipped.
        settings: Thresholds.
        new_build: Shape (series,): true for the lower threshold of a new build.

    """
    known = _right_aligned(values)
    enough = np.count_nonzero(~np.isnan(known), axis=1) >= WEEK + 10
    measured = ~np.isnan(values[:, -1])
    n = len(values)
    result = Screening(
        level=np.full(n, np.nan),
        scale=np.full(n, np.nan),
        baseline=np.zeros(n, dtype=np.int64),
        shift=np.full(n, np.nan),
        nights=np.zeros(n, dtype=np.int64),
        p=np.ones(n),
        lasting=np.zeros(n, dtype=np.int64),
        now=np.full(n, np.nan),
        tau=np.ones(n),
    )
    for rows, recent in ((enough & measured, WEEK), (~enough & measured, 1)):
        if rows.any() and values.shape[1] > MIN_BASELINE:
            _screen(known[rows], recent, settings, result, np.flatnonzero(rows), new_build[rows])
    return result


def _screen(
    known: FloatArray, recent: int, settings: Settings, result: Screening, rows: IntArray, new_build: BoolArray
) -> None:
    """Screen series over their `recent` last nights; write the results into `rows` of `result`."""
    base = known[:, : known.shape[1] - recent][:, -settings.baseline_nights :]
    count = np.count_nonzero(~np.isnan(base), axis=1)
    level = _median(base)
    scale = np.fmax(_MAD_TO_SD * _median(np.abs(base - level[:, None])), MIN_SCALE)
    result.level[rows], result.scale[rows], result.baseline[rows] = level, scale, count
    largest = np.zeros(len(rows))
    loss_factor = np.where(new_build, settings.new_build_noise_factor, settings.noise_factor)
    for k in (k for k in settings.recent_nights if k <= recent):
        value = _median(known[:, -k:])
        before = _median(known[:, -k - WEEK : -k])
        for sign, factor in ((1.0, loss_factor), (-1.0, settings.improvement_noise_factor)):
            shift = sign * (value - level)
            limit = np.maximum(np.log1p(settings.min_effect), factor * scale * _small_sample(count))
            new = sign * (value - before) > settings.novelty * shift
            suspicious = np.flatnonzero((count >= MIN_BASELINE) & (shift > limit) & new)
            beyond = np.count_nonzero(sign * (base[suspicious] - value[suspicious, None]) >= 0.0, axis=1)
            p = (1 + beyond) / (1 + count[suspicious])
            unusual = (
                (p < settings.screen_p)
                | (shift[suspicious] > CERTAIN_FACTOR * limit[suspicious])
                | new_build[suspicious]
            )
            rows_hit = rows[suspicious[unusual]]
            result.shift[rows_hit], result.nights[rows_hit], result.p[rows_hit] = (
                sign * shift[suspicious[unusual]],
                k,
                p[unusual],
            )
            largest[suspicious[unusual]] = np.maximum(largest[suspicious[unusual]], shift[suspicious[unusual]])
    for i in np.flatnonzero(result.nights[rows]):
        row = rows[i]
        result.tau[row] = integrated_time(base[i, ~np.isnan(base[i])])
        changes = known[i, -recent:] - level[i]
        near = np.flatnonzero(np.sign(result.shift[row]) * changes <= 0.5 * largest[i])
        result.lasting[row] = (recent - 1 - near[-1] if near.size else recent) or result.nights[row]
        result.now[row] = np.median(changes[-result.lasting[row] :])


def _small_sample(count: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the factor on a limit for a standard deviation estimated from `count` nights, 1.1 at 45."""
    return np.asarray(1.0 + 4.0 / np.maximum(count, 1))


def _right_aligned(values: FloatArray) -> FloatArray:
    """Move the measured nights of each series to the right end, in order, and the gaps to the left."""
    missing = np.isnan(values)
    if not missing.any():
        return values
    order = np.argsort(~missing, axis=1, kind="stable")
    return np.take_along_axis(values, order, axis=1)


def _median(x: FloatArray) -> FloatArray:
    """Return the median of each row, ignoring NaN; NaN for a row of NaN alone."""
    if x.shape[1] == 1:
        return x[:, 0]
    ordered = np.sort(x, axis=1)  # NaN last
    count = np.maximum(np.count_nonzero(~np.isnan(ordered), axis=1), 1)[:, None]
    ends = [np.take_along_axis(ordered, i, axis=1)[:, 0] for i in ((count - 1) // 2, count // 2)]
    return np.asarray(0.5 * (ends[0] + ends[1]))
