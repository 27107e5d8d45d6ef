"""Which cases no other beats: accuracy up, latency down, trusted cases under one load and on one data set alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from harness.core.record import Record
from harness.stats.pareto import front as pareto_mask

from .data import CaseView
from .recommend import comparable


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
