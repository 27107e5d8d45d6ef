"""Scenarios: what each takes, what it lacks, and what of it shows in a case's id."""

from __future__ import annotations

import math

import pytest

from harness.core.case import Case
from harness.core.errors import ScenarioError
from harness.core.scenario import Load, Scenario


@pytest.mark.parametrize(
    ("scenario", "load", "tail"),
    [
        ("SingleStream", Load(), ""),
        ("MultiStream", Load(), "|MultiStream"),
        ("MultiStream", Load(samples_per_query=4), "|MultiStream|q4"),
        ("Offline", Load(), "|Offline"),
        ("Offline", Load(streams=2), "|Offline|s2"),
        ("Server", Load(rate_per_s=50), "|Server|r50"),
        ("Server", Load(rate_per_s=0.5, latency_bound_ns=20_000_000), "|Server|r0.5-20ms"),
        ("sustained", Load(), "|sustained"),
        ("sustained", Load(minutes=30), "|sustained|30min"),
        ("paced", Load(rate_per_s=30), "|paced|r30"),
    ],
)
def test_the_id_holds_what_is_not_default(scenario: Scenario, load: Load, tail: str) -> None:
    assert Case("m", "fp32", "r", scenario=scenario, load=load).id == f"m|fp32|r|t1{tail}"


def test_a_case_carries_the_defaults_of_its_scenario() -> None:
    assert Case("m", "fp32", "r", scenario="MultiStream").load.samples_per_query == 8
    assert Case("m", "fp32", "r", scenario="Offline").load.streams == 1
    assert Case("m", "fp32", "r", scenario="sustained").load.minutes == 5


def test_giving_the_default_is_the_same_case() -> None:
    given = Case("m", "fp32", "r", scenario="Offline", load=Load(streams=1))
    assert given == Case("m", "fp32", "r", scenario="Offline")


@pytest.mark.parametrize("scenario", ["Server", "paced"])
def test_a_rate_must_be_given(scenario: Scenario) -> None:
    with pytest.raises(ScenarioError, match=f"{scenario} needs rate_per_s"):
        Case("m", "fp32", "r", scenario=scenario)


def test_a_foreign_parameter_names_the_scenario_it_belongs_to() -> None:
    with pytest.raises(ScenarioError, match="SingleStream does not accept streams") as error:
        Case("m", "fp32", "r", load=Load(streams=2))
    assert "Offline" in error.value.remedy


@pytest.mark.parametrize("value", [0, -1.0, math.inf, math.nan])
def test_parameters_are_above_0_and_finite(value: float) -> None:
    with pytest.raises(ScenarioError, match="rate_per_s"):
        Load(rate_per_s=value)


def test_loadgen_drives_what_it_can() -> None:
    assert Case("m", "fp32", "r", driver="loadgen").id == "m|fp32|r|t1|loadgen"
    assert Case("m", "fp32", "r", scenario="Offline", driver="loadgen").id == "m|fp32|r|t1|Offline|loadgen"
    with pytest.raises(ScenarioError, match="LoadGen drives SingleStream and Offline here, not MultiStream"):
        Case("m", "fp32", "r", scenario="MultiStream", driver="loadgen")


def test_queries_fill_their_batches() -> None:
    assert Case("m", "fp32", "r", batch=4, scenario="MultiStream").batch == 4
    with pytest.raises(ScenarioError, match="8 samples do not fill batches of 3"):
        Case("m", "fp32", "r", batch=3, scenario="MultiStream")
    with pytest.raises(ScenarioError, match="batch is 0"):
        Case("m", "fp32", "r", batch=0)
