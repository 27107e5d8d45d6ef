"""The shipped models match their manifest."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

import suites
from harness.core.artifact import Preprocess, sha256_of
from suites.models.base import ModelVariant

FOLDER = Path(suites.__file__).parent / "artifacts"
ENTRIES: list[dict[str, Any]] = json.loads((FOLDER / "manifest.json").read_text())["artifacts"]
TAUGHT = [entry for entry in ENTRIES if "teacher" in entry.get("tuning", {})]
MODELS = ("efficientnet_lite0-0.3-32", "mobilenet_v2-0.35-32", "shufflenet_v2-0.5-32")
SETTINGS = (
    *("fp32", "fp16", "int8-dynamic", "int8-static", "int8-static-per-tensor", "int8-qat"),
    *("channel-pruned-50", "pruned-80", "distilled", "channel-pruned-50+distilled+int8-static"),
)


def score(model: str, compression: str, kind: str) -> float:
    (entry,) = (e for e in ENTRIES if (e["model"], e["compression"], e["format"]) == (model, compression, kind))
    return float(entry["top1_reference"]["top1"])


def test_every_net_is_there_under_every_setting_in_both_formats() -> None:
    found = {(entry["model"], entry["compression"], entry["format"]) for entry in ENTRIES}
    assert found >= set(itertools.product(MODELS, SETTINGS, ("onnx", "tflite")))
    assert len(found) == len(ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: str(entry["file"]))
def test_an_entry_fits_its_file(entry: dict[str, Any]) -> None:
    file, variant = FOLDER / entry["file"], ModelVariant.parse(entry["model"])
    assert (sha256_of(file), file.stat().st_size) == (entry["sha256"], entry["bytes"])
    shape = variant.input_shape if entry["input_layout"] == "NCHW" else (*variant.input_shape[1:], variant.channels)
    assert entry["input_shape"] == [1, *shape]
    assert Preprocess(**entry["preprocess"]).layout == entry["input_layout"]
    assert entry["weights"] == "trained"
    assert (FOLDER / entry["training"]["log"]).is_file()


@pytest.mark.parametrize("entry", TAUGHT, ids=lambda entry: str(entry["file"]))
def test_the_log_of_a_teacher_lies_beside_its_pupil(entry: dict[str, Any]) -> None:
    teacher = entry["tuning"]["teacher"]["model"]
    header, *_ = (FOLDER / entry["model"] / f"{teacher}.jsonl").read_text().splitlines()
    assert json.loads(header)["model"] == teacher


def test_no_file_lies_there_unlisted() -> None:
    listed = {entry["file"] for entry in ENTRIES}
    present = {file.relative_to(FOLDER).as_posix() for kind in ("onnx", "tflite") for file in FOLDER.rglob(f"*.{kind}")}
    assert present == listed


def test_all_files_together_stay_small() -> None:
    assert sum(entry["bytes"] for entry in ENTRIES) <= 60e6


@pytest.mark.parametrize("kind", ["onnx", "tflite"])
@pytest.mark.parametrize("model", MODELS)
def test_accuracies_are_those_of_trained_nets(model: str, kind: str) -> None:
    assert score(model, "fp32", kind) >= 0.90
    assert abs(score(model, "fp32", kind) - score(model, "fp16", kind)) <= 0.005
    assert abs(score(model, "fp32", kind) - score(model, "int8-static", kind)) <= 0.015


@pytest.mark.parametrize("model", MODELS)
def test_the_log_ends_with_the_accuracy_of_the_shipped_net(model: str) -> None:
    *_, last = map(json.loads, (FOLDER / model / "training.jsonl").read_text().splitlines())
    assert score(model, "fp32", "onnx") == pytest.approx(last["test_top1"], abs=0.0005)
