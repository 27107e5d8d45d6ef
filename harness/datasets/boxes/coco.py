"""Read COCO's JSON: images, categories and annotations in one file, the images beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.core.errors import DataError

from .box_set import BoxSet, ImageBoxes, as_objects, empty_finding, without_empty


def fits(path: Path) -> bool:
    """Return whether `path` is a .json, or a folder with one in it or in annotations/."""
    return _file(path) is not None


def read(path: Path) -> BoxSet:
    """Return the images with boxes.

    Raises:
        DataError: The file is no COCO JSON, or its images are not there.
    """
    file = _file(path)
    if file is None:
        raise DataError(f"{path} holds no .json of annotations")
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        categories = sorted(data["categories"], key=lambda one: int(one["id"]))
        classes = {int(one["id"]): place for place, one in enumerate(categories)}
        rows: dict[int, list[list[float]]] = {int(image["id"]): [] for image in data["images"]}
        for one in data["annotations"]:
            if int(one["image_id"]) not in rows:
                raise ValueError(f"an annotation is of image {one['image_id']}, which is not among the images")
            rows[int(one["image_id"])].append(_row(one, classes))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{file} is no COCO annotation file: {f'it lacks {error}' if isinstance(error, KeyError) else error}",
            "it needs images, categories and annotations, each annotation with image_id, category_id and bbox",
        ) from error
    root = _root(file, [str(image["file_name"]) for image in data["images"]])
    found, empty = [], 0
    for image in data["images"]:
        objects, without = without_empty(as_objects(rows[int(image["id"])]))
        empty += without
        size = (int(image["width"]), int(image["height"])) if {"width", "height"} <= set(image) else None
        found.append(ImageBoxes(root / image["file_name"], objects, size))
    names = tuple(str(one.get("name", one["id"])) for one in categories)
    return BoxSet(found, names, tuple(classes), empty_finding(empty))


def _row(one: dict[str, Any], classes: dict[int, int]) -> list[float]:
    if int(one["category_id"]) not in classes:
        raise ValueError(f"an annotation is of category {one['category_id']}, which is not among the categories")
    if len(one["bbox"]) != 4:
        raise ValueError(f"a bbox is {one['bbox']}: left, top, width and height expected")
    left, top, width, height = map(float, one["bbox"])
    area = float(one.get("area", width * height))
    return [left, top, width, height, classes[int(one["category_id"])], float(one.get("iscrowd", 0)), area]


def _file(path: Path) -> Path | None:
    if path.is_file():
        return path if path.suffix == ".json" else None
    for folder in (path, path / "annotations"):
        files = sorted(folder.glob("*.json")) if folder.is_dir() else []
        held_out = [file for file in files if "val" in file.stem] or files
        if len(held_out) == 1:
            return held_out[0]
    return None


def _root(file: Path, names: list[str]) -> Path:
    """Return the folder that the images' names are below: that of the file, or one that COCO itself would have."""
    split = file.stem.rpartition("_")[2]
    near = (file.parent, file.parent / "images", file.parent.parent, file.parent.parent / "images")
    folders = [*near, *(folder / split for folder in near)]
    for folder in folders:
        if names and (folder / names[0]).is_file():
            return folder
    if not names:
        raise DataError(f"{file} names no images")
    raise DataError(f"{file}: its image {names[0]} is not there", f"looked in {', '.join(map(str, folders[:4]))}")
