"""Split a series into segments of one level.

Optimal partitioning (Jackson et al., IEEE Signal Processing Letters 12, 2005): the segments minimise
the sum of squared distances from their means plus a penalty for each change. Before that, values
are winsorised about a running median, so that a spike or a short burst is not a segment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .autocorrelation import integrated_time
from .validation import FloatArray, at_least, numbers

PENALTY = 4.0
"""Each change costs PENALTY * sigma^2 * tau * ln(n). Yao's criterion (1988) has 2, for a known sigma and
free positions; 4 keeps false changes below 5 % from ten values on."""

CLIP = 3.0
"""Values are cut to CLIP * sigma about the running median."""

_MAD_TO_SD = 1.4826


@dataclass(frozen=True)
class Segment:
    """Values `start` .. `stop` - 1, with their median `level`."""

    start: int
    stop: int
    level: float


def segments(x: npt.ArrayLike, shortest: int = 3, smallest_noise: float = 0.0) -> list[Segment]:
    """Return the consecutive segments of a series.

    Time and memory grow with len(x)^2 and len(x) * shortest; 5,000 values take 0.1 s.

    Args:
        x: The series.
        shortest: Least length of a segment; what lasts for fewer values is a burst.
        smallest_noise: Standard deviation, in the unit of `x`, that is assumed where the series has less.

    Raises:
        ValueError: The series is empty or not finite, or an argument is too small.

    """
    series = numbers("x", x)
    if series.size == 0:
        raise ValueError("x: at least 1 value needed, got none")
    at_least("shortest", shortest, 1)
    at_least("smallest_noise", smallest_noise, 0.0)
    smooth = _running_median(series, shortest)
    residuals = series - smooth
    # a short window follows the noise it should measure; differences of neighbours do not
    noise = max(noise_scale(residuals), noise_scale(np.diff(series)) / np.sqrt(2.0), smallest_noise)
    clipped = np.clip(series, smooth - CLIP * noise, smooth + CLIP * noise)
    penalty = PENALTY * noise**2 * integrated_time(residuals) * np.log(series.size)
    cuts = [*_change_points(clipped, penalty, shortest), series.size]
    return [Segment(a, b, float(np.median(series[a:b]))) for a, b in zip([0, *cuts], cuts, strict=False) if b > a]


def noise_scale(residuals: FloatArray) -> float:
    """Return a standard deviation that outliers do not move: 1.4826 * median(|r - median(r)|)."""
    if residuals.size == 0:
        return 0.0
    return float(_MAD_TO_SD * np.median(np.abs(residuals - np.median(residuals))))


def _running_median(series: FloatArray, shortest: int) -> FloatArray:
    """Return the median over the 2 * shortest - 1 values around each value, mirrored at the ends."""
    reach = min(shortest - 1, series.size - 1)
    padded = np.pad(series, reach, mode="reflect")
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1), axis=1))


def _change_points(series: FloatArray, penalty: float, shortest: int) -> list[int]:
    """Return where new segments start. best[t] is the least cost of the first t values."""
    n = series.size
    centred = series - series.mean()
    total = np.concatenate(([0.0], np.cumsum(centred)))
    squares = np.concatenate(([0.0], np.cumsum(centred**2)))
    best = np.full(n + 1, np.inf)
    best[0] = -penalty
    previous = np.zeros(n + 1, dtype=np.int64)
    for end in range(min(shortest, n), n + 1):
        starts = np.arange(max(0, end - shortest) + 1) if n >= shortest else np.array([0])
        sums = total[end] - total[starts]
        cost = squares[end] - squares[starts] - sums**2 / (end - starts)
        candidates = best[starts] + cost + penalty
        previous[end] = starts[int(np.argmin(candidates))]
        best[end] = candidates.min()
    return _walk_back(previous)


def _walk_back(previous: npt.NDArray[np.int64]) -> list[int]:
    cuts: list[int] = []
    at = int(previous[-1])
    while at > 0:
        cuts.append(at)
        at = int(previous[at])
    return cuts[::-1]
