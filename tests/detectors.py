"""A detector that is right by construction, and images for it: red and blue squares on grey, in cells of the input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from tests.onnx_models import T, helper, save, tensor

SIDE, CELL = 64, 8
"""Of the detector's input: pixels of a side, and of a cell, each of which may hold one square."""

CELLS = SIDE // CELL
WIDE, HIGH = 2 * SIDE, SIDE
"""Pixels of an image: within the input it lies between two bars."""

COLOURS = {"red": (255, 0, 0), "blue": (0, 0, 255)}


def detector(path: Path, swapped: bool = False, shift: float = 0.0) -> Path:
    """A YOLO net of two classes: the score of a cell is how red or how blue it is.

    `swapped` has the classes in the wrong order, `shift` its boxes so many pixels aside.
    """
    weights = np.array([[1, -1, -1], [-1, -1, 1]], np.float32)
    weights = (weights[::-1] if swapped else weights).reshape(2, 3, 1, 1)
    y, x = np.mgrid[0:CELLS, 0:CELLS] * CELL + CELL / 2
    boxes = np.stack([x + shift, y, np.full_like(x, CELL), np.full_like(x, CELL)]).reshape(1, 4, -1)
    nodes = [
        helper.make_node("AveragePool", ["images"], ["pooled"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        helper.make_node("Conv", ["pooled", "weights"], ["colours"]),
        helper.make_node("Relu", ["colours"], ["scores"]),
        helper.make_node("Reshape", ["scores", "shape"], ["rows"]),
        helper.make_node("Concat", ["boxes", "rows"], ["output0"], axis=1),
    ]
    constants = {
        "weights": np.ascontiguousarray(weights),
        "shape": np.array([1, 2, CELLS**2], np.int64),
        "boxes": boxes.astype(np.float32),
    }
    inputs = [tensor("images", T.FLOAT, (1, 3, SIDE, SIDE))]
    return save(path, nodes, inputs, [tensor("output0", T.FLOAT, (1, 6, CELLS**2))], constants)


def scenes(count: int = 12, seed: int = 0) -> list[tuple[np.ndarray, list[tuple[str, int, int, int, int]]]]:
    """Images with their squares: colour, left, top, width, height; a cell of the input is two pixels of a cell wide."""
    rng, found, size = np.random.default_rng(seed), [], 2 * CELL
    for _ in range(count):
        image = np.full((HIGH, WIDE, 3), 128, np.uint8)
        cells = rng.choice((WIDE // size) * (HIGH // size), int(rng.integers(1, 5)), replace=False)
        squares = []
        for place, colour in zip(cells, rng.choice(list(COLOURS), len(cells)), strict=True):
            left, top = int(place % (WIDE // size)) * size, int(place // (WIDE // size)) * size
            image[top : top + size, left : left + size] = COLOURS[str(colour)]
            squares.append((str(colour), left, top, size, size))
        found.append((image, squares))
    return found


def coco(folder: Path, count: int = 12) -> Path:
    """The scenes with a COCO .json, whose path is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for number, (image, squares) in enumerate(scenes(count)):
        Image.fromarray(image).save(folder / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": WIDE, "height": HIGH})
        for colour, *box in squares:
            annotations.append(
                {"id": len(annotations) + 1, "image_id": number, "category_id": list(COLOURS).index(colour) + 1,
                 "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            )  # fmt: skip
    categories = [{"id": place, "name": name} for place, name in enumerate(COLOURS, 1)]
    file = folder / "boxes.json"
    file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return file


def yolo(folder: Path, count: int = 12) -> Path:
    """The scenes as a YOLO folder with its data.yaml."""
    for part in ("images/val", "labels/val"):
        (folder / part).mkdir(parents=True)
    for number, (image, squares) in enumerate(scenes(count)):
        Image.fromarray(image).save(folder / "images/val" / f"{number}.png")
        lines = [
            f"{list(COLOURS).index(colour)} {(left + w / 2) / WIDE} {(top + h / 2) / HIGH} {w / WIDE} {h / HIGH}"
            for colour, left, top, w, h in squares
        ]
        (folder / "labels/val" / f"{number}.txt").write_text("\n".join(lines) + "\n")
    (folder / "data.yaml").write_text("path: .\ntrain: images/train\nval: images/val\nnames:\n  0: red\n  1: blue\n")
    return folder


def voc(folder: Path, count: int = 12) -> Path:
    """The scenes as a Pascal VOC folder; the classes by the list labels.txt."""
    for part in ("Annotations", "JPEGImages"):
        (folder / part).mkdir(parents=True)
    for number, (image, squares) in enumerate(scenes(count)):
        Image.fromarray(image).save(folder / "JPEGImages" / f"{number}.png")
        objects = "".join(
            f"<object><name>{colour}</name><difficult>0</difficult><bndbox><xmin>{left + 1}</xmin>"
            f"<ymin>{top + 1}</ymin><xmax>{left + w}</xmax><ymax>{top + h}</ymax></bndbox></object>"
            for colour, left, top, w, h in squares
        )
        size = f"<size><width>{WIDE}</width><height>{HIGH}</height></size>"
        (folder / "Annotations" / f"{number}.xml").write_text(f"<annotation>{size}{objects}</annotation>")
    (folder / "labels.txt").write_text("red\nblue\n")
    return folder
