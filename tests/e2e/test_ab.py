"""`edgebench ab` on real small nets: structure and exit codes, not speed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import EMBEDDED, Edgebench

BRIEF = ("--profile", "smoke", "--max-pairs", "2")
FP32 = f"{EMBEDDED}|fp32|onnxruntime-cpu"


def test_two_settings_of_a_net_are_compared(edgebench: Edgebench, tmp_path: Path) -> None:
    done = edgebench("ab", FP32, f"{EMBEDDED}|int8-static|litert-xnnpack", *BRIEF, "--out", "ab.json")
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert f"A ({EMBEDDED} fp32 on onnxruntime-cpu)" in first
    assert "latency ratio B/A" in first
    assert all(line.startswith("warning: ") for line in rest)
    saved = json.loads((tmp_path / "ab.json").read_text())
    assert saved["sentence"] == first
    assert saved["verdict"] in {"same", "undecided"}
    assert len(saved["a"]["median_ns"]) == len(saved["b"]["median_ns"]) == len(saved["order"]) == 2
    assert min(saved["a"]["median_ns"] + saved["b"]["median_ns"]) > 1000
    assert saved["comparison"]["lo"] <= saved["comparison"]["ratio"] <= saved["comparison"]["hi"]
    assert saved["b"]["runtime_info"]["delegate_nodes"] > 0


def test_own_files_are_compared_and_printed_as_json(edgebench: Edgebench, own_onnx: Path, own_tflite: Path) -> None:
    done = edgebench("ab", own_onnx, own_tflite, *BRIEF, "--json")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed["a"]["name"] == f"{own_onnx} on onnxruntime-cpu"
    assert printed["b"]["artifact"]["format"] == "tflite"


def test_a_damaged_model_gives_no_answer(edgebench: Edgebench, own_onnx: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(own_onnx.read_bytes()[:5000])
    done = edgebench("ab", own_onnx, broken, *BRIEF, "--out", "ab.json")
    assert done.returncode == 3
    assert done.stdout.startswith("No answer: B (")
    assert json.loads((tmp_path / "ab.json").read_text())["failure"]["side"] == "b"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((FP32, FP32, "--max-pairs", "1"), "1 pair cannot give an interval"),
        ((FP32, "gone.onnx"), "no such model file"),
        ((FP32, FP32, "--out", "no/such/ab.json"), "no such folder"),
        ((FP32, FP32, "--force"), "--force"),
    ],
)
def test_usage_errors(edgebench: Edgebench, arguments: tuple[str, ...], message: str) -> None:
    done = edgebench("ab", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
