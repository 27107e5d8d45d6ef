"""Read YOLO's text files: one for each image, with a line 'CLASS X Y WIDTH HEIGHT' in shares of the image."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from harness.core.errors import DataError
from harness.datasets.pictures import is_image

from .box_set import BoxSet, ImageBoxes, as_objects, empty_finding, without_empty

_LISTS = ("data.yaml", "data.yml", "dataset.yaml")
_NAMES = ("classes.txt", "obj.names")


def fits(path: Path) -> bool:
    """Return whether `path` is a data.yaml, or a folder with one, or with images and text files of boxes."""
    return _is_list(path) or (path.is_dir() and (_list_in(path) is not None or bool(_images(path))))


def read(path: Path) -> BoxSet:
    """Return the images with boxes; an image without a text file has no object.

    Raises:
        DataError: There are no images or no text files, or a line is not one of boxes.
    """
    listed = path if _is_list(path) else _list_in(path)
    text = listed.read_text(encoding="utf-8") if listed else ""
    folder = _held_out(listed, text) if listed else path
    files = _images(folder)
    if not files:
        raise DataError(
            f"{folder} holds no images with text files of boxes", "images/ and labels/ are beside each other"
        )
    empty, found = 0, []
    for file in files:
        objects, without = without_empty(as_objects(_rows(_labels_of(file))))
        empty += without
        found.append(ImageBoxes(file, objects, relative=True))
    highest = max((int(image.objects[:, 4].max()) for image in found if len(image.objects)), default=-1)
    names = _names(text, path if path.is_dir() else path.parent) or tuple(map(str, range(highest + 1)))
    if highest >= len(names):
        named = f"only {len(names)} classes are named: {', '.join(names)}"
        raise DataError(f"{folder} has boxes of class {highest}, {named}")
    return BoxSet(found, names, findings=empty_finding(empty))


def _is_list(path: Path) -> bool:
    return path.is_file() and path.suffix in (".yaml", ".yml")


def _list_in(folder: Path) -> Path | None:
    return next((folder / name for name in _LISTS if (folder / name).is_file()), None)


def _held_out(listed: Path, text: str) -> Path:
    """Return the folder of the images that a data.yaml holds out: those of val, else of test, else of train."""
    below = re.search(r"^path:\s*(\S+)", text, re.MULTILINE)
    for part in ("val", "test", "train"):
        if found := re.search(rf"^{part}:\s*([^\s#]+)", text, re.MULTILINE):
            name = found[1].strip("\"'")
            roots = [listed.parent / (below[1].strip("\"'") if below else ""), listed.parent]
            folders = [root / name for root in roots] + [listed.parent / name.removeprefix("../")]
            for folder in folders:
                if folder.is_dir():
                    return folder
            raise DataError(f"{listed}: there is no folder {folders[0]}", f"see its line '{part}:'")
    return listed.parent


def _names(text: str, folder: Path) -> tuple[str, ...]:
    """Return the names of the classes: those of a data.yaml, else of a list in the folder; empty without one."""
    if inline := re.search(r"^names:\s*\[(.*?)\]", text, re.MULTILINE | re.DOTALL):
        return tuple(name.strip().strip("\"'") for name in inline[1].split(",") if name.strip())
    if block := re.search(r"^names:[ \t]*(?:#.*)?\n((?:[ \t]*(?:-|\d+:).*\n?)+)", text, re.MULTILINE):
        lines = [line.strip() for line in block[1].splitlines() if line.strip()]
        return tuple(re.sub(r"^(?:-|\d+:)\s*", "", line).partition(" #")[0].strip().strip("\"'") for line in lines)
    for name in _NAMES:
        if (folder / name).is_file():
            return tuple(filter(None, map(str.strip, (folder / name).read_text(encoding="utf-8").splitlines())))
    return ()


def _images(folder: Path) -> list[Path]:
    """Return the images below a folder, if any of them has a text file of boxes."""
    files = sorted(file for file in folder.rglob("*") if is_image(file))
    return files if any(_labels_of(file).is_file() for file in files) else []


def _labels_of(image: Path) -> Path:
    """Return the text file of an image: beside it, or where the last folder images/ of its path is labels/."""
    beside = image.with_suffix(".txt")
    parts = list(beside.parts)
    if not beside.is_file() and "images" in parts[:-1]:
        parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
        return Path(*parts)
    return beside


def _rows(file: Path) -> list[list[float]]:
    if not file.is_file():
        return []
    return [_row(line, f"{file}:{number}") for number, line in enumerate(_lines(file), 1) if line.strip()]


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read: {error}") from error


def _row(line: str, place: str) -> list[float]:
    """Return an object; the corners of an outline are taken for the box around it."""
    try:
        one, *numbers = map(float, line.split())
    except ValueError:
        one, numbers = -1.0, []
    if one < 0 or one != int(one) or len(numbers) < 4 or (len(numbers) > 5 and len(numbers) % 2):
        raise DataError(f"{place}: '{line.strip()[:60]}' is no box", "a line is CLASS X Y WIDTH HEIGHT, in shares")
    if len(numbers) > 5:
        corners = np.array(numbers).reshape(-1, 2)
        low, high = corners.min(axis=0), corners.max(axis=0)
        numbers = [*((low + high) / 2), *(high - low)]
    if not all(-0.01 <= number <= 1.01 for number in numbers[:4]):
        raise DataError(f"{place}: '{line.strip()[:60]}' is not in shares of the image", "divide by width and height")
    return [*numbers[:4], one, 0.0, 0.0]
