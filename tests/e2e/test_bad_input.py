"""Bad input: one clear message, the documented exit code, and the rest still measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import EXIT_NOTHING_MEASURED, EXIT_SOME_FAILED, EXIT_USAGE
from harness.store.runfolder import RunFolder
from tests.e2e.conftest import EMBEDDED, SMOKE, Edgebench

ONE_CASE = ("quick", "-k", f"{EMBEDDED}|fp32|onnxruntime-cpu", *SMOKE)
ONE_NET = f"""
title = "one net"
profile = "smoke"

[[cases]]
models = ["{EMBEDDED}"]
compression = ["fp32"]
runtimes = ["onnxruntime-cpu"]
dataset = "fashion-mnist"
"""


def test_a_missing_model_is_a_usage_error(edgebench: Edgebench) -> None:
    done = edgebench("run", "--model", "none.onnx")
    assert done.returncode == EXIT_USAGE
    assert "no such model file: none.onnx" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_text_file_called_onnx_measures_nothing(edgebench: Edgebench, tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("hello")
    done = edgebench("run", "--model", "text.onnx", "--runtime", "onnxruntime-cpu", *SMOKE, "--out", "run")
    assert done.returncode == EXIT_NOTHING_MEASURED
    (record,) = RunFolder(tmp_path / "run").records()
    assert record.verdict.status == "unsupported"
    assert "onnxruntime cannot run it" in record.verdict.reason
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ["onnx", "tflite"])
def test_a_truncated_model_is_unsupported(
    edgebench: Edgebench, own_onnx: Path, own_tflite: Path, tmp_path: Path, kind: str
) -> None:
    model = own_onnx if kind == "onnx" else own_tflite
    model.write_bytes(model.read_bytes()[:1000])
    done = edgebench("run", "--model", model, *SMOKE, "--out", "run")
    assert done.returncode == EXIT_NOTHING_MEASURED
    records = RunFolder(tmp_path / "run").records()
    assert {record.verdict.status for record in records} <= {"unsupported", "crashed"}
    assert {record.value("latency_p50_ns") for record in records} == {None}


def test_the_rest_is_measured_beside_an_unsupported_operator(
    edgebench: Edgebench, own_onnx: Path, tmp_path: Path
) -> None:
    data = own_onnx.read_bytes()
    assert data.count(b"Conv") > 10
    own_onnx.write_bytes(data.replace(b"Conv", b"Conw"))
    (tmp_path / "one.toml").write_text(ONE_NET)
    done = edgebench("run", "one.toml", "--model", own_onnx, "--runtime", "onnxruntime-cpu", *SMOKE, "--out", "run")
    assert done.returncode == EXIT_SOME_FAILED
    records = {record.case.model: record for record in RunFolder(tmp_path / "run").records()}
    assert "Conw" in records["my_net"].verdict.reason
    assert records[EMBEDDED].value("top1")


def test_the_rest_is_measured_beside_a_missing_model(edgebench: Edgebench, own_onnx: Path, tmp_path: Path) -> None:
    done = edgebench("run", "--model", "none.onnx", "--model", own_onnx, *SMOKE, "--out", "run")
    assert done.returncode == EXIT_SOME_FAILED
    assert "no such model file" in done.stderr
    verdicts = {record.case.model: record.verdict.status for record in RunFolder(tmp_path / "run").records()}
    assert verdicts["none"] == "unsupported"
    assert verdicts["my_net"] != "unsupported"


def test_a_wrong_data_folder_is_a_usage_error(edgebench: Edgebench, own_onnx: Path, tmp_path: Path) -> None:
    done = edgebench("run", "--model", own_onnx, "--data", "nowhere")
    assert done.returncode == EXIT_USAGE
    assert "nowhere is not a folder" in done.stderr
    (tmp_path / "empty").mkdir()
    assert "no images below" in edgebench("run", "--model", own_onnx, "--data", "empty").stderr


def test_a_data_set_with_other_classes_is_a_usage_error(edgebench: Edgebench, own_onnx: Path, tmp_path: Path) -> None:
    from PIL import Image

    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        Image.new("L", (28, 28)).save(tmp_path / "photos" / name / "1.png")
    done = edgebench("run", "--model", own_onnx, "--data", "photos", *SMOKE, "--out", "run")
    assert done.returncode == EXIT_USAGE
    assert "the model has 10 outputs, the data set 2 classes" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "quik"), "did you mean 'quick'?"),
        (("run", "quick", "-k", "nothing-like-it"), "no case is left: none of 36 has 'nothing-like-it'"),
        (("run", "quick", "--runtime", "ncnn"), "no case is left: none of 36 has runtime ncnn"),
        (("run", "quick", "--profile", "quikc"), "unknown profile"),
        (("run", "quick", "--target", "raspberry-pi-6"), "unknown target"),
        (("run", "quick", "--targets", "nowhere"), "no folder of descriptors: nowhere"),
        (("report", "nowhere"), "not a run folder"),
        (("table", "nowhere"), "not a run folder"),
        (("run", "quick", "--shape", "input=big"), "NAME=1x3x224x224"),
    ],
)
def test_usage_errors_say_what_to_do(edgebench: Edgebench, arguments: tuple[str, ...], message: str) -> None:
    done = edgebench(*arguments)
    assert done.returncode == EXIT_USAGE
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_another_boards_name_is_refused(edgebench: Edgebench) -> None:
    import platform

    other = "x86-64" if platform.machine() == "aarch64" else "raspberry-pi-5"
    done = edgebench("run", *ONE_CASE, "--target", other)
    assert done.returncode == EXIT_USAGE
    assert "name of another board" in done.stderr


def test_a_run_folder_is_not_overwritten(edgebench: Edgebench, finished_run: Path) -> None:
    done = edgebench("run", *ONE_CASE, "--out", finished_run)
    assert done.returncode == EXIT_USAGE
    assert "already holds a run" in done.stderr
