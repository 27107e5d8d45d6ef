"""The second measurement of a suspicious series, which decides about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.stats import comparison
from harness.stats.distributions import t_quantile, t_two_sided

from .screening import Screening
from .settings import Means, Settings

LASTING_NIGHTS = 3
"""Without a second measurement, a change counts once it has lasted this many nights."""


@dataclass(frozen=True)
class Confirmation:
    """The result of a second measurement.

    Attributes:
        means: How it was measured.
        shift: Log change; more is worse.
        lo: Lower end of its 95 % interval.
        hi: Upper end of its 95 % interval.
        p_value: p-value of the change.
        changed: Whether it is significant and above the minimum effect, before FDR control.
        refuted: Whether the interval excludes such a change in the suspected direction. If neither, it is
            inconclusive.
        value: Log value of a re-run.
        pairs: Number of A/B pairs.
        pairs_worse: Pairs in which the new build did worse.

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
    """Decide by pairs of process medians of the last good build `a` and tonight's `b`.

    The processes of a pair ran next to each other, so that the state of the machine cancels.
    """
    old, new = list(np.asarray(a)), list(np.asarray(b))
    # more must be worse: for throughput, old over new
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


def by_rerun(value: float, screening: Screening, s: int, settings: Settings) -> Confirmation:
    """Decide by the log value of a fresh session of the same build, against the baseline nights.

    Unlike tonight's first figure, this one was not selected for being extreme. A disturbance that lasts all night is
    confirmed, however, which an A/B would exclude.
    """
    return _against_nights("rerun", value, screening, s, settings.rerun_noise_factor, settings.min_effect)


def by_history(screening: Screening, s: int, settings: Settings) -> Confirmation:
    """Decide by the recent nights alone; fewer than `LASTING_NIGHTS` neither confirm nor refute."""
    value = float(screening.level[s] + screening.shift[s])
    if screening.nights[s] < LASTING_NIGHTS:
        return unconfirmed("history", screening, s)
    return _against_nights("history", value, screening, s, settings.history_noise_factor, settings.min_effect)


def unconfirmed(means: Means, screening: Screening, s: int) -> Confirmation:
    """Return the change of the screen, neither confirmed nor refuted."""
    shift, half = float(screening.now[s]), _half(screening, s)
    return Confirmation(means, shift, shift - half, shift + half, float(screening.p[s]))


def _against_nights(
    means: Means, value: float, screening: Screening, s: int, factor: float, min_effect: float
) -> Confirmation:
    shift, suspected, noise = value - float(screening.level[s]), float(screening.shift[s]), screening.noise(s)
    half = _half(screening, s)
    limit = max(float(np.log1p(min_effect)), factor * noise)
    same_side = shift * suspected > 0
    return Confirmation(
        means,
        shift,
        shift - half,
        shift + half,
        t_two_sided(shift / noise, max(1, int(screening.baseline[s]) - 1)),
        changed=bool(same_side and abs(shift) > limit),
        refuted=bool(not same_side or abs(shift) < 0.5 * abs(suspected)),
        value=value if means == "rerun" else None,
    )


def _half(screening: Screening, s: int) -> float:
    return t_quantile(0.975, max(1, int(screening.baseline[s]) - 1)) * screening.noise(s)
