"""The best setting under given constraints, and the Pareto front of latency and accuracy.

A value that the case's verdict spoils counts as unknown here: it meets no constraint and is on no front.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from harness.core.quantity import Value
from harness.core.record import Record
from harness.stats.pareto import front as pareto_mask

from .data import CaseView
from .labels import load_of, main_load

SLIDERS = ("latency_p50_ns", "top1", "energy_net_j", "artifact_bytes")
"""Metrics with a slider in the report."""


@dataclass(frozen=True)
class Constraints:
    """Bounds that a setting must meet. Fields have the names of the metrics they bound; None does not bound.

    Attributes:
        latency_p50_ns: Largest median latency.
        top1: Smallest top-1 accuracy, from 0 to 1.
        quality: Smallest quality, whatever the task; largest where less is better.
        energy_net_j: Largest net energy per inference.
        artifact_bytes: Largest size of the model file.
        top1_drop: Largest loss of top-1, or of the quality of another task, against fp32 of the same model on the same
            runtime; 0.01 is one point.

    """

    latency_p50_ns: float | None = None
    top1: float | None = None
    quality: float | None = None
    energy_net_j: float | None = None
    artifact_bytes: float | None = None
    top1_drop: float | None = None

    @property
    def given(self) -> dict[str, float]:
        """The bounds that are set, by metric."""
        pairs = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: bound for name, bound in pairs if bound is not None}

    @property
    def fastest_is_best(self) -> bool:
        """Whether the fastest case is best, because accuracy is bounded; otherwise the most accurate one is."""
        return any(bound is not None for bound in (self.top1, self.quality, self.top1_drop))

    def without(self, name: str) -> Constraints:
        """Return the same bounds except one."""
        return Constraints(**{other: bound for other, bound in self.given.items() if other != name})


@dataclass(frozen=True)
class Candidate:
    """A record with the values that are checked against the constraints; None where a value is unknown."""

    record: Record
    figures: dict[str, float | None]

    def meets(self, name: str, bound: float) -> bool:
        """Return whether the value is known and within the bound: at least for accuracy, at most for the others."""
        value, sign = self.figures[name], self.sign(name)
        return value is not None and sign * value >= sign * bound

    def sign(self, name: str) -> float:
        """Return 1.0 where more of a figure is better, -1.0 where less is."""
        if name == "quality":
            return self.record.quality_kind.sign
        return 1.0 if name == "top1" else -1.0


@dataclass(frozen=True)
class Recommendation:
    """The choice under constraints.

    Attributes:
        best: The chosen case; None if no case meets the constraints.
        runner_up: The second choice, if any.
        fitting: Number of cases that meet the constraints.
        considered: Number of cases that could be ranked.
        binding: Each bound that changes the choice, with the choice without it.
        relax: If nothing fits, for each bound the value to which it alone would have to move, and the case that
            would then fit. Empty if moving a single bound is not enough.
        unknown: Each bound on a metric that no case has, with the reason.

    """

    best: Record | None
    runner_up: Record | None
    fitting: int
    considered: int
    binding: tuple[tuple[str, Record], ...]
    relax: tuple[tuple[str, float, Record], ...]
    unknown: tuple[tuple[str, str], ...] = ()


def recommend(records: Sequence[Record], constraints: Constraints) -> Recommendation:
    """Return the best of the records that can be compared."""
    options = candidates(records)
    ranked = rank(options, constraints)
    best, runner_up = (*(candidate.record for candidate in ranked[:2]), None, None)[:2]
    binding: list[tuple[str, Record]] = []
    relax: list[tuple[str, float, Record]] = []
    for name in constraints.given:
        if best is not None:
            binding.append((name, rank(options, constraints.without(name))[0].record))
        elif relaxed := _relaxed(options, constraints, name):
            relax.append(relaxed)
    return Recommendation(
        best,
        runner_up,
        len(ranked),
        sum(not constraints.fastest_is_best or option.figures["latency_p50_ns"] is not None for option in options),
        tuple((name, other) for name, other in binding if other is not best),
        tuple(relax),
        tuple(
            (name, _why_unknown(options, name))
            for name in constraints.given
            if all(candidate.figures[name] is None for candidate in options)
        ),
    )


def _why_unknown(options: Sequence[Candidate], name: str) -> str:
    """Return the most frequent reason why the candidates lack the value."""
    if name == "top1_drop":
        return "no fp32 case of the same model and runtime was scored on the same images"
    reasons = Counter(
        candidate.record.missing(name) or f"not trusted: {candidate.record.verdict.status}" for candidate in options
    )
    return next((reason for reason, _ in reasons.most_common()), "no case can be compared")


def candidates(records: Sequence[Record]) -> list[Candidate]:
    """Return the records that can be compared and whose accuracy, which ranks or limits them, can be trusted."""
    able = comparable(records)
    return [Candidate(record, figures(record, able)) for record in able if record.trusts(record.quality_name)]


def comparable(records: Sequence[Record]) -> list[Record]:
    """Return the records whose latencies and accuracies can be compared with each other.

    They have both values, ran under the main load, and were scored in the task and on the data set that most records
    were scored on: latencies of two scenarios answer two questions, and so do accuracies on two data sets. Records with
    a verdict that spoils a value are included, to be shown as such.
    """
    load = main_load(records)
    able = [r for r in records if load_of(r) == load and is_scored(r) and r.value("latency_p50_ns") is not None]
    return of_one_dataset(able)


def is_scored(record: Record) -> bool:
    """Return whether a record has a quality, trusted or not."""
    return isinstance(record.quality, Value)


def of_one_dataset(records: Sequence[Record]) -> list[Record]:
    """Return the scored records of the task and the data set that most of them were scored on."""
    scored = [record for record in records if is_scored(record)]
    groups = Counter((record.quality_kind, record.case.dataset) for record in scored)
    return [record for record in scored if (record.quality_kind, record.case.dataset) == groups.most_common(1)[0][0]]


def sliders(records: Sequence[Record]) -> tuple[str, ...]:
    """Return the metrics that have a bound in a report of these records."""
    names = {record.quality_name for record in records if is_scored(record)} or {"top1"}
    return tuple(name for each in SLIDERS for name in ((each,) if each != "top1" else sorted(names)))


def figures(record: Record, others: Sequence[Record]) -> dict[str, float | None]:
    """Return the values of a record by the fields of `Constraints`; None for one that is missing or not trusted.

    Args:
        record: The record.
        others: Records among which its fp32 baseline is looked up, for the loss of accuracy.

    """
    values = {name: record.trusted_value(name) for name in SLIDERS}
    baseline = next((r.trusted_quality for r in others if _is_fp32_of(r, record)), None)
    quality = record.trusted_quality
    drop = None if baseline is None or quality is None else baseline - quality
    return {**values, "quality": record.trusted_value(record.quality_name), "top1_drop": drop}


def rank(options: Sequence[Candidate], constraints: Constraints) -> list[Candidate]:
    """Return the candidates that meet the constraints, best first.

    The fastest is best if accuracy is bounded, otherwise the most accurate; see `best_first` for what is imprecise. A
    case whose latency is not trusted is never the fastest.
    """
    accurate_first = sorted(options, key=_accuracy, reverse=True)
    fitting = {
        id(candidate.record): candidate
        for candidate in accurate_first
        if all(candidate.meets(name, bound) for name, bound in constraints.given.items())
    }
    ordered = best_first([candidate.record for candidate in fitting.values()], "latency_p50_ns")
    fastest = [fitting.pop(id(record)) for record in ordered]
    if constraints.fastest_is_best:
        return fastest
    return sorted([*fastest, *fitting.values()], key=_accuracy, reverse=True)


def _accuracy(candidate: Candidate) -> float:
    """Return the quality, of which more is better; the least there is for one that is not trusted."""
    quality = candidate.record.trusted_quality
    return -math.inf if quality is None else quality


def best_first(records: Sequence[Record], name: str) -> list[Record]:
    """Return the records whose metric `name` is trusted, best first.

    An imprecise value is not ahead of a precise one that lies within its interval, and without an interval of none.
    """
    trusted = [
        (-value if _more_is_better(record, name) else value, record)
        for record in records
        if (value := record.trusted_value(name)) is not None
    ]
    trusted.sort(key=lambda pair: pair[0])
    precise = [pair for pair in trusted if pair[1].trust(name) == "full"]
    cautious = [pair for pair in trusted if pair[1].trust(name) == "caution"]
    ordered: list[Record] = []
    while precise and cautious:
        ahead = cautious[0][0] < precise[0][0] and _worst(cautious[0][1], name) < precise[0][0]
        ordered.append((cautious if ahead else precise).pop(0)[1])
    return ordered + [record for _, record in (*precise, *cautious)]


def _worst(record: Record, name: str) -> float:
    """Return the worse end of the interval, so that less is better; infinity without an interval."""
    quantity, lower = record.quantity(name), not _more_is_better(record, name)
    end = (quantity.hi if lower else quantity.lo) if isinstance(quantity, Value) else None
    return float("inf") if end is None else end if lower else -end


def _more_is_better(record: Record, name: str) -> bool:
    return record.better(name) == "higher"


def _is_fp32_of(other: Record, record: Record) -> bool:
    a, b = other.case, record.case
    same = (other.target, a.model, a.runtime, a.dataset) == (record.target, b.model, b.runtime, b.dataset)
    return same and a.compression == "fp32"


def _relaxed(options: Sequence[Candidate], constraints: Constraints, name: str) -> tuple[str, float, Record] | None:
    """Return the smallest move of one bound that admits a case."""
    admitted = [
        (value, candidate.record)
        for candidate in rank(options, constraints.without(name))
        if (value := candidate.figures[name]) is not None
    ]
    if not admitted:
        return None
    sign = options[0].sign(name)
    value, record = max(admitted, key=lambda pair: sign * pair[0])
    return name, value, record


def pareto_front(records: Sequence[Record]) -> list[Record]:
    """Return the records on the Pareto front of median latency and quality, both trusted, fastest first."""
    able = [record for record in comparable(records) if _point(record)]
    if not able:
        return []
    points = np.array([_point(record) for record in able], dtype=np.float64)
    mask = pareto_mask(points, ("min", "max"))
    return [able[index] for index in np.argsort(points[:, 0], kind="stable") if mask[index]]


def scored_cases(cases: Sequence[CaseView]) -> list[CaseView]:
    """Return the cases that have a latency and an accuracy to be compared, whether or not these can be trusted."""
    return _select(cases, comparable)


def scored_groups(cases: Sequence[CaseView]) -> list[list[CaseView]]:
    """Return the cases to be compared of each task, that of most cases first: two tasks have two fronts."""
    main = scored_cases(cases)
    kinds = dict.fromkeys(case.record.quality_kind for case in cases if is_scored(case.record))
    first = main[0].record.quality_kind if main else None
    others = [[case for case in cases if case.record.quality_kind == kind] for kind in kinds if kind != first]
    return [group for group in (main, *map(scored_cases, others)) if group]


def group_name(unit: str, group: Sequence[CaseView], main: bool) -> str:
    """Return what the cases of one task on a piece of hardware are called: by the hardware, other tasks by both."""
    return unit if main else f"{unit}, {group[0].record.quality_kind.title}"


def front_cases(cases: Sequence[CaseView]) -> list[CaseView]:
    """Return the cases on the Pareto front."""
    return _select(cases, pareto_front)


def _select(cases: Sequence[CaseView], choose: Callable[[Sequence[Record]], Sequence[Record]]) -> list[CaseView]:
    chosen = {id(record) for record in choose([case.record for case in cases])}
    return [case for case in cases if id(case.record) in chosen]


def why_dominated(case: CaseView, front: Sequence[CaseView]) -> str:
    """Return which case of the front dominates this one and by how much, or 'on the front' if none does."""
    mine = _point(case.record)
    if mine is None:
        return f"not trusted: {case.record.verdict.status}"
    for other in front:
        theirs = _point(other.record)
        if theirs and other is not case and theirs[0] <= mine[0] and theirs[1] >= mine[1]:
            faster, better = 100 * (1 - theirs[0] / mine[0]), theirs[1] - mine[1]
            return f"{other.name} is {faster:.0f} % faster and {_lead(case.record, better)}"
    return "on the front" if case.record.trust("latency_p50_ns") == "full" else "on the front, imprecise"


def _lead(record: Record, better: float) -> str:
    kind = record.quality_kind
    if kind.unit == "share":
        return f"{100 * better:.2f} points more accurate"
    return f"{better:.3g} {kind.unit} better in {kind.label}".replace("  ", " ")


def _point(record: Record) -> tuple[float, float] | None:
    """Return latency and quality, of which more is better; None if one of them is missing or not trusted."""
    latency, quality = record.trusted_value("latency_p50_ns"), record.trusted_quality
    return None if latency is None or quality is None else (latency, quality)
