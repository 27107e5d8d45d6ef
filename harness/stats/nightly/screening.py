"""The cheap part: which series look different from their own history? Vectorised over all series.

All values here are logarithms, turned so that more is worse.
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
"""Nights below which a series has no history to be compared with."""

MIN_SCALE = 0.001
"""Baseline noise is never taken for less than 0.1 %: few nights can agree by chance."""

CERTAIN = 2.0
"""A change of so many limits is suspicious even if single nights before were as extreme (outliers)."""

_MAD_TO_SD = 1.4826


@dataclass(frozen=True)
class Screening:
    """What the screen says of each series, as arrays (series,).

    `level`, `scale`: log level and robust standard deviation of the baseline nights, of which there are
    `baseline`. `shift`: log change of the recent nights against them. `nights`: the most recent nights that are
    suspicious taken together, 0 where none are. `p`: their rank p-value among the baseline nights. `lasting`: the
    last nights that lie beyond half of the change, and `now` their log change, which is what people are told: the
    median of two nights is suspicious too when only tonight is off. `tau`: autocorrelation time of the baseline
    nights of suspicious series.
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
        """Return the baseline's standard deviation, enlarged for being estimated from few independent nights."""
        return float(self.scale[series] * _small_sample(self.baseline[series] / self.tau[series]))


def night_values(processes: FloatArray) -> FloatArray:
    """Return one value a night, the lower quartile over processes; (..., processes) -> (...).

    What disturbs a process adds time, and a slow mode of a minority of processes comes and goes: the
    lower quartile of 5 process medians (the second smallest) is slow only if four of them are.
    Missing processes are NaN; NaN where all are missing.
    """
    ordered = np.sort(processes, axis=-1)  # NaN last
    if not np.isnan(ordered[..., -1]).any():
        return np.asarray(ordered[..., (processes.shape[-1] + 3) // 4 - 1])
    valid = np.count_nonzero(~np.isnan(ordered), axis=-1)
    index = np.maximum((valid + 3) // 4 - 1, 0)
    return np.asarray(np.take_along_axis(ordered, index[..., None], axis=-1)[..., 0])


def screen(values: FloatArray, settings: Settings, new_build: BoolArray) -> Screening:
    """Compare the last nights of `values` (series, nights) with those before them; `new_build` are looked at closely.

    Tonight is the last column; NaN is 'not measured', and measured nights close ranks over it. A series with
    less than a week and ten nights of history is judged by tonight alone against all nights before.
    """
    known = _to_the_right(values)
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
    """Judge series that have `recent` nights to look at; the answers go into `rows` of `result`."""
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
            found = np.flatnonzero((count >= MIN_BASELINE) & (shift > limit) & new)
            beyond = np.count_nonzero(sign * (base[found] - value[found, None]) >= 0.0, axis=1)
            p = (1 + beyond) / (1 + count[found])
            unheard = (p < settings.screen_p) | (shift[found] > CERTAIN * limit[found]) | new_build[found]
            hit = rows[found[unheard]]
            result.shift[hit], result.nights[hit], result.p[hit] = sign * shift[found[unheard]], k, p[unheard]
            largest[found[unheard]] = np.maximum(largest[found[unheard]], shift[found[unheard]])
    for i in np.flatnonzero(result.nights[rows]):
        row = rows[i]
        result.tau[row] = integrated_time(base[i, ~np.isnan(base[i])])
        changes = known[i, -recent:] - level[i]
        near = np.flatnonzero(np.sign(result.shift[row]) * changes <= 0.5 * largest[i])
        result.lasting[row] = (recent - 1 - near[-1] if near.size else recent) or result.nights[row]
        result.now[row] = np.median(changes[-result.lasting[row] :])


def _small_sample(count: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Factor by which a limit in estimated standard deviations of `count` nights grows, 1.1 at 45."""
    return np.asarray(1.0 + 4.0 / np.maximum(count, 1))


def _to_the_right(values: FloatArray) -> FloatArray:
    """Move the measured nights of each series to the right end, in order, and the gaps to the left."""
    missing = np.isnan(values)
    if not missing.any():
        return values
    order = np.argsort(~missing, axis=1, kind="stable")
    return np.take_along_axis(values, order, axis=1)


def _median(x: FloatArray) -> FloatArray:
    """Return the median of each row without its NaN; NaN for a row of nothing else."""
    if x.shape[1] == 1:
        return x[:, 0]
    ordered = np.sort(x, axis=1)  # NaN last
    count = np.maximum(np.count_nonzero(~np.isnan(ordered), axis=1), 1)[:, None]
    ends = [np.take_along_axis(ordered, i, axis=1)[:, 0] for i in ((count - 1) // 2, count // 2)]
    return np.asarray(0.5 * (ends[0] + ends[1]))
