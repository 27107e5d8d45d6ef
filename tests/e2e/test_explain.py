"""A run that looks deeper, and what `explain` and `roofline` make of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.core.execution import OperatorProfile
from harness.core.quantity import Missing
from harness.store.runfolder import RunFolder
from tests.e2e.conftest import EMBEDDED, SMOKE, Edgebench, called
from tests.shared import once

STATIC = ("-k", EMBEDDED, "-k", "static")


@pytest.fixture(scope="session")
def deep_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def measure(folder: Path) -> None:
        done = called(folder, "run", "quick", *STATIC, *SMOKE, "--deep", "--no-report", "--out", "run")
        assert done.returncode == 0, done.stdout + done.stderr

    return once(tmp_path_factory, "deep", measure) / "run"


def test_a_deep_run_has_operators_and_memory_of_every_case(deep_run: Path) -> None:
    records = RunFolder(deep_run).records()
    assert len(records) == 2
    for record in records:
        assert isinstance(record.operators, OperatorProfile), record.operators
        assert len(record.operators.operators) > 20
        assert {trace.channel for trace in record.traces} >= {"memory_rss", "memory_uss"}
        (process,) = record.processes
        peaks = list(process.peak_rss_after_bytes.values())
        assert list(process.peak_rss_after_bytes) == ["import", "load", "first", "steady"]
        assert peaks == sorted(peaks)
        assert peaks[-1] <= process.peak_rss_bytes


def test_a_run_is_not_deep_unless_asked(finished_run: Path) -> None:
    for record in RunFolder(finished_run).records():
        assert record.operators == Missing("not measured: run with --deep")
        assert not any(trace.channel.startswith("memory") for trace in record.traces)


def test_explain_tells_people_what_it_saw(deep_run: Path, edgebench: Edgebench) -> None:
    done = edgebench("explain", deep_run, "onnxruntime")
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.startswith(f"{EMBEDDED}|int8-static|onnxruntime-cpu|t1  [")
    assert any("most of the time goes to QLinearConv" in line for line in rest)
    assert "litert" not in done.stdout


def test_explain_tells_programs_the_same(deep_run: Path, edgebench: Edgebench) -> None:
    table = json.loads(edgebench("explain", deep_run, "--json").stdout)
    assert len(table) == 2
    for case in table:
        for each in case["explanations"]:
            assert set(each) == {"rule", "severity", "evidence", "conclusion", "remedy"}
        assert "where-the-time-goes" in [each["rule"] for each in case["explanations"]]


def test_an_unknown_case_is_named_with_those_there_are(deep_run: Path, edgebench: Edgebench) -> None:
    done = edgebench("explain", deep_run, "resnet")
    assert done.returncode == 2
    assert "no case id of" in done.stderr
    assert f"{EMBEDDED}|int8-static|litert-xnnpack|t1" in done.stderr


def test_the_roofline_is_measured_once(edgebench: Edgebench) -> None:
    first = json.loads(edgebench("roofline", "--json").stdout)
    assert first == json.loads(edgebench("roofline", "--json").stdout)
    assert first["roofs"][0]["threads"] == 1
    assert all(roof["flops_per_s"] > 1e6 and roof["bytes_per_s"] > 1e6 for roof in first["roofs"])
    people = edgebench("roofline").stdout
    assert "GFLOP/s fp32" in people
    assert first["measured_utc"] in people
