"""Which setting to take under given bounds, and what would have to give when none fits.

The choice: where accuracy is bounded the fastest of the cases that fit, otherwise the most accurate; of equals the
better in the other. Only cases that can be compared are considered: trusted, under one load, scored on one data set.
The report's sliders follow the same rule over the figures of `figures`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields

from harness.core.record import Record

from .words import load_of, main_load

SLIDERS = ("latency_p50_ns", "top1", "energy_net_j", "artifact_bytes")
"""The metrics that the report has sliders for."""


@dataclass(frozen=True)
class Bounds:
    """What a setting must keep; None: anything. Fields are named as the metrics they bound.

    `top1_drop` is top-1 lost against the fp32 net of the same model on the same runtime, 0.01: one point.
    """

    latency_p50_ns: float | None = None
    top1: float | None = None
    energy_net_j: float | None = None
    artifact_bytes: float | None = None
    top1_drop: float | None = None

    @property
    def given(self) -> dict[str, float]:
        """The bounds that are set, by metric."""
        pairs = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: bound for name, bound in pairs if bound is not None}

    def without(self, name: str) -> Bounds:
        """The same bounds but one."""
        return Bounds(**{other: bound for other, bound in self.given.items() if other != name})


@dataclass(frozen=True)
class Candidate:
    """A record with the figures that bounds are held against, None where missing."""

    record: Record
    figures: dict[str, float | None]

    def keeps(self, name: str, bound: float) -> bool:
        """The figure is known and within the bound: at least for accuracy, at most for the others."""
        value = self.figures[name]
        return value is not None and (value >= bound if name == "top1" else value <= bound)


@dataclass(frozen=True)
class Recommendation:
    """`best` and `runner_up` of the `fitting` cases; `binding`: each bound that decides, and the choice without it.

    When nothing fits, `relax` says for each bound how far it alone would have to move and for which case; it is empty
    where moving one bound is not enough. `unknown`: each bound on what no case was measured for, and why.
    """

    best: Record | None
    runner_up: Record | None
    fitting: int
    considered: int
    binding: tuple[tuple[str, Record], ...]
    relax: tuple[tuple[str, float, Record], ...]
    unknown: tuple[tuple[str, str], ...] = ()


def recommend(records: Sequence[Record], bounds: Bounds) -> Recommendation:
    """Choose among the records that can be compared."""
    able = candidates(records)
    ranked = rank(able, bounds)
    best, runner_up = (*(one.record for one in ranked[:2]), None, None)[:2]
    binding = [(name, rank(able, bounds.without(name))[0].record) for name in bounds.given] if best else []
    relax = [] if best else [found for name in bounds.given if (found := _relaxed(able, bounds, name))]
    return Recommendation(
        best,
        runner_up,
        len(ranked),
        len(able),
        tuple((name, other) for name, other in binding if other is not best),
        tuple(relax),
        tuple((name, _why_unknown(able, name)) for name in bounds.given if all(c.figures[name] is None for c in able)),
    )


def _why_unknown(able: Sequence[Candidate], name: str) -> str:
    """The reason why most of the candidates lack the figure."""
    if name == "top1_drop":
        return "no fp32 net of the same model on the same runtime was scored on the same images"
    reasons = Counter(candidate.record.missing(name) for candidate in able)
    return next((reason for reason, _ in reasons.most_common() if reason), "no case can be compared")


def candidates(records: Sequence[Record]) -> list[Candidate]:
    """The trusted ones of the records that can be compared."""
    able = comparable(records)
    return [Candidate(record, figures(record, able)) for record in able if record.verdict.trusted]


def comparable(records: Sequence[Record]) -> list[Record]:
    """The records with a latency and an accuracy under the main load and on the data set most of them are scored on.

    Latencies of two scenarios are answers to two questions, and so are accuracies on two data sets. Records that
    cannot be trusted are among them, to be shown as such.
    """
    load = main_load(records)
    able = [r for r in records if load_of(r) == load and None not in (r.value("latency_p50_ns"), r.value("top1"))]
    datasets = Counter(record.case.dataset for record in able)
    return [record for record in able if record.case.dataset == datasets.most_common(1)[0][0]]


def figures(record: Record, others: Sequence[Record]) -> dict[str, float | None]:
    """The record's figures by the fields of `Bounds`; `others` hold the fp32 net that its accuracy is held against."""
    values = {name: record.value(name) for name in SLIDERS}
    reference = next((r.value("top1") for r in others if _is_reference(r, record)), None)
    top1 = values["top1"]
    return {**values, "top1_drop": None if reference is None or top1 is None else reference - top1}


def rank(able: Sequence[Candidate], bounds: Bounds) -> list[Candidate]:
    """The candidates that keep the bounds, best first."""
    fitting = [one for one in able if all(one.keeps(name, bound) for name, bound in bounds.given.items())]
    fast_first = bounds.top1 is not None or bounds.top1_drop is not None
    return sorted(fitting, key=lambda one: _order(one, fast_first))


def _order(candidate: Candidate, fast_first: bool) -> tuple[float, float]:
    latency, loss = candidate.figures["latency_p50_ns"] or 0.0, -(candidate.figures["top1"] or 0.0)
    return (latency, loss) if fast_first else (loss, latency)


def _is_reference(other: Record, record: Record) -> bool:
    a, b = other.case, record.case
    same = (other.target, a.model, a.runtime, a.dataset) == (record.target, b.model, b.runtime, b.dataset)
    return same and a.compression == "fp32"


def _relaxed(able: Sequence[Candidate], bounds: Bounds, name: str) -> tuple[str, float, Record] | None:
    """The smallest move of this one bound that lets a case in."""
    found = [
        (value, one.record) for one in rank(able, bounds.without(name)) if (value := one.figures[name]) is not None
    ]
    if not found:
        return None
    nearest = max if name == "top1" else min
    value, record = nearest(found, key=lambda pair: pair[0])
    return name, value, record
