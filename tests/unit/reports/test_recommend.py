from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness.core.quantity import Value
from harness.core.record import Record
from harness.core.verdict import Verdict
from reports.data import gather
from reports.recommend import Constraints, comparable, figures, front_cases, recommend
from reports.sections import verdict
from tests import factory


@pytest.fixture
def three(tmp_path: Path) -> list[Record]:
    """Fast and poor, middling, slow and good: 1, 2, 3 ms with 0.90, 0.91, 0.92."""
    run = factory.write_run(tmp_path, factory.nets(joules=True)[:3])
    return [
        dataclasses.replace(record, metrics={**record.metrics, "latency_p50_ns": Value(ms * 1e6), "top1": Value(top1)})
        for record, ms, top1 in zip(run.records(), (1, 2, 3), (0.90, 0.91, 0.92), strict=True)
    ]


def test_without_bounds_the_most_accurate_is_best(three: list[Record]) -> None:
    recommendation = recommend(three, Constraints())
    assert (recommendation.best, recommendation.runner_up, recommendation.fitting, recommendation.binding) == (
        three[2],
        three[1],
        3,
        (),
    )


def test_with_a_bound_on_accuracy_the_fastest_is_best(three: list[Record]) -> None:
    assert recommend(three, Constraints(top1=0.905)).best is three[1]


def test_a_bound_that_changes_the_choice_binds(three: list[Record]) -> None:
    recommendation = recommend(three, Constraints(latency_p50_ns=2.5e6, artifact_bytes=1e12))
    assert recommendation.best is three[1]
    assert recommendation.binding == (("latency_p50_ns", three[2]),)


def test_when_nothing_fits_each_bound_has_a_value_that_would(three: list[Record]) -> None:
    recommendation = recommend(three, Constraints(latency_p50_ns=1.5e6, top1=0.915))
    assert recommendation.best is None
    assert recommendation.relax == (("latency_p50_ns", 3e6, three[2]), ("top1", 0.90, three[0]))


def test_a_bound_alone_has_to_move_to_the_nearest_case(three: list[Record]) -> None:
    assert recommend(three, Constraints(latency_p50_ns=0.5e6)).relax == (("latency_p50_ns", 1e6, three[0]),)
    assert recommend(three, Constraints(top1=0.95)).relax == (("top1", 0.92, three[2]),)


def test_accuracy_is_lost_to_fp32_of_the_same_model_on_the_same_runtime(tmp_path: Path) -> None:
    records = factory.write_run(tmp_path, factory.nets()).records()
    drops = {record.case.compression: figures(record, records)["top1_drop"] for record in records[8:16]}
    assert drops == pytest.approx({"fp32": 0.0, "fp16": 0.0, "int8-dynamic": 0.004, "int8-static": 0.009})
    assert figures(records[-1], records[:-8])["top1_drop"] is None


def test_accuracy_may_be_bounded_by_what_is_lost_to_fp32(tmp_path: Path) -> None:
    records = factory.write_run(tmp_path / "run", factory.nets()[:8]).records()
    recommendation = recommend(records, Constraints(top1_drop=0.005))
    assert recommendation.best is not None
    assert recommendation.best.case.compression == "int8-dynamic"  # loses 0.004; int8-static, faster still, loses 0.009
    assert recommendation.binding[0][0] == "top1_drop"
    assert recommend(records[4:], Constraints(top1_drop=0.005)).best is None  # no fp32 net to hold it against


def test_other_scenarios_and_other_images_are_not_compared(tmp_path: Path) -> None:
    single, *rest = factory.nets()[:4]
    offline = dataclasses.replace(
        rest[0], case=dataclasses.replace(rest[0].case, scenario="Offline"), latency_ns=1, top1=0.99
    )
    batched = dataclasses.replace(rest[1], case=dataclasses.replace(rest[1].case, batch=8), latency_ns=2, top1=0.98)
    elsewhere = dataclasses.replace(
        rest[2], case=dataclasses.replace(rest[2].case, dataset="imagenet"), latency_ns=3, top1=0.97
    )
    more = dataclasses.replace(single, case=dataclasses.replace(single.case, threads=2))
    run = factory.write_run(tmp_path / "run", [offline, batched, elsewhere, single, more])
    assert {record.case_id for record in comparable(run.records())} == {single.case.id, more.case.id}
    assert recommend(run.records(), Constraints()).considered == 2
    data = gather([run])
    assert {case.record.case_id for case in front_cases(data.cases)} <= {single.case.id, more.case.id}
    fastest = str(verdict.render(data)).partition("Fastest")[2].partition("</dd>")[0]
    assert "fp16 · litert-xnnpack · t1<" in fastest  # in SingleStream, whatever images it was scored on


def test_a_contended_case_is_ranked_by_what_it_still_knows(three: list[Record]) -> None:
    doubtful = dataclasses.replace(three[2], verdict=Verdict("contended", "busy"))
    assert recommend([*three[:2], doubtful], Constraints()).best is doubtful, "top-1 does not depend on what else ran"
    assert recommend([*three[:2], doubtful], Constraints(artifact_bytes=1e12)).best is doubtful
    assert recommend([*three[:2], doubtful], Constraints(latency_p50_ns=1e12)).best is three[1]
    by_speed = recommend([*three[:2], doubtful], Constraints(top1=0.5))
    assert (by_speed.best, by_speed.fitting, by_speed.considered) == (three[0], 2, 2)
    assert recommend([doubtful], Constraints(top1=0.5)).considered == 0


def test_wrong_outputs_are_not_considered(three: list[Record]) -> None:
    wrong = dataclasses.replace(three[2], verdict=Verdict("wrong-output", "not the net"))
    assert recommend([*three[:2], wrong], Constraints()).best is three[1]
    assert recommend([wrong], Constraints()).considered == 0


def test_a_bound_on_what_is_missing_is_not_met(three: list[Record], tmp_path: Path) -> None:
    without = factory.write_run(tmp_path / "b", factory.nets()[:1]).records()
    assert recommend(without, Constraints(energy_net_j=1.0)).best is None
