"""Average precision: equal to pycocotools on random sets of boxes, and on a few where it is known."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence

import numpy as np
import pytest

from harness.stats.average_precision import AREAS, AveragePrecision, iou, match_image

CLASSES = 3


def average_precision(images: Sequence[tuple[np.ndarray, np.ndarray]], area: str = "all") -> AveragePrecision:
    outcomes = [match_image(detections, objects) for detections, objects in images]
    places = np.repeat(np.arange(len(outcomes)), [len(each) for each in outcomes])
    return AveragePrecision(np.concatenate(outcomes), places, len(outcomes), area)


def drawn(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """A few images with objects of all sizes, some crowds, and detections near them or anywhere."""
    images = []
    for _ in range(int(rng.integers(1, 5))):
        n = int(rng.integers(0, 7))
        side = rng.choice([10.0, 30.0, 60.0, 150.0], n) * rng.uniform(0.7, 1.4, n)
        boxes = np.column_stack([rng.uniform(0, 300, (n, 2)), side, side * rng.uniform(0.5, 2, n)])
        classes = rng.integers(0, CLASSES, n)
        area = boxes[:, 2] * boxes[:, 3] * rng.uniform(0.5, 1, n)
        objects = np.column_stack([boxes, classes, rng.random(n) < 0.15, area])
        near = boxes[rng.integers(0, n, int(rng.integers(0, 10)))] if n else np.empty((0, 4))
        near = near * rng.uniform(0.85, 1.15, near.shape)
        anywhere = rng.uniform(1, 200, (int(rng.integers(0, 6)), 4))
        found = np.concatenate([near, anywhere])
        scores = np.round(rng.random(len(found)), int(rng.integers(1, 6)))  # with ties
        images.append((np.column_stack([found, scores, rng.integers(0, CLASSES, len(found))]), objects))
    return images


def of_pycocotools(images: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[float]:
    """mAP, AP50, AP75, and mAP of small, medium and large objects; -1 where there is none."""
    coco, cocoeval = (pytest.importorskip(f"pycocotools.{name}") for name in ("coco", "cocoeval"))
    annotations, found = [], []
    for image, (detections, objects) in enumerate(images):
        for *box, one, crowd, area in objects.tolist():
            annotations.append({"id": len(annotations) + 1, "image_id": image, "category_id": int(one), "bbox": box,
                                "area": area, "iscrowd": int(crowd)})  # fmt: skip
        for *box, score, one in detections.tolist():
            found.append({"image_id": image, "category_id": int(one), "bbox": box, "score": score})
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = {"info": {}, "images": [{"id": i} for i in range(len(images))], "annotations": annotations,
                         "categories": [{"id": one} for one in range(CLASSES)]}  # fmt: skip
        truth.createIndex()
        evaluation = cocoeval.COCOeval(truth, truth.loadRes(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(value) for value in evaluation.stats[:6]]


def test_it_is_that_of_pycocotools_on_a_thousand_random_sets() -> None:
    rng, compared = np.random.default_rng(11), 0
    while compared < 1000:
        images = drawn(rng)
        if not any(len(detections) for detections, _ in images):  # loadRes refuses none
            continue
        expected = of_pycocotools(images)
        whole = average_precision(images)
        ours = [whole.mean(), whole.mean(threshold=0), whole.mean(threshold=5)]
        ours += [average_precision(images, area).mean() for area in list(AREAS)[1:]]
        np.testing.assert_allclose(np.nan_to_num(ours, nan=-1.0), expected, atol=5e-6)
        compared += 1


def test_an_image_that_counts_twice_is_two_images() -> None:
    rng = np.random.default_rng(3)
    images = [one for _ in range(6) for one in drawn(rng)]
    weights = rng.integers(0, 3, len(images))
    repeated = [image for image, often in zip(images, weights, strict=True) for _ in range(often)]
    # a tie of scores between images is broken by their order, which repetition changes
    for detections, _ in images:
        detections[:, 4] = rng.random(len(detections))
    whole = average_precision(images)
    assert whole.mean(weights.astype(float)) == pytest.approx(average_precision(repeated).mean(), abs=1e-12)


def test_a_perfect_detector_has_one_and_a_blind_one_zero() -> None:
    objects = np.array([[10, 10, 40, 40, 0, 0, 1600], [100, 50, 30, 60, 1, 0, 1800]], float)
    perfect = np.column_stack([objects[:, :4], [0.9, 0.8], objects[:, 4]])
    assert average_precision([(perfect, objects)]).mean() == 1.0
    assert average_precision([(np.empty((0, 6)), objects)]).mean() == 0.0
    assert np.isnan(average_precision([(perfect, np.empty((0, 7)))]).mean())


def test_a_box_within_a_crowd_neither_counts_nor_costs() -> None:
    objects = np.array([[0, 0, 200, 200, 0, 1, 40000], [300, 300, 50, 50, 0, 0, 2500]], float)
    found = np.array([[20, 20, 30, 30, 0.95, 0], [60, 60, 30, 30, 0.9, 0], [300, 300, 50, 50, 0.5, 0]], float)
    assert average_precision([(found, objects)]).mean() == 1.0
    assert iou(found[:1, :4], objects[:1, :4], np.array([True]))[0, 0] == 1.0
    assert iou(found[:1, :4], objects[:1, :4])[0, 0] == pytest.approx(900 / 40000)
