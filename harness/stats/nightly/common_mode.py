"""The common mode: a change of all series is due to the machine; it is reported once and subtracted from each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from harness.stats.distributions import t_two_sided
from harness.stats.validation import FloatArray

from .settings import Evidence, Kind, Settings, Verdict

EVENT_FACTOR = 4.0
"""The common change is an event from this many standard deviations of the common changes of other nights,"""

EVENT_EFFECTS = 3.0
"""and this many smallest effects; less is subtracted from all series and does no harm."""

MIN_SHARE = 2 / 3
"""Share of the series that must have changed in the same direction."""

MIN_NIGHTS = 5

REPRESENTATIVES = 3
"""Number of series that are measured again before an event counts."""


@dataclass(frozen=True)
class CommonMode:
    """The common mode of a night.

    Attributes:
        shift: Log change of tonight; more is worse.
        noise: Standard deviation of the common changes of other nights.
        nights: Number of other nights.
        is_event: Whether the change is one of the environment.
        lasting: Number of last nights beyond half of the change.
        baseline: Log level of each series on other nights.
        representatives: Series whose change is closest to the common one, to be measured again.

    """

    shift: float = 0.0
    noise: float = 0.0
    nights: int = 0
    is_event: bool = False
    lasting: int = 1
    baseline: FloatArray = field(default_factory=lambda: np.empty(0))
    representatives: tuple[int, ...] = ()

    def verdict(self, settings: Settings, remeasured: Mapping[int, float] | None = None) -> Verdict:
        """Return the verdict on the machine.

        Args:
            settings: Settings of the detector.
            remeasured: Log values of the series that were measured again, NaN where that failed.

        """
        sign = 1.0 if settings.better == "less" else -1.0
        lo, ratio, hi = (float(np.exp(sign * (self.shift + end * 1.96 * self.noise))) for end in (-1, 0, 1))
        p = t_two_sided(self.shift / self.noise, max(1, self.nights - 1))
        changes = [value - self.baseline[s] for s, value in (remeasured or {}).items() if not np.isnan(value)]
        remaining = float(np.median(changes)) if changes else self.shift
        kind: Kind = "environment" if remaining / self.shift > 0.5 else "transient"
        confirmed = float(np.exp(sign * remaining)) if changes else None
        spread = 1.96 * self.noise
        evidence = Evidence("all series", 1.0, ratio, spread, self.nights, self.lasting, confirmed=confirmed)
        return Verdict(None, kind, ratio, min(lo, hi), max(lo, hi), p, evidence)


def remove_common_mode(values: FloatArray, settings: Settings) -> tuple[FloatArray, CommonMode]:
    """Return log values (series, nights) less the median change of each night over the series; and tonight's.

    The change of a series is taken against its own median over the other nights. Nights in which fewer series than
    `settings.common_series` were measured have no common mode: a regression of two of four would be half of it.
    """
    if not values.size or values.shape[1] <= MIN_NIGHTS:
        return values, CommonMode()
    baseline = _nanmedian(values[:, :-1], axis=1)
    changes = values - baseline[:, None]
    has_common = np.count_nonzero(~np.isnan(changes), axis=0) >= settings.common_series
    if not has_common[-1] or np.count_nonzero(has_common[:-1]) < MIN_NIGHTS:
        return values, CommonMode()
    shifts = np.where(has_common, _nanmedian(changes, axis=0), 0.0)
    shift, others = float(shifts[-1]), shifts[:-1][has_common[:-1]]
    noise = max(1.4826 * float(np.median(np.abs(others - np.median(others)))), 1e-4)
    tonight = changes[:, -1][~np.isnan(changes[:, -1])]
    together = np.mean(np.sign(tonight) == np.sign(shift)) >= MIN_SHARE
    least = max(np.log1p(EVENT_EFFECTS * settings.min_effect), EVENT_FACTOR * noise)
    is_event = bool(together and abs(shift) > least)
    short = np.flatnonzero(np.sign(shift) * others <= 0.5 * abs(shift))
    lasting = others.size - (int(short[-1]) if short.size else -1)
    nearest = np.argsort(np.abs(changes[:, -1] - shift), kind="stable")  # NaN last
    representatives = tuple(nearest[:REPRESENTATIVES].tolist())
    return values - shifts, CommonMode(shift, noise, others.size, is_event, lasting, baseline, representatives)


def _nanmedian(x: FloatArray, axis: int) -> FloatArray:
    """Return the median without NaN; NaN where there is nothing else (without NumPy's warning)."""
    if not np.isnan(x).any():
        return np.asarray(np.median(x, axis=axis))
    ordered = np.sort(x, axis=axis)
    count = np.maximum(np.count_nonzero(~np.isnan(ordered), axis=axis, keepdims=True), 1)
    middle = [np.take_along_axis(ordered, i, axis=axis) for i in ((count - 1) // 2, count // 2)]
    return np.asarray(0.5 * (middle[0] + middle[1])).squeeze(axis)
