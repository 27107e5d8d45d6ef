"""What the nightly detector may be told; the defaults are the documented ones."""

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
