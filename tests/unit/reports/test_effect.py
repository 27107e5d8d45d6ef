from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.quantity import Missing, Value
from harness.core.record import Record
from harness.stats import power
from harness.stats.planning import variance_components
from harness.store.runfolder import RunFolder
from reports.effect import AccuracyPlan, LatencyPlan, Pilot, accuracy_plan, pilot_of, plan_effect, shown_effect
from tests import factory


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return factory.write_run(tmp_path / "run", [*factory.nets()[:4], *factory.troubled()])


def pilot(run: RunFolder) -> Pilot:
    found = pilot_of(run.records()[0], run.blob)
    assert isinstance(found, Pilot)
    return found


def planned(run: RunFolder, effect: float = 0.02) -> LatencyPlan:
    return plan_effect(run.records()[:1], run.blob, effect, None).latency[0]


def with_accuracy(record: Record, **counts: int) -> Record:
    return dataclasses.replace(record, details={**record.details, "accuracy": counts})


def test_the_spread_is_that_of_the_samples_of_the_run(run: RunFolder) -> None:
    record, found = run.records()[0], pilot(run)
    walls = [run.blob(process.blob.sha256)["wall_ns"] for process in record.processes]
    assert found.variance == variance_components(walls)
    assert found.variance.processes == 3
    assert found.median_ns == np.median([np.median(wall) for wall in walls])


def test_inferences_fill_the_loop_of_the_longest_profile(run: RunFolder) -> None:
    found = pilot(run)
    assert 2e9 <= found.inferences * found.median_ns <= 8.1e9
    assert found.inferences >= 200
    before_ns = (90 + 210 + 12) * factory.MILLISECOND
    assert found.start_ns > before_ns + 1e9  # and the warm-up


def test_a_plan_has_the_power_that_was_asked_for(run: RunFolder) -> None:
    plan = planned(run)
    variance = plan.pilot.variance.of_median(plan.pilot.inferences)
    assert plan.processes == power.processes_needed(0.02, variance)
    assert plan.processes_safe == power.processes_needed(0.02, power.variance_limit(variance, 3))
    assert plan.processes <= plan.processes_safe
    assert plan.pairs <= plan.pairs_safe
    assert plan.spread == pytest.approx(math.sqrt(variance))
    once = plan.pilot.start_ns + plan.pilot.inferences * plan.pilot.median_ns
    assert plan.minutes(5) == pytest.approx(10 * once / 60e9)
    more = plan_effect(run.records()[:1], run.blob, 0.005, None, 0.95).latency[0]
    assert more.processes > plan_effect(run.records()[:1], run.blob, 0.005, None, 0.8).latency[0].processes


def test_cases_without_a_plan_have_a_reason(run: RunFolder) -> None:
    plan = plan_effect(run.records(), run.blob, 0.02, 0.01)
    assert len(plan.latency) + len(plan.unplanned_latency) == len(run.records())
    assert len(plan.accuracy) + len(plan.unplanned_accuracy) == len(run.records())
    reasons = {record.verdict.status: reason for record, reason in plan.unplanned_latency}
    assert reasons["contended"] == "contended: its times cannot be relied on"
    assert set(reasons) == {
        "contended", "no-steady-state", "crashed", "timeout", "out-of-memory", "unsupported"
    }  # fmt: skip
    assert "synthetic weights" in {reason for _, reason in plan.unplanned_accuracy}


def test_one_process_another_scenario_and_lost_samples_have_no_plan(run: RunFolder, tmp_path: Path) -> None:
    record = run.records()[0]
    alone = dataclasses.replace(record, processes=record.processes[:1])
    assert "one process" in _reason(alone, run)
    offline = Case(record.case.model, "fp32", "onnxruntime-cpu", scenario="Offline")
    assert "not for Offline" in _reason(dataclasses.replace(record, case=offline), run)
    for blob in (run.path / "blobs").iterdir():
        blob.unlink()
    assert "its samples cannot be read" in _reason(record, run)


def _reason(record: Record, run: RunFolder) -> str:
    found = pilot_of(record, run.blob)
    assert isinstance(found, Missing)
    return found.reason


def test_images_are_planned_from_those_that_one_net_alone_got_right(run: RunFolder) -> None:
    record = with_accuracy(run.records()[2], right_here_alone=20, right_in_fp32_alone=40, n=1000)
    plan = accuracy_plan(record, 0.01)
    assert isinstance(plan, AccuracyPlan)
    assert plan.discordant == 0.06
    assert plan.images == power.images_needed(0.01, 0.06)
    assert plan.images < plan.images_safe
    assert plan.evidence == "60 of 1000 images that one of the two alone got right"


def test_images_are_else_planned_from_the_agreement_which_bounds_them(run: RunFolder) -> None:
    record = run.records()[2]
    quantity = record.quantity("agreement")
    assert isinstance(quantity, Value)
    plan = accuracy_plan(record, 0.01)
    assert isinstance(plan, AccuracyPlan)
    assert plan.discordant == pytest.approx(1 - quantity.value)
    assert plan.evidence.startswith("at most the 180 of 10000 images")
    assert isinstance(accuracy_plan(run.records()[0], 0.01), Missing)  # fp32 is not compared with itself


def test_an_effect_too_small_is_refused(run: RunFolder) -> None:
    with pytest.raises(UsageError, match="cannot be planned: effect"):
        plan_effect(run.records()[:1], run.blob, 1e-9, None)


def test_the_shown_effect_is_that_of_the_process_medians(run: RunFolder) -> None:
    record = run.records()[0]
    logs = np.log([process.median_ns for process in record.processes])
    assert shown_effect(record) == power.detectable_effect(3, float(logs.var(ddof=1)))
    contended = next(each for each in run.records() if each.verdict.status == "contended")
    assert isinstance(shown_effect(contended), Missing)
    assert isinstance(shown_effect(dataclasses.replace(record, processes=record.processes[:1])), Missing)
