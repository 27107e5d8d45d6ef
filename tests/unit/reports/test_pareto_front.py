"""The Pareto front, and how a dominated case is described."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness.core.quantity import Value
from harness.core.verdict import Verdict
from reports.data import CaseView, gather
from reports.recommend import front_cases, pareto_front, scored_cases, why_dominated
from tests import factory

FIGURES = {"fast": (1.0, 0.80), "good": (2.0, 0.92), "beaten": (4.0, 0.90), "doubtful": (0.5, 0.99)}


@pytest.fixture
def cases(tmp_path: Path) -> dict[str, CaseView]:
    """Milliseconds and top-1 of `FIGURES`; the last one was measured on a throttled machine."""
    run = factory.write_run(tmp_path, factory.nets()[:4])
    views = gather([run]).cases
    cases_by_name = {}
    for view, (name, (ms, top1)) in zip(views, FIGURES.items(), strict=True):
        metrics = {**view.record.metrics, "latency_p50_ns": Value(ms * 1e6), "top1": Value(top1)}
        record = dataclasses.replace(view.record, metrics=metrics)
        if name == "doubtful":
            record = dataclasses.replace(record, verdict=Verdict("throttled", "hot"))
        cases_by_name[name] = dataclasses.replace(view, record=record)
    return cases_by_name


def test_the_front_has_trusted_cases_only_fastest_first(cases: dict[str, CaseView]) -> None:
    shuffled = [cases[name] for name in ("beaten", "doubtful", "good", "fast")]
    assert pareto_front([case.record for case in shuffled]) == [cases["fast"].record, cases["good"].record]
    assert front_cases(shuffled) == [cases["good"], cases["fast"]]
    assert scored_cases(shuffled) == shuffled
    assert pareto_front([cases["doubtful"].record]) == []


def test_a_dominated_case_names_the_better_one_and_the_difference(cases: dict[str, CaseView]) -> None:
    best = [cases["fast"], cases["good"]]
    label = cases["good"].label
    assert why_dominated(cases["beaten"], best) == f"{label} is 50 % faster and 2.00 points more accurate"
    assert why_dominated(cases["good"], best) == "on the front"
    assert why_dominated(cases["doubtful"], best) == "not trusted: throttled"
