"""Settings and verdicts of the nightly detector; the defaults are documented in docs/nightly.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Settings:
    """Thresholds of the nightly detector. In relative figures, 0.01 is 1 %.

    Attributes:
        better: Whether less (latency, energy, size) or more (throughput) of the metric is good.
        min_effect: Smallest change of interest.
        baseline_nights: Nights before the recent ones that define normal.
        recent_nights: Numbers of recent nights, tonight included, that are combined; ascending.
        noise_factor: Robust standard deviations of the baseline nights that a loss must exceed.
        new_build_noise_factor: The same for a series with a new build, which has a reason to change.
        improvement_noise_factor: The same for a gain, which is less urgent.
        screen_p: Share of baseline nights that may be as extreme as the recent ones.
        novelty: Share of the change that must be from the last week; the rest is drift or already known.
        pairs: A/B pairs of the confirmation.
        confirm_p: Error of a confirmation, before FDR control over all series.
        fdr: False discovery rate over the confirmations of a night (Benjamini-Hochberg).
        reruns: Fresh sessions of the same build that must all agree if there is no A/B.
        rerun_noise_factor: As `noise_factor`, for each of those sessions.
        history_noise_factor: The same without a second measurement, for at least three nights together.
        common_series: Number of series from which their median counts as the machine's change.

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
        """Raise ValueError for settings out of range."""
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
    """The numbers behind a verdict; values are in the unit of the metric, and a relative 0.01 is 1 %.

    Attributes:
        means: What decided.
        before: Level of the baseline nights.
        tonight: Level of the recent nights, less the common change.
        spread: Half-width of the range of 95 % of the baseline nights, relative.
        baseline_nights: Number of baseline nights.
        recent_nights: Number of recent nights.
        common: Common change of all series tonight, relative.
        confirmed: Value of the re-run, None without one.
        pairs: A/B pairs, 0 without any.
        pairs_worse: Pairs in which the new build did worse.

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
    """A finding about a series, or about the machine.

    Attributes:
        series: Index of the series, None for the machine.
        kind: 'regression' and 'improvement' are confirmed; 'transient' was not confirmed or is of an unchanged build;
            'environment' is about the machine; 'inconclusive' is anything else.
        ratio: New value over old one.
        lo: Lower end of its 95 % interval.
        hi: Upper end of its 95 % interval.
        p_value: p-value of the measurement that decided.
        evidence: The numbers behind it.

    """

    series: int | None
    kind: Kind
    ratio: float
    lo: float
    hi: float
    p_value: float
    evidence: Evidence

    def sentence(self, unit: str = "s", scale: float = 1.0) -> str:
        """Return the verdict as a sentence; values are multiplied by `scale` and shown in `unit`."""
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
            value = f"{_percent(e.confirmed)} %" if self.series is None else f"{e.confirmed * scale:.4g} {unit}"
            parts.append(f"measured again: {value}")
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
