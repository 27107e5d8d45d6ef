"""`edgebench runtimes`, and what a user is told who asks a runtime for what it cannot do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.e2e.conftest import Edgebench


def test_this_machine_and_another(edgebench: Edgebench) -> None:
    here = json.loads(edgebench("runtimes", "--json").stdout)
    assert here["this_machine"]
    rows = {row["name"]: row for row in here["runtimes"]}
    assert "null" not in rows
    assert rows["onnxruntime-cpu"]["ready"]
    assert rows["onnxruntime-cpu"]["library"]["version"]
    assert rows["onnxruntime-cpu"]["settings"]["int8-static"] == "int8"
    assert rows["onnxruntime-cpu"]["hardware_tested"]
    assert not any(rows[name]["hardware_tested"] for name in ("tensorrt", "tensorrt-fp16", "tensorrt-dla", "edgetpu"))
    assert "has no QNNExecutionProvider" in rows["onnxruntime-qnn"]["problem"] or rows["onnxruntime-qnn"]["unusable"]
    other = json.loads(edgebench("runtimes", "--json", "--target", "raspberry-pi-5").stdout)
    assert not other["this_machine"]
    assert not any(row["ready"] for row in other["runtimes"])
    install = {row["name"]: row["install"] for row in other["runtimes"]}
    assert install["litert-xnnpack"] == "pip install ai-edge-litert"
    assert {row["name"]: row["unusable"] for row in other["runtimes"]}["onnxruntime-openvino"]


def test_it_is_told_in_plain_text(edgebench: Edgebench) -> None:
    short = edgebench("runtimes")
    assert short.returncode == 0
    assert "onnxruntime-cpu" in short.stdout
    assert max(map(len, short.stdout.splitlines())) <= 80
    assert "more can be installed" in short.stdout
    done = edgebench("runtimes", "--all")
    assert done.returncode == 0
    ready, _, rest = done.stdout.partition("\ncan be installed")
    assert "onnxruntime-cpu" in ready
    assert "install    " in rest
    for name in ("tensorrt", "edgetpu"):
        block = re.search(rf"^  {name} .*\n(    .*\n)+", done.stdout, re.MULTILINE)
        assert block is not None
        assert "not run on hardware" in block[0]
    assert "not run on hardware" not in ready.partition("  onnxruntime-cpu ")[2].partition("\n  openvino-cpu ")[0]
    assert edgebench("runtimes", "--target", "no-such-board").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--runtime", "litert-xnnpack"], "none of the runtimes asked for takes .onnx"),
        (["--runtime", "openvino"], "did you mean 'openvino-"),
        (["--runtime-option", "onnxruntime-gpu:a=b"], "unknown runtime 'onnxruntime-gpu'"),
        (["--runtime-option", "onnxruntime-cpu"], "NAME:KEY=VALUE expected"),
    ],
)
def test_a_wrong_request_is_refused_with_a_remedy(
    edgebench: Edgebench, own_onnx: Path, arguments: list[str], message: str
) -> None:
    done = edgebench("run", "--model", own_onnx, "--profile", "smoke", "--no-report", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_what_cannot_run_is_said_of_every_runtime(edgebench: Edgebench, own_onnx: Path, tmp_path: Path) -> None:
    absent, out = ["onnxruntime-qnn", "onnxruntime-coreml", "onnxruntime-tensorrt", "tensorrt"], tmp_path / "run"
    named = [word for name in absent for word in ("--runtime", name)]
    done = edgebench("run", "--model", own_onnx, "--profile", "smoke", "--no-report", *named, "--out", out)
    assert done.returncode == 3
    assert "Traceback" not in done.stdout + done.stderr
    records = [json.loads(path.read_text("utf-8")) for path in (out / "records").glob("*.json")]
    assert {record["verdict"]["status"] for record in records} == {"unsupported"}
    assert all(record["verdict"]["remedy"] for record in records)
