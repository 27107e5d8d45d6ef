"""The example of docs/add-a-runtime.md, installed beside us and measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import outside
from tests.e2e.conftest import SMOKE, Edgebench


@pytest.fixture
def edgebench(edgebench_process: Edgebench) -> Edgebench:
    """The command in a process of its own: plug-ins are looked for once per process."""
    return edgebench_process


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = outside.install_shown(tmp_path / "site", "add-a-runtime.md")
    monkeypatch.setenv("PYTHONPATH", outside.search_path(site))


def test_the_example_is_measured_and_answers_right(edgebench: Edgebench, own_onnx: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = edgebench("run", "--model", own_onnx, "--runtime", "plain-ort", *SMOKE, "--no-report", "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    (record,) = (json.loads(path.read_text("utf-8")) for path in (out / "records").glob("*.json"))
    assert record["case"]["runtime"] == "plain-ort"
    assert record["metrics"]["latency_p50_ns"]["value"] > 0
    assert record["metrics"]["fidelity_sqnr_db"]["value"] > 80
    assert record["execution"]["effective"] == "fp32"
    assert record["runtime_info"]["optimiser"] == "off"


def test_the_example_refuses_what_is_no_model(edgebench: Edgebench, tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    done = edgebench("run", "--model", broken, "--runtime", "plain-ort", "--no-report")
    assert done.returncode == 3
    assert "onnxruntime cannot run it" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
