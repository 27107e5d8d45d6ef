"""What a nightly run looks out for: smallest effects and absolute limits, by suite, model or case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from harness.core.errors import UnknownName
from harness.core.metric import Limit, find_metric

MIN_EFFECT: Mapping[str, float] = {
    "latency_p50_ns": 0.01,
    "latency_p90_ns": 0.05,
    "throughput_per_s": 0.02,
    "energy_gross_j": 0.03,
    "peak_rss_bytes": 0.02,
    "load_ns": 0.10,
    "artifact_bytes": 0.01,
    "top1": 0.002,
    "quality": 0.002,
}
"""Metrics that are watched, and the change below which nobody is woken: a share; of top-1 the points lost.

`quality` is that of tasks other than classification: the points lost of a share, else the share of the old build's."""


@dataclass(frozen=True)
class NightlyRule:
    """One `[[nightly]]` table of a suite, by default for all cases.

    Attributes:
        match: It holds for the cases whose id contains this text.
        min_effect: The change below which a metric, named in full or short ('p50'), is left alone.
        limits: Bounds such as 'p50 <= 20 ms'.
        model: It holds for the cases of this model alone.

    Raises:
        ValueError: A limit cannot be parsed, a metric is not watched, or its effect is no share.
    """

    match: str = ""
    min_effect: Mapping[str, float] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    model: str = ""

    def __post_init__(self) -> None:
        for text in self.limits:
            Limit.parse(text)
        for name, effect in self.min_effect.items():
            if _watched(name) not in MIN_EFFECT:
                raise ValueError(f"{name} is not watched from night to night: {', '.join(MIN_EFFECT)} are")
            if not 0.0 <= effect < 1.0:
                raise ValueError(f"min_effect of {name} is {effect}: a share such as 0.02 expected")


@dataclass(frozen=True)
class NightlyRules:
    """All tables of a suite; of two that match a case the later one counts."""

    watches: tuple[NightlyRule, ...] = ()

    def min_effect(self, case_id: str, metric: str) -> float:
        """Return the smallest change of this metric of this case that is reported."""
        found = [_by_name(watch.min_effect).get(metric) for watch in self._of(case_id)]
        return next((effect for effect in reversed(found) if effect is not None), MIN_EFFECT[metric])

    def least_effect(self, metric: str) -> float:
        """Return the smallest effect asked for in any case."""
        return min([MIN_EFFECT[metric], *(_by_name(w.min_effect).get(metric, 1.0) for w in self.watches)])

    def limits(self, case_id: str) -> Iterable[Limit]:
        """Every limit on this case."""
        return [Limit.parse(text) for watch in self._of(case_id) for text in watch.limits]

    def _of(self, case_id: str) -> list[NightlyRule]:
        return [
            watch
            for watch in self.watches
            if watch.match in case_id and (not watch.model or case_id.startswith(f"{watch.model}|"))
        ]


def _by_name(effects: Mapping[str, float]) -> dict[str, float]:
    return {_watched(name): effect for name, effect in effects.items()}


def _watched(name: str) -> str:
    try:
        return find_metric(name).name
    except UnknownName as error:
        raise ValueError(str(error)) from error
