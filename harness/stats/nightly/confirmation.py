"""The second measurement, the same night: what a suspicious series is judged by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.stats import comparison
from harness.stats.distributions import t_quantile, t_two_sided

from .screening import Screening
from .settings import Means, Settings

LASTING_NIGHTS = 3
"""Without a second measurement, a change counts once it has held for so many nights."""


@dataclass(frozen=True)
class Confirmation:
    """Log change (more is worse) with its 95 % interval, and what it says of the suspicion.

    `changed`: significant and above the minimum effect (before FDR control). `refuted`: no room is left for a
    change of that size in the suspected direction. Neither: inconclusive. `value`: log value of a re-run.
    """

    means: Means
    shift: float
    lo: float
    hi: float
    p_value: float
    changed: bool = False
    refuted: bool = False
    value: float | None = None
    pairs: int = 0
    pairs_worse: int = 0


def by_ab(a: npt.ArrayLike, b: npt.ArrayLike, suspected: float, settings: Settings) -> Confirmation:
    """Judge by pairs of process medians of the last good build `a` and tonight's `b`.

    Both of a pair ran next to each other, so whatever the machine is like tonight drops out.
    """
    old, new = list(np.asarray(a)), list(np.asarray(b))
    # what is more is worse: with throughput, old over new
    result = comparison.ab(old, new) if settings.better == "less" else comparison.ab(new, old)
    shift, lo, hi = np.log(result.ratio), np.log(result.lo), np.log(result.hi)
    least = np.log1p(settings.min_effect)
    return Confirmation(
        "ab",
        float(shift),
        float(lo),
        float(hi),
        result.p_value,
        changed=bool(result.p_value <= settings.confirm_p and abs(shift) > least),
        refuted=bool(hi < least if suspected > 0 else lo > -least),
        pairs=result.pairs,
        pairs_worse=result.pairs_slower,
    )


def by_rerun(value: float, found: Screening, s: int, settings: Settings) -> Confirmation:
    """Judge by the log value of a fresh session of the same build, against the baseline nights.

    Unlike tonight's first figure this one was not picked for being extreme; but a disturbance that lasts all night
    passes here, where it would not pass an A/B.
    """
    return _against_nights("rerun", value, found, s, settings.rerun_noise_factor, settings.min_effect)


def by_history(found: Screening, s: int, settings: Settings) -> Confirmation:
    """Judge by the recent nights alone; fewer than `LASTING_NIGHTS` neither confirm nor refute."""
    value = float(found.level[s] + found.shift[s])
    if found.nights[s] < LASTING_NIGHTS:
        return unconfirmed("history", found, s)
    return _against_nights("history", value, found, s, settings.history_noise_factor, settings.min_effect)


def unconfirmed(means: Means, found: Screening, s: int) -> Confirmation:
    """Return what the screen alone knows: a change that nothing has confirmed or refuted."""
    shift, half = float(found.now[s]), _half(found, s)
    return Confirmation(means, shift, shift - half, shift + half, float(found.p[s]))


def _against_nights(
    means: Means, value: float, found: Screening, s: int, factor: float, min_effect: float
) -> Confirmation:
    shift, suspected, noise = value - float(found.level[s]), float(found.shift[s]), found.noise(s)
    half = _half(found, s)
    limit = max(float(np.log1p(min_effect)), factor * noise)
    same_side = shift * suspected > 0
    return Confirmation(
        means,
        shift,
        shift - half,
        shift + half,
        t_two_sided(shift / noise, max(1, int(found.baseline[s]) - 1)),
        changed=bool(same_side and abs(shift) > limit),
        refuted=bool(not same_side or abs(shift) < 0.5 * abs(suspected)),
        value=value if means == "rerun" else None,
    )


def _half(found: Screening, s: int) -> float:
    return t_quantile(0.975, max(1, int(found.baseline[s]) - 1)) * found.noise(s)
