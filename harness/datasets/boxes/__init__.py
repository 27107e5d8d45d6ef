"""Images with boxes: COCO's JSON, YOLO's text files and Pascal VOC's XML, each as the same data set."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from harness.core.errors import DataError

from .box_set import COLUMNS, BoxSet, ImageBoxes

__all__ = ["COLUMNS", "BoxKind", "BoxSet", "ImageBoxes", "open_boxes", "recognize_boxes"]

BoxKind = Literal["coco", "yolo", "voc"]


def recognize_boxes(path: Path) -> BoxKind:
    """Return how the boxes at `path` are stored.

    Raises:
        DataError: The path does not exist, or holds none of the formats.
    """
    from . import coco, voc, yolo

    if not path.exists():
        raise DataError(f"no such data set: {path}", _KNOWN)
    for kind, module in (("coco", coco), ("voc", voc), ("yolo", yolo)):
        if module.fits(path):
            return next(known for known in get_args(BoxKind) if known == kind)
    raise DataError(f"{path} holds no boxes", _KNOWN)


def open_boxes(kind: str, path: Path) -> BoxSet:
    """Open images with boxes.

    Args:
        kind: How they are stored, as `recognize_boxes` returns it.
        path: The file or folder.

    Raises:
        DataError: They cannot be read, or no image has a box.
    """
    from . import coco, voc, yolo

    readers = {"coco": coco.read, "yolo": yolo.read, "voc": voc.read}
    if kind not in readers:
        raise DataError(f"boxes are not stored as '{kind}'", _KNOWN)
    if not path.exists():
        raise DataError(f"no such data set: {path}", _KNOWN)
    return readers[kind](path)


_KNOWN = (
    "give a COCO .json with its images beside it, a YOLO folder or data.yaml with images/ and labels/, or a Pascal VOC "
    "folder with Annotations/ and JPEGImages/"
)
