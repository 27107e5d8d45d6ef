"""Models that are unusual and right: figures for each, or a refusal that says what to do; never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import EXIT_OK
from harness.core.quantity import Missing
from harness.core.record import Record
from harness.store.runfolder import RunFolder
from tests.e2e.conftest import Edgebench, Finished

SMOKE = ("--profile", "smoke", "--no-report", "--out", "run")


def records(folder: Path) -> dict[str, Record]:
    """The records of the run in `folder`, by model and runtime."""
    return {f"{record.case.model}|{record.case.runtime}": record for record in RunFolder(folder / "run").records()}


def checked(done: Finished, code: int = EXIT_OK) -> Finished:
    """The finished command, with that exit code and without a traceback."""
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "unexpected" not in done.stderr
    return done


@pytest.mark.parametrize("threshold", [0.5, 2.0], ids=["changing", "empty"])
def test_detections_of_any_number_are_measured_and_agree_between_runtimes(
    edgebench: Edgebench, tmp_path: Path, threshold: float
) -> None:
    from tests.onnx_models import detector

    model = detector(tmp_path / "nms.onnx", threshold)
    both = ("--runtime", "onnxruntime-cpu", "--runtime", "openvino-cpu")
    done = checked(edgebench("run", "--model", model, *both, *SMOKE))
    found = records(tmp_path)
    assert all(record.trusts("top1") for record in found.values())
    assert found["nms|onnxruntime-cpu"].runtime_info["outputs"].startswith("not bound: the shape of output 'selected'")
    assert "outputs of nms as-is onnxruntime-cpu t1: outputs are not bound" in done.stdout


def test_a_classifier_of_sklearn_is_measured(edgebench: Edgebench, tmp_path: Path) -> None:
    from tests.onnx_models import classifier

    models = [classifier(tmp_path / "zipmap.onnx"), classifier(tmp_path / "names.onnx", ("a", "b", "c"), zipped=False)]
    chosen = [part for model in models for part in ("--model", model)]
    checked(edgebench("run", *chosen, "--runtime", "onnxruntime-cpu", *SMOKE))
    found = records(tmp_path)
    assert found["zipmap|onnxruntime-cpu"].details["outputs"] == {"label": [1], "probabilities": [1, 3]}
    assert found["names|onnxruntime-cpu"].details["outputs"] == {"label": [1], "scores": [1, 3]}
    assert all(record.value("latency_p50_ns") for record in found.values())
    assert isinstance(found["names|onnxruntime-cpu"].metrics["fidelity_sqnr_db"], Missing)
