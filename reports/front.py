"""Which cases no other beats: accuracy up, latency down, trusted cases under one load and on one data set alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.analysis.pareto import front as pareto_mask

from .data import CaseView
from .recommend import comparable


def scored(cases: Sequence[CaseView]) -> list[CaseView]:
    """The cases whose latency and accuracy can be held against each other, untrusted ones among them."""
    kept = {id(record) for record in comparable([case.record for case in cases])}
    return [case for case in cases if id(case.record) in kept]


def front(cases: Sequence[CaseView]) -> list[CaseView]:
    """The trusted cases on the Pareto front of (latency p50, top-1)."""
    able = [case for case in scored(cases) if case.trusted]
    if not able:
        return []
    mask = pareto_mask(np.array([_point(case) for case in able], dtype=np.float64), ("min", "max"))
    return [case for case, on in zip(able, mask, strict=True) if on]


def why_dominated(case: CaseView, on_front: Sequence[CaseView]) -> str:
    """Which case of the front beats this one, and by how much; 'on the front' when none does."""
    if not case.trusted:
        return f"not trusted: {case.record.verdict.status}"
    mine = _point(case)
    for other in on_front:
        theirs = _point(other)
        if mine and theirs and other is not case and theirs[0] <= mine[0] and theirs[1] >= mine[1]:
            faster, better = 100 * (1 - theirs[0] / mine[0]), 100 * (theirs[1] - mine[1])
            return f"{other.label} is {faster:.0f} % faster and {better:.2f} points more accurate"
    return "on the front"


def _point(case: CaseView) -> tuple[float, float] | None:
    latency, top1 = case.record.value("latency_p50_ns"), case.record.value("top1")
    return None if latency is None or top1 is None else (latency, top1)
