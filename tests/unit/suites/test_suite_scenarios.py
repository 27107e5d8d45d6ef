"""Scenarios in suite files."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

import suites
from harness.core.errors import DescriptorError
from harness.core.scenario import Load, Scenario

GROUP = """
title = "t"
profile = "smoke"
[[cases]]
models = ["mobilenet_v2-0.35-32"]
compression = ["fp32"]
runtimes = ["onnxruntime-cpu"]
"""


def load(folder: Path, extra: str) -> suites.Suite:
    path = folder / "own.toml"
    path.write_text(GROUP + extra, encoding="utf-8")
    return suites.load(str(path))


def test_the_built_in_suite_has_every_scenario() -> None:
    cases = suites.expand(suites.load("scenarios"))
    assert {case.scenario for case in cases} == set(get_args(Scenario))
    assert len({case.id for case in cases}) == len(cases)


def test_a_group_gives_its_cases_scenario_batch_and_load(tmp_path: Path) -> None:
    suite = load(tmp_path, 'scenario = "Offline"\nstreams = 2\nbatch = [1, 4]')
    assert [(case.scenario, case.batch, case.load) for case in suites.expand(suite)] == [
        ("Offline", 1, Load(streams=2)),
        ("Offline", 4, Load(streams=2)),
    ]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("streams = 2", "SingleStream does not accept streams"),
        ('scenario = "Server"', "Server needs rate_per_s"),
        ('scenario = "paced"\nrate_per_s = 0', "rate_per_s is 0"),
        ('scenario = "Sever"', "Input should be"),
    ],
)
def test_what_does_not_fit_is_an_error_of_the_file(tmp_path: Path, extra: str, message: str) -> None:
    with pytest.raises(DescriptorError, match=message) as error:
        load(tmp_path, extra)
    assert "own.toml" in error.value.message
