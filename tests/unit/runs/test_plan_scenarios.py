"""Scenarios from the command to the plan: what replaces what, what is refused, what runs together."""

from __future__ import annotations

import importlib.util

import pytest

from harness.core.case import Case
from harness.core.errors import ScenarioError
from harness.core.scenario import Load
from harness.runs.config import RunConfig
from harness.runs.plan import plan

NET = "mobilenet_v2-0.35-32|fp32|onnxruntime"


def asked(**changes: object) -> tuple[Case, ...]:
    """The one case of the quick suite that NET keeps, changed."""
    return plan(RunConfig(**{"suite": "quick", "filters": [NET], **changes})).cases  # type: ignore[arg-type]


def test_the_command_replaces_scenario_load_and_batch_of_the_suite() -> None:
    (case,) = asked(scenario="Offline", load=Load(streams=2), batch=4)
    assert (case.scenario, case.load, case.batch) == ("Offline", Load(streams=2), 4)


def test_without_a_word_the_suite_decides() -> None:
    (case,) = asked()
    assert case.id == f"{NET}-cpu|t1"


def test_cases_that_become_the_same_are_measured_once() -> None:
    cases = asked(suite="scenarios", scenario="SingleStream", batch=1)
    assert [case.id for case in cases] == [f"{NET}-cpu|t1"]


def test_a_parameter_without_its_scenario_is_refused_at_once() -> None:
    with pytest.raises(ScenarioError, match="SingleStream does not accept minutes"):
        RunConfig(load=Load(minutes=2))


def test_without_loadgen_the_case_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "mlperf_loadgen" else installed(name))
    (verdict,) = plan(RunConfig(suite="quick", driver="loadgen", filters=[NET])).refused.values()
    assert verdict.status == "unsupported"
    assert "edgebench[loadgen]" in verdict.reason


def test_a_block_is_one_net_in_one_scenario() -> None:
    planned = plan(RunConfig(suite="scenarios", filters=["onnxruntime"]))
    blocks = [{prepared.case.scenario for prepared in block} for block in planned.blocks]
    assert [len(scenarios) for scenarios in blocks] == [1] * len(blocks)
    assert sum(map(len, planned.blocks)) == len(planned.prepared)
    assert blocks[-1] == {"sustained"}  # heats the machine, so it runs when nothing else is left
