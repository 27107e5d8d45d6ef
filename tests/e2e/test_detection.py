"""Detectors of the user from the file to the record: what is right has an mAP of 1, what is planted costs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import DataError, UsageError
from harness.core.record import Record
from harness.runs.config import RunConfig
from harness.runs.plan import plan
from harness.runs.session import RunSession
from tests import detectors

RUNTIME = "onnxruntime-cpu"


def measured(tmp_path: Path, *models: Path, data: Path, **config: Any) -> dict[str, Record]:
    """Run detectors in the profile 'smoke'; return their records by model."""
    whole = RunConfig(
        models=[str(model) for model in models], data=str(data), task="detection", runtimes=[RUNTIME], profile="smoke",
        out=str(tmp_path / "run"), **{"preprocess": "yolo", **config},
    )  # fmt: skip
    with RunSession(whole, plan(whole)) as session:
        return {event.case.model: event for event in session.run() if isinstance(event, Record)}


@pytest.mark.parametrize("stored", [detectors.coco, detectors.yolo, detectors.voc])
def test_a_detector_that_is_right_has_an_map_of_one_in_every_format(tmp_path: Path, stored: Any) -> None:
    net, data = detectors.detector(tmp_path / "net.onnx"), stored(tmp_path / "data")
    record = measured(tmp_path, net, data=data)["net"]
    quality = record.quantity("quality")
    assert (quality.value, quality.lo, quality.hi, quality.n) == (1.0, 1.0, 1.0, 12)
    assert (record.quality_kind.metric, record.task) == ("map", "detection")
    assert record.details["accuracy"]["by_class"] == {"red": 1.0, "blue": 1.0}
    assert record.details["accuracy"]["figures"]["AP_small"] == 1.0
    assert record.missing("top1") == "not a figure of object detection: see quality"


@pytest.mark.parametrize(
    ("planted", "config", "most"),
    [
        ({"swapped": True}, {}, 0.0),
        ({"shift": 4.0}, {}, 0.05),
        ({}, {"preprocess": "yolo,order=bgr"}, 0.0),
        ({}, {"preprocess": "unit,stretch=1"}, 0.2),
        ({}, {"preprocess": "unit"}, 0.7),
    ],
)
def test_a_planted_error_costs_precision(
    tmp_path: Path, planted: dict[str, Any], config: dict[str, str], most: float
) -> None:
    net = detectors.detector(tmp_path / "net.onnx", **planted)
    record = measured(tmp_path, net, data=detectors.coco(tmp_path / "data"), **config)["net"]
    assert (record.value("quality") or 0.0) <= most


def test_a_broken_detector_is_compared_with_its_float_model_and_is_a_wrong_output(tmp_path: Path) -> None:
    net, broken = detectors.detector(tmp_path / "net.onnx"), detectors.detector(tmp_path / "broken.onnx", swapped=True)
    records = measured(tmp_path, net, broken, data=detectors.coco(tmp_path / "data", 30), reference=str(net))
    difference = records["broken"].quantity("quality_difference")
    assert (difference.value, difference.hi) == (-1.0, -1.0)
    assert records["broken"].value("quality_p") == pytest.approx(0.002, abs=0.002)
    assert records["broken"].value("agreement") == 0.0
    assert records["broken"].verdict.status == "wrong-output"


def test_a_pass_ends_early_once_a_detector_is_decided(tmp_path: Path) -> None:
    net, same = detectors.detector(tmp_path / "net.onnx"), detectors.detector(tmp_path / "same.onnx")
    same.write_bytes(same.read_bytes().replace(b"output0", b"outputs"))
    data = detectors.coco(tmp_path / "data", 220)
    records = measured(tmp_path, net, same, data=data, reference=str(net), accuracy_margin=0.02)
    assert records["same"].value("n_samples") == 110
    assert "within 2 points of fp32" in (records["same"].accuracy_note or "")


def test_bad_data_and_bad_choices_are_named(tmp_path: Path) -> None:
    net, data = detectors.detector(tmp_path / "net.onnx"), detectors.coco(tmp_path / "data")
    content = json.loads(data.read_text())
    for change, error in (
        ({"annotations": []}, "none of 12 images has a box: nothing can be scored"),
        (
            {"categories": [*content["categories"], {"id": 3, "name": "green"}]},
            "the model has 2 classes, the data set 3",
        ),
        ({"images": [{"id": 0, "file_name": "gone.png"}], "annotations": []}, "its image gone.png is not there"),
        ({"annotations": [{"image_id": 0}]}, "is no COCO annotation file"),
    ):
        data.write_text(json.dumps({**content, **change}))
        with pytest.raises(DataError, match=error):
            measured(tmp_path, net, data=data)
    data.write_text(json.dumps(content))
    with pytest.raises(UsageError, match="not those of --decode tflite"):
        measured(tmp_path, net, data=data, decode="tflite")
    with pytest.raises(UsageError, match="a detector is read from all outputs"):
        measured(tmp_path, net, data=data, output="output0")
    with pytest.raises(DataError, match="no such data set"):
        measured(tmp_path, net, data=tmp_path / "none.json")


def test_crowds_are_not_missed(tmp_path: Path) -> None:
    net, data = detectors.detector(tmp_path / "net.onnx"), detectors.coco(tmp_path / "data")
    content = json.loads(data.read_text())
    crowd = {"id": 999, "image_id": 0, "category_id": 1, "bbox": [0, 0, 128, 64], "area": 8192, "iscrowd": 1}
    data.write_text(json.dumps({**content, "annotations": [*content["annotations"], crowd]}))
    assert measured(tmp_path, net, data=data)["net"].value("quality") == 1.0


def test_whole_frames_are_timed_apart_from_the_net(tmp_path: Path) -> None:
    net, data = detectors.detector(tmp_path / "net.onnx"), detectors.coco(tmp_path / "data")
    record = measured(tmp_path, net, data=data, pipeline=True)["net"]
    stages = [record.value(name) for name in ("pre_p50_ns", "pipeline_infer_p50_ns", "post_p50_ns")]
    whole = record.value("pipeline_p50_ns")
    assert None not in (*stages, whole)
    assert all(0 < stage < whole for stage in stages)
    assert record.value("latency_p50_ns") is not None
    assert record.details["pipeline"]["samples"] == 12
    assert record.details["pipeline"]["frames"] == 5


def test_a_detector_is_compressed_with_a_part_of_its_images_and_scored_on_the_others(tmp_path: Path) -> None:
    net, data = detectors.detector(tmp_path / "net.onnx"), detectors.coco(tmp_path / "data", 20)
    whole = RunConfig(
        models=[str(net)], data=str(data), task="detection", runtimes=[RUNTIME], profile="smoke", preprocess="yolo",
        compress="int8-static", out=str(tmp_path / "run"),
    )  # fmt: skip
    with RunSession(whole, plan(whole)) as session:
        records = {event.case.compression: event for event in session.run() if isinstance(event, Record)}
    assert set(records) == {"fp32", "int8-static"}
    assert records["fp32"].value("quality") == 1.0
    assert records["int8-static"].value("n_samples") == records["fp32"].value("n_samples") == 16
    assert records["int8-static"].value("quality_difference") is not None
    assert records["int8-static"].artifact.recipe["split"]["calibration_images"] == 4
