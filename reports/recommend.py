"""Which setting to take under given bounds, the Pareto front, and the recommendation in words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from harness.core.metric import METRICS
from harness.core.record import Record
from harness.stats.pareto import front as pareto_mask

from .data import CaseView
from .numbers import plain, scale_for, show
from .words import load_of, main_load, scales_of, setting_of

SLIDERS = ("latency_p50_ns", "top1", "energy_net_j", "artifact_bytes")
"""The metrics that the report has sliders for."""


@dataclass(frozen=True)
class Constraints:
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

    def without(self, name: str) -> Constraints:
        """The same bounds but one."""
        return Constraints(**{other: bound for other, bound in self.given.items() if other != name})


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


def recommend(records: Sequence[Record], bounds: Constraints) -> Recommendation:
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


def rank(able: Sequence[Candidate], bounds: Constraints) -> list[Candidate]:
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


def _relaxed(able: Sequence[Candidate], bounds: Constraints, name: str) -> tuple[str, float, Record] | None:
    """The smallest move of this one bound that lets a case in."""
    found = [
        (value, one.record) for one in rank(able, bounds.without(name)) if (value := one.figures[name]) is not None
    ]
    if not found:
        return None
    nearest = max if name == "top1" else min
    value, record = nearest(found, key=lambda pair: pair[0])
    return name, value, record


# field of `Bounds`: (option of the command, what an answer calls it, the text before a bound)
_BOUNDS = {
    "latency_p50_ns": ("--max-latency", "latency p50", "at most"),
    "top1": ("--min-top1", "top-1", "at least"),
    "energy_net_j": ("--max-energy", "energy, net", "at most"),
    "artifact_bytes": ("--max-size", "model size", "at most"),
    "top1_drop": ("--max-drop", "top-1 lost to fp32", "at most"),
}


def lines(found: Recommendation, given: Mapping[str, float]) -> list[str]:
    """Return the best setting with its evidence, the runner-up and the limiting bounds, or what would have to give."""
    if found.best is None:
        return [f"nothing fits: 0 of {found.considered} comparable cases", *_gives(found)]
    told = [_label(found.best), *(f"  {line}" for line in _evidence(found.best, given))]
    told.append(f"{found.fitting} of {found.considered} comparable cases fit")
    told.append(f"runner-up: {_short(found.runner_up)}" if found.runner_up else "runner-up: none")
    for name, other in found.binding:
        told.append(f"{_BOUNDS[name][0]} limits the choice: without it {_short(other)}")
    return told if found.binding or not given else [*told, "no single bound limits the choice"]


def _gives(found: Recommendation) -> list[str]:
    unknown = [f"{_BOUNDS[name][0]} cannot be kept: {reason}; leave it out" for name, reason in found.unknown]
    if not found.relax:
        return unknown or ["moving one bound alone is not enough: relax two"]
    return unknown + [
        f"would fit with {_BOUNDS[name][0]} {_figure(name, _outward(name, value))}: {_short(record)}"
        for name, value, record in found.relax
    ]


def _outward(name: str, value: float) -> float:
    """The value to three digits, rounded so that the case does fit under what is printed."""
    if value == 0:
        return value
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    return (math.floor if name == "top1" else math.ceil)(value / step) * step


def _evidence(record: Record, given: Mapping[str, float]) -> list[str]:
    """Each figure with its interval or the reason why there is none, and the bound it had to keep."""
    lines = [
        f"{_BOUNDS[name][1]:12} {_shown(record, name)}"
        + (f"  ({_BOUNDS[name][2]} {_figure(name, given[name])})" if name in given else "")
        for name in SLIDERS
    ]
    drop = f", top-1 at most {_figure('top1_drop', given['top1_drop'])} below fp32" if "top1_drop" in given else ""
    return [*lines, f"{'verdict':12} {record.verdict.status}{drop}"]


def _shown(record: Record, name: str) -> str:
    scale = scales_of([record])[name]
    shown = show(record.quantity(name), scale)
    if shown.missing:
        return f"unknown: {shown.about}"
    return shown.words(scale.unit)


def _figure(name: str, value: float) -> str:
    """A bound in words: '20 ms', '88 %'."""
    scale = scale_for(METRICS["top1" if name == "top1_drop" else name], [value])
    shown = plain(round(value * scale.factor, 9))
    unit = scale.unit if name != "top1_drop" else "point" if shown == "1" else "points"
    return f"{shown} {unit}"


def _label(record: Record) -> str:
    return f"{record.case.model} · {setting_of(record)}"


def _short(record: Record) -> str:
    return f"{_label(record)} ({_shown(record, 'latency_p50_ns')}, top-1 {_shown(record, 'top1')})"


def front(records: Sequence[Record]) -> list[Record]:
    """The trusted ones on the Pareto front of (latency p50, top-1), the fastest first."""
    able = [record for record in comparable(records) if record.verdict.trusted]
    if not able:
        return []
    points = np.array([_point(record) for record in able], dtype=np.float64)
    mask = pareto_mask(points, ("min", "max"))
    return [able[index] for index in np.argsort(points[:, 0], kind="stable") if mask[index]]


def scored(cases: Sequence[CaseView]) -> list[CaseView]:
    """The cases whose latency and accuracy can be held against each other, untrusted ones among them."""
    return _chosen(cases, comparable)


def on_front(cases: Sequence[CaseView]) -> list[CaseView]:
    """The cases on the `front`."""
    return _chosen(cases, front)


def _chosen(cases: Sequence[CaseView], choose: Callable[[Sequence[Record]], Sequence[Record]]) -> list[CaseView]:
    kept = {id(record) for record in choose([case.record for case in cases])}
    return [case for case in cases if id(case.record) in kept]


def why_dominated(case: CaseView, best: Sequence[CaseView]) -> str:
    """Which case of the front beats this one, and by how much; 'on the front' when none does."""
    if not case.trusted:
        return f"not trusted: {case.record.verdict.status}"
    mine = _point(case.record)
    for other in best:
        theirs = _point(other.record)
        if mine and theirs and other is not case and theirs[0] <= mine[0] and theirs[1] >= mine[1]:
            faster, better = 100 * (1 - theirs[0] / mine[0]), 100 * (theirs[1] - mine[1])
            return f"{other.label} is {faster:.0f} % faster and {better:.2f} points more accurate"
    return "on the front"


def _point(record: Record) -> tuple[float, float] | None:
    latency, top1 = record.value("latency_p50_ns"), record.value("top1")
    return None if latency is None or top1 is None else (latency, top1)
