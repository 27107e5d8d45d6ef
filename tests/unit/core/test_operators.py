"""Operator profiles and rooflines: what they add up to, and their way through JSON and a run folder."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from harness.core.execution import OperatorProfile, OperatorTiming
from harness.core.hardware.roofline import Roof, Roofline
from harness.core.quantity import Missing
from harness.store.runfolder import RunFolder
from tests import factory

PROFILE = OperatorProfile(
    asked="XNNPACK",
    n_inferences=5,
    inference_ns=1000.0,
    operators=(
        OperatorTiming("0: conv", "conv", "XNNPACK", 500.0, dtype="QC8"),
        OperatorTiming("1: HARD_SWISH", "HARD_SWISH", "LiteRT built-in", 250.0),
        OperatorTiming("2: conv", "conv", "XNNPACK", 200.0, dtype="QC8"),
    ),
)
ROOFLINE = Roofline("abc", "2026-01-01", "numpy", 1 << 20, (Roof(1, 50e9, 10e9), Roof(4, 150e9, 12e9)))


def test_what_no_operator_explains_is_the_rest() -> None:
    assert PROFILE.unexplained_ns == 50.0
    assert PROFILE.by_type() == {("conv", "XNNPACK"): 700.0, ("HARD_SWISH", "LiteRT built-in"): 250.0}
    assert next(iter(PROFILE.by_type())) == ("conv", "XNNPACK")


def test_operators_elsewhere_have_fallen_back() -> None:
    assert [each.type for each in PROFILE.fallen_back] == ["HARD_SWISH"]
    assert PROFILE.share(PROFILE.fallen_back) == 0.25


def test_a_profile_survives_json() -> None:
    assert OperatorProfile.from_json(json.loads(json.dumps(dataclasses.asdict(PROFILE)))) == PROFILE


def test_a_roofline_survives_json() -> None:
    assert Roofline.from_json(json.loads(json.dumps(dataclasses.asdict(ROOFLINE)))) == ROOFLINE


def test_peaks_between_the_measured_counts_grow_up_to_all() -> None:
    assert ROOFLINE.at(1) == Roof(1, 50e9, 10e9)
    assert ROOFLINE.at(2) == Roof(2, 100e9, 12e9)
    assert ROOFLINE.at(8) == Roof(8, 150e9, 12e9)


@pytest.mark.parametrize("operators", [PROFILE, Missing("no profiler")])
def test_a_record_keeps_its_operators(tmp_path: Path, operators: OperatorProfile | Missing) -> None:
    plan = factory.nets()[0]
    run = RunFolder.create(tmp_path / "run", factory.header([plan], roofline=ROOFLINE))
    run.append(dataclasses.replace(factory.record(run, plan), operators=operators))
    assert run.records()[0].operators == operators
    assert run.header().roofline == ROOFLINE


def test_a_record_without_operators_says_so(tmp_path: Path) -> None:
    run = factory.write_run(tmp_path / "run", factory.nets()[:1])
    (path,) = (tmp_path / "run" / "records").iterdir()
    data = json.loads(path.read_text())
    del data["operators"], data["digest"]
    path.write_text(json.dumps(data))
    assert run.records()[0].operators == Missing("not measured: run with --deep")
