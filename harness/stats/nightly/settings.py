"""Settings of the nightly detector; the defaults are the documented ones.

What the detector says of a series, and the numbers behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Settings:
    """Thresholds of the nightly detector. Relative figures: 0.01 is 1 %.

    better: whether less (latency, energy, size) or more (throughput) of the metric is good.
    min_effect: smaller changes are of no interest.
    baseline_nights: nights before the recent ones that tell what is normal.
    recent_nights: how many recent nights, tonight included, are taken together; ascending.
    noise_factor: a loss must exceed so many robust standard deviations of the baseline nights.
    new_build_noise_factor: the same for a series whose build is known to be another: it has a reason to move.
    improvement_noise_factor: the same for a gain, for which nobody is woken.
    screen_p: share of baseline nights that may be as extreme as the recent ones.
    novelty: share of the change that must have come within the last week. The rest is drift or known.
    pairs: A/B pairs of the confirmation.
    confirm_p: the confirmation's own error; FDR control over all series comes on top.
    fdr: false discovery rate over the confirmations of a night (Benjamini-Hochberg).
    reruns: fresh sessions of the same build that must all agree, where there is no A/B.
    rerun_noise_factor: as noise_factor, for each of those sessions.
    history_noise_factor: the same where nothing can be measured again, for at least three nights together.
    common_series: from so many series on, their median is taken for the machine's own change.
    """

    better: Literal["less", "more"] = "less"
    min_effect: float = 0.01
    baseline_nights: int = 45
    recent_nights: tuple[int, ...] = (1, 2, 3, 5, 7)
    noise_factor: float = 2.3
    new_build_noise_factor: float = 1.0
    improvement_noise_factor: float = 4.0
    screen_p: float = 0.05
    novelty: float = 0.5
    pairs: int = 20
    confirm_p: float = 0.002
    fdr: float = 0.05
    reruns: int = 2
    rerun_noise_factor: float = 2.3
    history_noise_factor: float = 4.0
    common_series: int = 8

    def __post_init__(self) -> None:
        """Refuse settings that mean nothing."""
        if self.better not in {"less", "more"}:
            raise ValueError(f"better: 'less' or 'more' expected, got {self.better!r}")
        recent = list(self.recent_nights)
        if not recent or recent[0] != 1 or recent != sorted(set(recent)):
            raise ValueError(f"recent_nights: rising numbers from 1 expected, got {self.recent_nights}")
        for name in ("screen_p", "confirm_p", "fdr"):
            if not 0.0 < getattr(self, name) < 1.0:
                raise ValueError(f"{name}: a number between 0 and 1 expected, got {getattr(self, name)!r}")
        for name in (
            "min_effect",
            "noise_factor",
            "new_build_noise_factor",
            "improvement_noise_factor",
            "novelty",
            "rerun_noise_factor",
            "history_noise_factor",
        ):
            if not 0.0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name}: a finite number >= 0 expected, got {getattr(self, name)!r}")
        for name, least in (("baseline_nights", 10), ("pairs", 6), ("common_series", 3), ("reruns", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: at least {least} expected, got {getattr(self, name)!r}")


Kind = Literal["regression", "improvement", "environment", "transient", "inconclusive"]
Means = Literal["ab", "rerun", "history", "failed", "same build", "all series", "slow"]


@dataclass(frozen=True)
class Evidence:
    """The numbers behind a verdict; values in the unit of the metric, relative figures as 0.01 for 1 %.

    means: what decided. before, tonight: level of the baseline nights, and of the recent ones (less what all
    series moved by). spread: +- of 95 % of the baseline nights. baseline_nights, recent_nights: how many.
    common: what all series moved by tonight. confirmed: value of the re-run, if there was one.
    pairs, pairs_worse: A/B pairs, and those in which the new build did worse; 0 without A/B.
    """

    means: Means
    before: float
    tonight: float
    spread: float
    baseline_nights: int
    recent_nights: int
    common: float = 0.0
    confirmed: float | None = None
    pairs: int = 0
    pairs_worse: int = 0


@dataclass(frozen=True)
class Verdict:
    """A finding on one series (its index), or on the machine: `series` None, values over those of other nights.

    `ratio`: new over old, between `lo` and `hi` at 95 %. regression, improvement: confirmed. transient: gone when
    measured again, or of an unchanged build. inconclusive: neither. environment: the machine. `p_value`: of the means
    that decided.
    """

    series: int | None
    kind: Kind
    ratio: float
    lo: float
    hi: float
    p_value: float
    evidence: Evidence

    def sentence(self, unit: str = "s", scale: float = 1.0) -> str:
        """Return the verdict as a person reads it; values are shown times `scale`, with their `unit`."""
        e = self.evidence
        parts = [
            f"{_percent(self.ratio)} % [{_percent(self.lo)}, {_percent(self.hi)}]",
            "" if self.series is None else f"{e.before * scale:.4g} -> {e.tonight * scale:.4g} {unit}",
            f"last {e.baseline_nights} nights +-{100 * e.spread:.2g} %",
        ]
        if e.recent_nights > 1:
            parts.append(f"for {e.recent_nights} nights")
        if e.pairs:
            parts.append(f"A/B {e.pairs_worse}/{e.pairs} pairs worse")
        if e.confirmed is not None:
            again = f"{_percent(e.confirmed)} %" if self.series is None else f"{e.confirmed * scale:.4g} {unit}"
            parts.append(f"measured again: {again}")
        parts.append(_REMARK[e.means])
        if e.common:
            parts.append(f"all series moved by {_percent(1.0 + e.common)} %")
        return "; ".join(part for part in parts if part)


_REMARK: dict[Means, str] = {
    "ab": "",
    "rerun": "no A/B against the last good build",
    "history": "not measured again",
    "failed": "measuring it again failed",
    "same build": "same hash: yes, so it is not the code",
    "all series": "all series together, so it is not the code",
    "slow": "too slow for a single night to show",
}


def _percent(ratio: float) -> str:
    return f"{100.0 * (ratio - 1.0):+.1f}"
