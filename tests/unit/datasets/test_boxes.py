"""Images with boxes: the three formats, what is left out of them, and what is refused with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness.core.errors import DataError
from harness.datasets.boxes import open_boxes, recognize_boxes
from harness.datasets.boxes.voc import VOC

SIZE = (40, 20)


def picture(path: Path, size: tuple[int, int] = SIZE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "white").save(path)
    return path


def coco(folder: Path, annotations: list[dict[str, Any]]) -> Path:
    picture(folder / "images" / "a.png")
    content = {
        "images": [{"id": 7, "file_name": "a.png", "width": SIZE[0], "height": SIZE[1]}],
        "categories": [{"id": 3, "name": "cat"}, {"id": 1, "name": "dog"}],
        "annotations": [{"image_id": 7, **one} for one in annotations],
    }
    (folder / "annotations").mkdir()
    file = folder / "annotations" / "instances_val2017.json"
    file.write_text(json.dumps(content))
    return file


def objects(kind: str, path: Path) -> list[list[float]]:
    ((_, _, found),) = open_boxes(kind, path).select([0])
    return found.tolist()


def test_coco_counts_classes_by_their_ids_and_keeps_crowds_and_areas(tmp_path: Path) -> None:
    file = coco(tmp_path, [
        {"category_id": 3, "bbox": [1, 2, 3, 4], "area": 9.5},
        {"category_id": 1, "bbox": [5, 6, 7, 8], "iscrowd": 1},
        {"category_id": 1, "bbox": [5, 6, 0, 8]},
    ])  # fmt: skip
    assert recognize_boxes(file) == recognize_boxes(tmp_path) == "coco"
    data = open_boxes("coco", file)
    assert (data.names, data.ids, len(data)) == (("dog", "cat"), (1, 3), 1)
    assert [finding.found for finding in data.findings] == ["1 box without an area left out"]
    assert objects("coco", file) == [[1, 2, 3, 4, 1, 0, 9.5], [5, 6, 7, 8, 0, 1, 56]]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"annotations": [{"image_id": 7, "category_id": 9, "bbox": [1, 1, 2, 2]}]}, "of category 9, which is not"),
        ({"annotations": [{"image_id": 8, "category_id": 3, "bbox": [1, 1, 2, 2]}]}, "of image 8, which is not"),
        ({"annotations": [{"image_id": 7, "category_id": 3, "bbox": [1, 1]}]}, r"a bbox is \[1, 1\]: left, top"),
        ({"annotations": [{"image_id": 7}]}, "it lacks 'category_id'"),
        ({"images": []}, "of image 7, which is not among"),
        ({"annotations": []}, "none of 1 images has a box"),
    ],
)  # fmt: skip
def test_a_coco_file_that_does_not_hold_together_is_refused(tmp_path: Path, change: Any, error: str) -> None:
    file = coco(tmp_path, [{"category_id": 3, "bbox": [1, 2, 3, 4]}])
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(DataError, match=error):
        open_boxes("coco", file)


def test_boxes_of_an_image_of_another_size_are_not_scored(tmp_path: Path) -> None:
    file = coco(tmp_path, [{"category_id": 3, "bbox": [1, 2, 3, 4]}])
    picture(tmp_path / "images" / "a.png", (20, 40))
    data = open_boxes("coco", file)
    assert list(data.select([0])) == []
    (reason,) = data.unreadable.values()
    assert "is 20x40 px, its boxes are those of an image of 40x20 px" in reason


def yolo(folder: Path, lines: str, listed: str | None = None) -> Path:
    picture(folder / "images" / "val" / "a.png")
    labels = folder / "labels" / "val" / "a.txt"
    labels.parent.mkdir(parents=True)
    labels.write_text(lines)
    if listed is not None:
        (folder / "data.yaml").write_text(listed)
    return folder


@pytest.mark.parametrize(
    "listed",
    [
        "path: .\nval: images/val\nnames: [dog, 'cat']\n",
        "val: images/val  # held out\nnames:\n  0: dog\n  1: cat  # purrs\nnc: 2\n",
        'train: images/train\nval: images/val\nnames:\n- dog\n- "cat"\n',
    ],
)
def test_yolo_boxes_are_shares_of_the_image_and_names_come_from_the_list(tmp_path: Path, listed: str) -> None:
    folder = yolo(tmp_path, "1 0.5 0.5 0.25 0.5\n0 0.25 0.5 0.5 1.0\n", listed)
    assert recognize_boxes(folder) == recognize_boxes(folder / "data.yaml") == "yolo"
    assert open_boxes("yolo", folder / "data.yaml").names == ("dog", "cat")
    assert objects("yolo", folder) == [[15, 5, 10, 10, 1, 0, 100], [0, 0, 20, 20, 0, 0, 400]]


def test_an_outline_is_the_box_around_it_and_an_image_without_a_text_file_has_no_object(tmp_path: Path) -> None:
    folder = yolo(tmp_path, "0 0.1 0.2 0.5 0.2 0.5 0.8 0.3 0.9\n")
    picture(folder / "images" / "val" / "b.png")
    data = open_boxes("yolo", folder)
    first, second = (found for _, _, found in data.select([0, 1]))
    np.testing.assert_allclose(first[0, :4], [4, 4, 16, 14])
    assert (len(second), data.names) == (0, ("0",))


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ("0 0.5 0.5 0.2\n", r"a\.txt:1: '0 0\.5 0\.5 0\.2' is no box"),
        ("\n0 0.5 0.5 0.2 cat\n", r"a\.txt:2: .* is no box"),
        ("0 20 10 8 8\n", "is not in shares of the image"),
        ("-1 0.5 0.5 0.2 0.2\n", "is no box"),
        ("", "none of 1 images has a box"),
        ("2 0.5 0.5 0.2 0.2\n", "has boxes of class 2, only 2 classes are named: dog, cat"),
    ],
)
def test_a_text_file_that_holds_no_boxes_is_refused_with_its_line(tmp_path: Path, lines: str, error: str) -> None:
    with pytest.raises(DataError, match=error):
        open_boxes("yolo", yolo(tmp_path, lines, "val: images/val\nnames: [dog, cat]\n"))


def voc(folder: Path, names: list[str], difficult: int = 0) -> Path:
    picture(folder / "JPEGImages" / "a.png")
    (folder / "Annotations").mkdir()
    found = "".join(
        f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>1</xmin><ymin>1</ymin>"
        "<xmax>10</xmax><ymax>20</ymax></bndbox></object>"
        for name in names
    )
    size = f"<size><width>{SIZE[0]}</width><height>{SIZE[1]}</height></size>"
    (folder / "Annotations" / "a.xml").write_text(f"<annotation>{size}{found}</annotation>")
    return folder


def test_voc_corners_count_from_one_and_classes_are_vocs_own(tmp_path: Path) -> None:
    folder = voc(tmp_path, ["cat"], difficult=1)
    assert recognize_boxes(folder) == "voc"
    assert open_boxes("voc", folder).names == VOC
    assert objects("voc", folder) == [[0, 0, 10, 20, VOC.index("cat"), 1, 200]]


def test_voc_classes_of_ones_own_are_in_the_order_of_the_list_or_of_the_alphabet(tmp_path: Path) -> None:
    folder = voc(tmp_path, ["pear", "apple"])
    assert open_boxes("voc", folder).names == ("apple", "pear")
    (folder / "labels.txt").write_text("pear\napple\nplum\n")
    assert open_boxes("voc", folder).names == ("pear", "apple", "plum")
    (folder / "labels.txt").write_text("pear\n")
    with pytest.raises(DataError, match="does not name apple"):
        open_boxes("voc", folder)


def test_damaged_xml_missing_images_and_empty_folders_are_refused(tmp_path: Path) -> None:
    folder = voc(tmp_path / "voc", ["cat"])
    (folder / "Annotations" / "b.xml").write_text("<annotation>")
    with pytest.raises(DataError, match=r"b\.xml is no annotation of Pascal VOC"):
        open_boxes("voc", folder)
    (folder / "Annotations" / "b.xml").write_text("<annotation/>")
    with pytest.raises(DataError, match="there is no image b"):
        open_boxes("voc", folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no boxes"):
        recognize_boxes(tmp_path / "empty")
    with pytest.raises(DataError, match="no such data set"):
        recognize_boxes(tmp_path / "none")
