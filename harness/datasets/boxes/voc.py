"""Read Pascal VOC's XML: one file in Annotations/ for each image in JPEGImages/."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from harness.core.errors import DataError
from harness.datasets.pictures import is_image

from .box_set import BoxSet, ImageBoxes, as_objects, empty_finding, without_empty

VOC = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog"),
    *("horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
"""The classes of Pascal VOC, in the order in which models count them."""

_LISTS = ("classes.txt", "labels.txt", "labelmap.txt")


def fits(path: Path) -> bool:
    """Return whether `path` is a folder with Annotations/."""
    return (path / "Annotations").is_dir()


def read(path: Path) -> BoxSet:
    """Return the images with boxes: those of ImageSets/Main/val.txt or test.txt where there is one, else all.

    Objects marked as difficult neither count nor cost, as in the challenge.

    Raises:
        DataError: A file cannot be read, or its image is not there.
    """
    files = _files(path)
    if not files:
        raise DataError(f"{path / 'Annotations'} holds no .xml")
    images = {file.stem: file for file in sorted(path.rglob("*")) if is_image(file)}
    read_files = [(file, _parsed(file)) for file in files]
    names = _names(path, {name for _, (_, objects) in read_files for name, _ in objects})
    found, empty = [], 0
    for file, (size, objects) in read_files:
        if file.stem not in images:
            raise DataError(f"{file}: there is no image {file.stem} in {path}")
        rows = [[*box[:4], names.index(name), box[4], box[2] * box[3]] for name, box in objects]
        kept, without = without_empty(as_objects(rows))
        empty += without
        found.append(ImageBoxes(images[file.stem], kept, size))
    return BoxSet(found, names, findings=empty_finding(empty))


def _files(path: Path) -> list[Path]:
    folder = path / "Annotations"
    for part in ("val", "test"):
        listed = path / "ImageSets" / "Main" / f"{part}.txt"
        if listed.is_file():
            names = [line.split()[0] for line in listed.read_text(encoding="utf-8").splitlines() if line.strip()]
            return [folder / f"{name}.xml" for name in names]
    return sorted(folder.glob("*.xml"))


def _names(path: Path, seen: set[str]) -> tuple[str, ...]:
    """Return the classes in order: those of a list in the folder, else VOC's own, else the names by the alphabet."""
    for name in _LISTS:
        if (path / name).is_file():
            lines = (path / name).read_text(encoding="utf-8").splitlines()
            listed = tuple(line.partition(":")[0].strip() for line in lines if line.strip() and line[0] != "#")
            if missing := sorted(seen - set(listed)):
                raise DataError(f"{path / name} does not name {', '.join(missing)}", "the annotations do")
            return listed
    return VOC if seen <= set(VOC) else tuple(sorted(seen))


_Box = tuple[float, float, float, float, float]


def _parsed(file: Path) -> tuple[tuple[int, int] | None, list[tuple[str, _Box]]]:
    """Return width and height of the image, and the name, box and difficulty of each object."""
    try:
        root = ElementTree.fromstring(file.read_bytes())  # noqa: S314 - expat limits what entities expand to
        width, height = (int(root.findtext(f"size/{name}", "0")) for name in ("width", "height"))
        objects = [(one.findtext("name", "").strip(), _box(one)) for one in root.iter("object")]
    except (OSError, ElementTree.ParseError, ValueError) as error:
        raise DataError(f"{file} is no annotation of Pascal VOC: {error}") from error
    return ((width, height) if width and height else None), objects


def _box(one: ElementTree.Element) -> _Box:
    """Return left, top, width, height and difficulty; corners count from 1 and are within the box."""
    corners = ("xmin", "ymin", "xmax", "ymax")
    left, top, right, bottom = (float(one.findtext(f"bndbox/{name}", "nan")) for name in corners)
    return left - 1, top - 1, right - left + 1, bottom - top + 1, float(one.findtext("difficult", "0"))
