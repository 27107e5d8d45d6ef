"""What the detector says of a series, and the numbers behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
