from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness.core.quantity import Value
from harness.core.record import Record
from harness.core.verdict import Verdict
from reports.recommend import Bounds, recommend
from tests import factory


@pytest.fixture
def three(tmp_path: Path) -> list[Record]:
    """Fast and poor, middling, slow and good: 1, 2, 3 ms with 0.90, 0.91, 0.92."""
    run = factory.write_run(tmp_path, factory.nets(joules=True)[:3])
    return [
        dataclasses.replace(record, metrics={**record.metrics, "latency_p50_ns": Value(ms * 1e6), "top1": Value(top1)})
        for record, ms, top1 in zip(run.records(), (1, 2, 3), (0.90, 0.91, 0.92), strict=True)
    ]


def test_without_bounds_the_most_accurate(three: list[Record]) -> None:
    found = recommend(three, Bounds())
    assert (found.best, found.runner_up, found.fitting, found.binding) == (three[2], three[1], 3, ())


def test_a_bound_on_accuracy_asks_for_the_fastest(three: list[Record]) -> None:
    assert recommend(three, Bounds(top1=0.905)).best is three[1]


def test_a_bound_that_changes_the_choice_binds(three: list[Record]) -> None:
    found = recommend(three, Bounds(latency_p50_ns=2.5e6, artifact_bytes=1e12))
    assert found.best is three[1]
    assert found.binding == ("latency_p50_ns",)


def test_when_nothing_fits_it_says_what_would_have_to_give(three: list[Record]) -> None:
    found = recommend(three, Bounds(latency_p50_ns=1.5e6, top1=0.915))
    assert found.best is None
    assert found.relax == (("latency_p50_ns", 3e6, three[2]), ("top1", 0.90, three[0]))


def test_untrusted_and_unscored_cases_are_not_considered(three: list[Record]) -> None:
    doubtful = dataclasses.replace(three[2], verdict=Verdict("contended", "busy"))
    assert recommend([*three[:2], doubtful], Bounds()).best is three[1]
    assert recommend([doubtful], Bounds()).considered == 0


def test_a_bound_on_what_is_missing_is_not_met(three: list[Record], tmp_path: Path) -> None:
    without = factory.write_run(tmp_path / "b", factory.nets()[:1]).records()
    assert recommend(without, Bounds(energy_net_j=1.0)).best is None
