"""Which setting to take under given bounds, and what would have to give when none fits.

The choice: where accuracy is bounded the fastest of the cases that fit, otherwise the most accurate; of equals the
better in the other. Only cases that can be compared are considered: trusted, under one load, scored on one data set.
The report's sliders follow the same rule over the figures of `figures`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from harness.core.record import Record

from .words import load_of, main_load


@dataclass(frozen=True)
class Bounds:
    """What a setting must keep; None: anything. Fields are named as the metrics they bound."""

    latency_p50_ns: float | None = None
    top1: float | None = None
    energy_net_j: float | None = None
    artifact_bytes: float | None = None

    @property
    def given(self) -> dict[str, float]:
        """The bounds that are set, by metric."""
        pairs = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: bound for name, bound in pairs if bound is not None}

    def without(self, name: str) -> Bounds:
        """The same bounds but one."""
        return Bounds(**{other: bound for other, bound in self.given.items() if other != name})


BOUNDED = tuple(field.name for field in fields(Bounds))
"""The metrics that can be bounded."""


@dataclass(frozen=True)
class Recommendation:
    """`best` and `runner_up` of the `fitting` cases; `binding` names the bounds without which the choice would differ.

    When nothing fits, `relax` says for each bound how far it alone would have to move and for which case; it is empty
    where moving one bound is not enough.
    """

    best: Record | None
    runner_up: Record | None
    fitting: int
    considered: int
    binding: tuple[str, ...]
    relax: tuple[tuple[str, float, Record], ...]


def recommend(records: Sequence[Record], bounds: Bounds) -> Recommendation:
    """Choose among the records that can be compared."""
    able = [record for record in comparable(records) if record.verdict.trusted]
    ranked = rank(able, bounds)
    best = ranked[0] if ranked else None
    binding = tuple(name for name in bounds.given if best is not (_first(rank(able, bounds.without(name)))))
    relax = () if best else tuple(found for name in bounds.given if (found := _relaxed(able, bounds, name)))
    return Recommendation(best, ranked[1] if len(ranked) > 1 else None, len(ranked), len(able), binding, relax)


def comparable(records: Sequence[Record]) -> list[Record]:
    """The records with a latency and an accuracy under the main load and on the data set most of them are scored on.

    Latencies of two scenarios are answers to two questions, and so are accuracies on two data sets. Records that
    cannot be trusted are among them, to be shown as such.
    """
    load = main_load(records)
    able = [r for r in records if load_of(r) == load and None not in (r.value("latency_p50_ns"), r.value("top1"))]
    datasets = Counter(record.case.dataset for record in able)
    return [record for record in able if record.case.dataset == datasets.most_common(1)[0][0]]


def figures(record: Record) -> dict[str, float | None]:
    """The record's figures that bounds are held against, None where missing."""
    return {name: record.value(name) for name in BOUNDED}


def rank(records: Sequence[Record], bounds: Bounds) -> list[Record]:
    """The records that keep the bounds, best first."""
    fitting = [record for record in records if all(keeps(record, name, bound) for name, bound in bounds.given.items())]
    latency: Callable[[Record], float] = lambda record: record.value("latency_p50_ns") or 0.0  # noqa: E731
    loss: Callable[[Record], float] = lambda record: -(record.value("top1") or 0.0)  # noqa: E731
    first, second = (latency, loss) if bounds.top1 is not None else (loss, latency)
    return sorted(fitting, key=lambda record: (first(record), second(record)))


def keeps(record: Record, name: str, bound: float) -> bool:
    """The record's metric is known and within the bound: at least for accuracy, at most for the others."""
    value = record.value(name)
    return value is not None and (value >= bound if name == "top1" else value <= bound)


def _relaxed(records: Sequence[Record], bounds: Bounds, name: str) -> tuple[str, float, Record] | None:
    """The smallest move of this one bound that lets a case in."""
    rest = [record for record in rank(records, bounds.without(name)) if record.value(name) is not None]
    nearest = max if name == "top1" else min
    if not rest:
        return None
    record = nearest(rest, key=lambda record: record.value(name) or 0.0)
    return name, record.value(name) or 0.0, record


def _first(records: Sequence[Record]) -> Record | None:
    return records[0] if records else None
