"""A folder of images with one file that labels them: `labels.txt`, `val.txt`, or what comes with ILSVRC 2012.

A line is `IMAGE LABEL`, separated by a space, a tab or a comma. A label is a class index or a WordNet id; there may be
several where each is right. Files with labels alone (the development kit's ground truth, TensorFlow's list of ids)
label the images in the order of their names. `# part NAME` begins a part that is also scored by itself; other lines
with `#` are comments.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from harness.core.errors import DataError

from . import label_mapping
from .image_folders import ImageFiles, is_image
from .label_mapping import LabelMapping, mapping_of_indices

NAMES = ("labels.txt", "labels.csv", "val.txt", "LOC_val_solution.csv")
KIT = "ILSVRC2012_validation_ground_truth.txt"
ALONE = (KIT, "imagenet_2012_validation_synset_labels.txt")
_WNID = re.compile(r"n\d{8}")
_IMAGENET = LabelMapping(label_mapping.CLASSES, imagenet=tuple(range(label_mapping.CLASSES)))


def find_labels(folder: Path) -> Path | None:
    """Return the labels file of a folder, or None."""
    return next((folder / name for name in (*NAMES, *ALONE) if (folder / name).is_file()), None)


class Line(NamedTuple):
    """One line of a labels file: an image, its labels, and the part it belongs to."""

    image: str
    labels: tuple[str, ...]
    part: str = ""


class LabelledFiles(ImageFiles):
    """The images that a labels file names, in its order.

    Raises:
        DataError: The file and its folder do not agree.
    """

    def __init__(self, path: Path) -> None:
        lines = list(_alone(path) if path.name in ALONE else _pairs(path))
        if not lines:
            raise DataError(f"{path} labels no image", "write a line 'IMAGE LABEL' for each")
        labels, self.label_mapping = _numbered(lines, path)
        single = (one[0] if len(one) == 1 else one for one in labels)
        self.files = list(zip(_found(lines, path), single, strict=True))
        self.parts = list(Counter(line.part for line in lines if line.part).items())


def _pairs(path: Path) -> Iterator[Line]:
    part = ""
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines()):
        if text.startswith("#"):
            part = text.removeprefix("# part ").strip() if text.startswith("# part ") else part
            continue
        image, _, rest = text.partition("," if "," in text else "\t" if "\t" in text else " ")
        words = tuple(re.split(r"[,\s]+", rest.strip()))
        wnids = tuple(word for word in words if _WNID.fullmatch(word))  # what else stands there are boxes
        if number == 0 and not wnids and not _is_number(words[0]):
            continue  # a table's header
        if image:
            yield Line(image, wnids or words, part)


def _alone(path: Path) -> Iterator[Line]:
    images = sorted(file for file in path.parent.rglob("*") if is_image(file))
    labels = path.read_text(encoding="utf-8").split()
    if len(images) != len(labels):
        raise DataError(f"{path} has {len(labels)} labels, its folder {len(images)} images", "they must be of one set")
    for image, label in zip(images, labels, strict=True):
        yield Line(str(image.relative_to(path.parent)), (label,))


def _found(lines: list[Line], path: Path) -> list[Path]:
    """Return the image of each line, by its path below the folder of `path`, or by its name without suffix."""
    below = {str(file.relative_to(path.parent)): file for file in path.parent.rglob("*") if is_image(file)}
    stems = {file.stem: file for file in below.values()}
    files = [below.get(line.image) or stems.get(line.image) for line in lines]
    missing = [line.image for line, file in zip(lines, files, strict=True) if file is None]
    if missing:
        raise DataError(f"{path} labels {len(missing)} images that are not there, the first is {missing[0]}")
    return [file for file in files if file is not None]


def _numbered(lines: list[Line], path: Path) -> tuple[list[tuple[int, ...]], LabelMapping]:
    """Return every image's labels as class indices, and what they count."""
    words = {word for line in lines for word in line.labels}
    places: Mapping[str, int]
    if all(map(_is_number, words)):
        numbers = {word: int(word) for word in words}
        places = (
            {w: label_mapping.kit_indices().get(n, -1) for w, n in numbers.items()} if path.name == KIT else numbers
        )
        mapping = _IMAGENET if path.name == KIT else mapping_of_indices(list(numbers.values()))
    else:
        places, mapping = label_mapping.wordnet_indices(), _IMAGENET
    unknown = sorted(word for word in words if places.get(word, -1) < 0)
    if unknown:
        raise DataError(
            f"{path}: {unknown[0]!r} is no class", "use class indices alone, or ImageNet's WordNet ids alone"
        )
    return [tuple(places[word] for word in line.labels) for line in lines], mapping


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit()
