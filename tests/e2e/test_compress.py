"""A user's own float net under several settings: `--compress`."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.cli import main
from harness.core.errors import EXIT_NOTHING_MEASURED, EXIT_OK, EXIT_SOME_FAILED, EXIT_USAGE
from harness.store.runfolder import RunFolder
from suites.artifacts.catalog import ARTIFACTS
from tests.e2e.conftest import EMBEDDED, Edgebench
from tests.onnx_bytes import FLOAT, model
from tests.unit.suites.post_training.photos import HOW, fashion, plain

pytest.importorskip("onnx")
SMOKE = ("--profile", "smoke", "--no-report")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return fashion(tmp_path / "photos", 100)


def test_settings_asked_for_are_cases_of_one_run_with_fp32_as_reference(
    edgebench: Edgebench, own_onnx: Path, photos: Path, tmp_path: Path
) -> None:
    command = ("run", "--model", own_onnx, "--data", photos, "--preprocess", HOW, "--compress", "int8-static,bf16",
               "--runtime", "onnxruntime-cpu", *SMOKE)  # fmt: skip
    done = edgebench(*command, "--out", "run")
    assert done.returncode == EXIT_OK, done.stderr
    assert done.stderr.count("building ") == 3
    records = {record.case.compression: record for record in RunFolder(tmp_path / "run").records()}
    assert set(records) == {"fp32", "int8-static", "bf16"}
    for name, record in records.items():
        assert record.case.weights == "user"
        assert record.value("n_images") == 80
        assert (record.value("top1") or 0) > 0.8
        assert record.artifact
        assert record.artifact.recipe["split"]["calibration_images"] == 20
        assert name == "fp32" or (record.value("sqnr_db") or 0) > 15
    assert records["int8-static"].artifact.recipe["calibration_images"] == 20
    again = edgebench(*command, "--json", "-k", "bf16")
    assert "building" not in again.stderr
    assert [row["compression"] for row in json.loads(again.stdout)] == ["bf16"]


def test_a_setting_that_no_runtime_ran_is_a_failure_when_it_was_named(
    edgebench: Edgebench, own_onnx: Path, tmp_path: Path
) -> None:
    arguments = ("run", "--model", own_onnx, "--runtime", "onnxruntime-cpu", *SMOKE)
    done = edgebench(*arguments, "--compress", "int8-static", "--out", "run")
    assert done.returncode == EXIT_SOME_FAILED, done.stderr
    _, refused = sorted(RunFolder(tmp_path / "run").records(), key=lambda record: len(record.case.compression))
    assert refused.verdict.reason == "int8-static needs images for calibration: give some with --data DIR"
    alone = edgebench(*arguments, "--compress", "int8-static", "-k", "int8", "--out", "alone")
    assert alone.returncode == EXIT_NOTHING_MEASURED


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--compress", "all"), "--compress needs a model of your own"),
        (("--model", "{artifacts}/fp32.tflite", "--compress", "all"), "starts from a float .onnx"),
        (("--model", "{artifacts}/int8-static.onnx", "--compress", "all"), "is quantized already"),
        (("--model", "{artifacts}/fp32.onnx", "--compress", "int8-statik"), "did you mean 'int8-static'"),
        (("--model", "{artifacts}/fp32.onnx", "--compress", "distilled"), "distilled needs training"),
        (("--model", "{artifacts}/fp32.onnx", "--compress", "all", "--data", "pets"), "10 outputs, the data set 2"),
        (("--model", "{artifacts}/fp32.onnx", "--compress", "all", "--data", "empty"), "no images below"),
        (("--model", "warp.onnx", "--compress", "all"), "my.company::Warp"),
        (("--model", "dynamic.onnx", "--compress", "all"), "--shape x=1x3x224x224"),
    ],
)
def test_bad_input_is_one_clear_message(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    plain(tmp_path / "pets", {"cat": 2, "dog": 2})
    plain(tmp_path / "empty", {"cat": 0})
    (tmp_path / "warp.onnx").write_bytes(model("Warp", {"x": (FLOAT, [1, 3])}, (FLOAT, [1, 3]), domain="my.company"))
    shape = (FLOAT, ["n", 3, "h", "w"])
    (tmp_path / "dynamic.onnx").write_bytes(model("Relu", {"x": shape}, shape))
    assert main(["run", *(text.format(artifacts=ARTIFACTS / EMBEDDED) for text in arguments)]) == EXIT_USAGE
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


@pytest.mark.prepare
def test_all_settings_run_wherever_they_can_be_made(
    edgebench: Edgebench, own_onnx: Path, photos: Path, tmp_path: Path
) -> None:
    done = edgebench("run", "--model", own_onnx, "--data", photos, "--preprocess", HOW, "--compress", "all", *SMOKE,
                     "--runtime", "onnxruntime-cpu", "--runtime", "litert-xnnpack", "--out", "run")  # fmt: skip
    assert done.returncode == EXIT_OK, done.stderr
    for record in RunFolder(tmp_path / "run").records():
        setting, scored = record.case.compression, record.value("top1") is not None
        if record.case.runtime == "onnxruntime-cpu":
            assert scored, record.verdict
        elif not scored:
            assert "onnx2tf" in record.verdict.reason or f"{setting} does not support .tflite" in record.verdict.reason
    if find_spec("onnx2tf") and sys.version_info >= (3, 12):
        assert sum(record.value("top1") is not None for record in RunFolder(tmp_path / "run").records()) > 15
