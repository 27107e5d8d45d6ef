"""Every convention of a detector's outputs gives the boxes that are known to be in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from harness.core.artifact import Preprocess, ScoredOutput
from harness.core.errors import DataError, UnknownName, UsageError
from harness.core.task import Interface, PerSample, Predictions, Wanted, load_task
from harness.datasets.boxes.box_set import BoxSet, ImageBoxes
from harness.datasets.placement import placement
from harness.datasets.preprocessing import preprocess
from harness.runtimes.base import SessionError
from suites.tasks.detection import Detection, class_places
from suites.tasks.detection.boxes import VARIANCES, ssd_anchors
from suites.tasks.detection.conventions import CONVENTIONS, recognize

TASK = load_task("suites.tasks.detection:detection")
SIDE = 64
STRETCHED = Preprocess(resize=SIDE, crop=SIDE, stretch=True)
IMAGE = np.zeros((32, 128, 3), np.uint8)
"""Twice as wide as the input, half as high."""

KNOWN = np.array([[16.0, 8.0, 64.0, 16.0, 0.9, 2], [96.0, 0.0, 16.0, 8.0, 0.5, 0]])
"""Left, top, width, height in pixels of the image, score and class."""

IN_INPUT = KNOWN[:, :4] * (0.5, 2, 0.5, 2)
CENTERS = np.column_stack([IN_INPUT[:, :2] + IN_INPUT[:, 2:] / 2, IN_INPUT[:, 2:]])
CORNERS = np.column_stack([IN_INPUT[:, :2], IN_INPUT[:, :2] + IN_INPUT[:, 2:]])
YXYX = CORNERS[:, [1, 0, 3, 2]] / SIDE
CLASSES = 3


def scores(rows: int) -> np.ndarray:
    """Score of each class for `rows` boxes; those behind the known ones have none."""
    found = np.zeros((rows, CLASSES))
    found[[0, 1], KNOWN[:, 5].astype(int)] = KNOWN[:, 4]
    return found


def padded(boxes: np.ndarray, rows: int) -> np.ndarray:
    return np.concatenate([boxes, np.full((rows - len(boxes), boxes.shape[1]), 10.0)])


def yolo() -> Mapping[str, np.ndarray]:
    return {"output0": np.column_stack([padded(CENTERS, 40), scores(40)]).T[None].astype(np.float32)}


def yolo_transposed() -> Mapping[str, np.ndarray]:
    return {"output0": yolo()["output0"].transpose(0, 2, 1)}


def yolov5() -> Mapping[str, np.ndarray]:
    sure = np.full((40, 1), 0.5)
    return {"output": np.column_stack([padded(CENTERS, 40), sure, scores(40) * 2])[None].astype(np.float32)}


def end_to_end() -> Mapping[str, np.ndarray]:
    rows = np.zeros((20, 6), np.float32)
    rows[:2] = np.column_stack([CORNERS, KNOWN[:, 4:]])
    return {"output0": rows[None]}


def tflite(order: str = "bcsn") -> Mapping[str, np.ndarray]:
    parts = {
        "b": padded(YXYX, 10)[None].astype(np.float32),
        "c": padded(KNOWN[:, 5:], 10)[None, :, 0].astype(np.float32),
        "s": padded(KNOWN[:, 4:5], 10)[None, :, 0].astype(np.float32),
        "n": np.array([2], np.float32),
    }
    return {f"StatefulPartitionedCall:{place}": parts[name] for place, name in enumerate(order)}


def onnx_nms() -> Mapping[str, np.ndarray]:
    chosen = np.array([[0, 2, 0], [0, 0, 1]], np.int64)
    return {
        "boxes": padded(YXYX, 12)[None].astype(np.float32),
        "scores": scores(12).T[None].astype(np.float32),
        "selected": chosen,
    }


def ssd(anchors: np.ndarray, background: bool = True) -> Mapping[str, np.ndarray]:
    """Raw heads whose first two anchors are moved onto the known boxes."""
    centers, first = CENTERS[:, [1, 0, 3, 2]] / SIDE, anchors[:2]
    offsets = np.zeros((len(anchors), 4))
    offsets[:2, :2] = (centers[:, :2] - first[:, :2]) / first[:, 2:]
    offsets[:2, 2:] = np.log(centers[:, 2:] / first[:, 2:])
    offsets *= VARIANCES
    probability = np.clip(scores(len(anchors)), 1e-6, 1)
    logits = np.log(probability / (1 - probability))
    logits = np.column_stack([np.full(len(anchors), -9.0), logits]) if background else logits
    return {"raw_boxes": offsets[None].astype(np.float32), "logits": logits[None].astype(np.float32)}


def dataset(classes: int = CLASSES, ids: tuple[int, ...] = ()) -> BoxSet:
    objects = np.array([[0.0, 0, 5, 5, 0, 0, 25]])
    return BoxSet([ImageBoxes(Path("a.png"), objects)], tuple(f"class{one}" for one in range(classes)), ids)


def interface(outputs: Mapping[str, np.ndarray], decode: str = "", classes: int = CLASSES) -> Interface:
    shapes = {name: array.shape for name, array in outputs.items()}
    return TASK.interface(STRETCHED, shapes, Wanted(dataset(classes), decode=decode))


def boxes_of(outputs: Mapping[str, np.ndarray], decode: str = "") -> np.ndarray:
    (found,) = TASK.decode(outputs, [IMAGE], interface(outputs, decode))
    return found[np.argsort(-found[:, 4])]


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("yolo", yolo()),
        ("yolo", yolo_transposed()),
        ("yolov5", yolov5()),
        ("end-to-end", end_to_end()),
        ("tflite", tflite()),
        ("tflite", tflite("nscb")),
        ("onnx-nms", onnx_nms()),
        ("ssd:background", ssd(ssd_anchors(SIDE, SIDE))),
    ],
)
def test_each_convention_is_recognised_and_gives_the_known_boxes(name: str, outputs: Mapping[str, np.ndarray]) -> None:
    assert interface(outputs).decode == name
    np.testing.assert_allclose(boxes_of(outputs), KNOWN, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(boxes_of(outputs, name), KNOWN, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("background", [True, False])
def test_raw_heads_take_the_models_own_anchors_with_or_without_a_background(tmp_path: Path, background: bool) -> None:
    anchors = np.random.default_rng(0).uniform(0.1, 0.9, (30, 4))
    np.save(tmp_path / "anchors.npy", anchors)
    outputs = ssd(anchors, background)
    np.testing.assert_allclose(boxes_of(outputs, f"ssd:{tmp_path / 'anchors.npy'}"), KNOWN, rtol=1e-4, atol=1e-3)
    with pytest.raises(SessionError, match="30 anchors, TensorFlow for this input"):
        boxes_of(outputs, "ssd")
    with pytest.raises(DataError, match=r"none\.npy is no file of anchors"):
        boxes_of(outputs, "ssd:none.npy")


def test_a_shipped_model_says_its_convention_alone() -> None:
    """Its classes are not known before its boxes are read."""
    (found,) = TASK.decode(yolov5(), [IMAGE], Interface(STRETCHED, decode="yolov5"))
    np.testing.assert_allclose(found[np.argsort(-found[:, 4])], KNOWN, rtol=1e-4, atol=1e-3)


def test_the_anchors_of_ssd_mobilenet_are_1917() -> None:
    anchors = ssd_anchors(300, 300)
    assert anchors.shape == (1917, 4)
    np.testing.assert_allclose(anchors[0], [0.5 / 19, 0.5 / 19, 0.1, 0.1])
    np.testing.assert_allclose(anchors[-1], [0.5, 0.5, np.sqrt(0.95), np.sqrt(0.95)])


def test_duplicates_of_a_box_are_left_out_and_those_of_another_class_stay() -> None:
    table = np.zeros((1, 4 + CLASSES, 30), np.float32)
    table[0, :4, :3] = [[20, 20.5, 20], [20, 20, 20], [10, 10, 10], [10, 10, 10]]
    table[0, 4, :2], table[0, 5, 2] = (0.9, 0.8), 0.7
    found = boxes_of({"o": table})
    assert found[:, 4:].round(2).tolist() == [[0.9, 0.0], [0.7, 1.0]]


def test_outputs_that_may_be_two_things_ask_and_those_that_are_none_are_named() -> None:
    two = {"o": np.zeros((1, 300, 6), np.float32)}
    with pytest.raises(UsageError, match="several ways") as asked:
        interface(two, classes=2)
    assert asked.value.remedy == "say which: --decode yolo or end-to-end"
    assert interface(two, "end-to-end", classes=2).decode == "end-to-end"
    assert recognize({"o": (1, 300, 6)}, 80).name == "end-to-end"
    with pytest.raises(UsageError, match=r"no detector that is known: probabilities 1x10"):
        interface({"probabilities": np.zeros((1, 10))})
    with pytest.raises(UnknownName, match="yolo"):
        interface(yolo(), "yollo")
    with pytest.raises(UsageError, match="not those of --decode tflite: output0 1x7x40"):
        interface(yolo(), "tflite")


def test_another_number_of_classes_is_refused_with_both_numbers() -> None:
    with pytest.raises(DataError, match="the model has 80 classes, the data set 3: class0, class1, class2"):
        interface({"output0": np.zeros((1, 84, 8400), np.float32)})
    with pytest.raises(DataError, match="the model has 5 classes, the data set 3"):
        interface({"b": np.zeros((1, 9, 4), np.float32), "s": np.zeros((1, 9, 6), np.float32)})


def test_classes_are_found_by_name_by_order_or_by_their_numbers_with_gaps() -> None:
    assert class_places(3, dataset()) == (0, 1, 2)
    assert class_places(4, dataset(), ("class2", "x", "class0", "class1")) == (2, 3, 0)
    assert class_places(90, dataset(3, (1, 2, 90))) == (0, 1, 89)


@pytest.mark.parametrize("how", [
    STRETCHED,
    Preprocess(resize=SIDE, crop=SIDE, letterbox=114),
    Preprocess(resize=SIDE, crop=SIDE),
    Preprocess(resize=SIDE, crop=SIDE - 8, pad=4, letterbox=0),
])  # fmt: skip
def test_a_box_comes_back_to_where_it_is_in_the_image_whatever_the_preprocessing(how: Preprocess) -> None:
    """A white square in the image is found in the input, and its place there goes back to the image."""
    image = np.zeros((200, 100, 3), np.uint8)
    image[80:120, 40:80] = 255
    there = preprocess(image, how).transpose(1, 2, 0)[:, :, 0] > 0.75
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    where = placement(how, image.shape)
    assert where.size == there.shape[::-1]
    left, right = ((x - where.offset[0]) / where.scale[0] for x in (columns[0], columns[-1] + 1))
    top, bottom = ((y - where.offset[1]) / where.scale[1] for y in (rows[0], rows[-1] + 1))
    np.testing.assert_allclose([left, top, right, bottom], [40, 80, 80, 120], atol=4)


def test_every_convention_is_tested_here() -> None:
    assert isinstance(TASK, Detection)
    assert set(CONVENTIONS) == {"yolo", "yolov5", "end-to-end", "tflite", "onnx-nms", "ssd"}


def test_a_box_of_a_class_that_the_data_set_has_not_is_none_of_its_classes() -> None:
    """Of a model with four classes three are in the data set, by their names."""
    rows = np.column_stack([KNOWN[:, :5], [3, 1]])
    predictions = Predictions(PerSample.of([rows]), PerSample.of([np.empty((0, 7))]), np.array([0]))
    how = Interface(STRETCHED, ScoredOutput("", 4, (2, 3, 0)))
    fitted, _ = TASK.fit(predictions, TASK.facts(dataset()), how)
    assert fitted.predicted.values[:, 5].tolist() == [1, -1]


def test_without_a_number_of_classes_the_highest_one_decides() -> None:
    """COCO's 80 classes are numbered up to 90, in the outputs of TensorFlow's models too."""
    ids = (*range(1, 80), 90)
    coco = {"classes": [str(one) for one in ids], "class_ids": list(ids)}
    rows = np.column_stack([np.repeat(KNOWN[:1, :5], 2, axis=0), [89, 4]])
    predictions = Predictions(PerSample.of([rows]), PerSample.of([np.empty((0, 7))]), np.array([0]))
    fitted, _ = TASK.fit(predictions, coco, Interface(STRETCHED, decode="tflite"))
    assert fitted.predicted.values[:, 5].tolist() == [79, 4]
    with pytest.raises(DataError, match="boxes of class 89, the data set has 3 classes"):
        TASK.fit(predictions, TASK.facts(dataset()), Interface(STRETCHED, decode="tflite"))
