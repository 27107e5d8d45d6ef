"""A folder of images with one file that labels them: `labels.txt`, `val.txt`, or what comes with ILSVRC 2012.

A line is `IMAGE LABEL`, separated by spaces, a tab, a comma or a semicolon. A label is a class index or a WordNet id;
there may be several where each is right. It may be a class name where a list of them is at hand. An image's name may
have spaces or stand in quotes. A first line that names no image is a table's header. Files with labels alone (the
development kit's ground truth, TensorFlow's list of ids) label the images in the order of their names. `# part NAME`
begins a part that is also scored by itself; other lines with `#` are comments.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from harness.core.errors import DataError
from harness.core.verdict import Finding

from . import label_mapping
from .class_names import ClassNames, read_text
from .image_folders import ImageFiles, skipped_files
from .label_mapping import NO_CHOICE, LabelChoice, LabelMapping, mapping_of_indices
from .pictures import SUFFIXES, is_image

NAMES = ("labels.txt", "labels.csv", "val.txt", "LOC_val_solution.csv")
KIT = "ILSVRC2012_validation_ground_truth.txt"
ALONE = (KIT, "imagenet_2012_validation_synset_labels.txt")

_WNID = re.compile(r"n\d{8}")
_NUMBER = re.compile(r"\d+(\.0+)?")
_SEPARATOR = re.compile(r"\s*[,;\t]\s*|\s+")
_IMAGE_COLUMNS = frozenset({"image", "file", "filename", "file_name", "path", "filepath", "image_id", "imageid", "id"})
_LABEL_COLUMNS = ("label", "class", "class_id", "class_index", "category", "target", "prediction", "y")


def find_labels(folder: Path) -> list[Path]:
    """Return the files of a folder that may label its images, the first choice first."""
    return [folder / name for name in (*NAMES, *ALONE) if (folder / name).is_file()]


class Line(NamedTuple):
    """One line of a labels file: an image as it is written there, what follows it, and the part it belongs to."""

    image: str
    rest: str
    part: str = ""


class Files:
    """The files below a folder, by what a labels file may call them."""

    def __init__(self, folder: Path) -> None:
        self.all = sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))
        self.images = [file for file in self.all if is_image(file)]
        self._by_path = {file.relative_to(folder).as_posix(): file for file in self.all}
        self._by_name: dict[str, list[Path]] = {}
        for file in self.images:
            for name in {file.name, file.stem, file.relative_to(folder).with_suffix("").as_posix()}:
                self._by_name.setdefault(name, []).append(file)

    def find(self, name: str) -> Path | None:
        """Return the file of that path, or the only image of that name, with or without its suffix; None for none.

        Raises:
            DataError: Several images have the name.
        """
        plain = name.replace("\\", "/").removeprefix("./")
        if exact := self._by_path.get(plain):
            return exact
        named = self._by_name.get(plain, [])
        if len(named) > 1:
            raise DataError(
                f"{name} may be {len(named)} images: {', '.join(str(file) for file in named[:2])}",
                "write their paths below the folder into the labels file",
            )
        return named[0] if named else None


class LabelledFiles(ImageFiles):
    """The images that a labels file names, in its order.

    Raises:
        DataError: The file and its folder do not agree.
    """

    def __init__(self, path: Path, choice: LabelChoice = NO_CHOICE, names: ClassNames | None = None) -> None:
        super().__init__()
        table = _Table(path, names)
        if not table.lines:
            raise DataError(f"{path} labels no image", "write a line 'IMAGE LABEL' for each")
        found = table.found
        labels, self.label_mapping = _numbered(table.labels, path, choice, names)
        single = (label[0] if len(label) == 1 else label for label in labels)
        both = list(zip(found, single, table.lines, strict=True))
        self.files = [(file, label) for file, label, _ in both if is_image(file)]
        self.parts = list(Counter(line.part for file, _, line in both if line.part and is_image(file)).items())
        self.findings = [*skipped_files(found), *_unlabelled(table.files, found)]
        if not self.files:
            raise DataError(f"{path}: {self.findings[0].found}", f"known: {', '.join(sorted(SUFFIXES))}")


class _Table:
    """A labels file and the images it names.

    Attributes:
        lines: What it says of each image.
    """

    def __init__(self, path: Path, names: ClassNames | None = None) -> None:
        self._path = path
        self._names = names
        self.files = Files(path.parent)
        self.lines = list(self._alone() if path.name in ALONE else self._pairs())

    @cached_property
    def found(self) -> list[Path]:
        """The file of each line; DataError where one is missing."""
        files = [self.files.find(line.image) for line in self.lines]
        missing = [line.image for line, file in zip(self.lines, files, strict=True) if file is None]
        if missing:
            raise DataError(
                f"{self._path} labels {len(missing)} images that are not there, the first is {missing[0]}",
                "a line is 'IMAGE LABEL' with a path below the file's folder; a list of class names is classes.txt",
            )
        return [file for file in files if file is not None]

    @property
    def labels(self) -> list[tuple[str, ...]]:
        """The labels of each line: WordNet ids where there are some, since what else stands there are boxes."""
        every = []
        for line in self.lines:
            words = tuple(filter(None, re.split(r"[,;\s]+", line.rest)))
            wnids = tuple(word for word in words if _WNID.fullmatch(word))
            whole = line.rest.strip().strip("\"'")
            named = self._names is not None and whole in self._names
            every.append((whole,) if named else wnids or words or ("",))
        return every

    def _alone(self) -> Iterator[Line]:
        labels = read_text(self._path).split()
        images = self.files.images
        if len(images) != len(labels):
            raise DataError(
                f"{self._path} has {len(labels)} labels, its folder {len(images)} images", "they must be of one set"
            )
        for image, label in zip(images, labels, strict=True):
            yield Line(image.relative_to(self._path.parent).as_posix(), label)

    def _pairs(self) -> Iterator[Line]:
        part, columns = "", (0, 1)
        texts = [text.strip() for text in read_text(self._path).replace("\r\n", "\n").split("\n")]
        for number, text in enumerate(texts):
            if text.startswith("#") and self._image(text) is None:
                part = text.removeprefix("# part ").strip() if text.startswith("# part ") else part
                continue
            line = self._line(text, columns)
            if number == 0 and line is not None and self._is_header(line):
                columns = _columns(text)
                continue
            if line is not None:
                yield line._replace(part=part)

    def _line(self, text: str, columns: tuple[int, int]) -> Line | None:
        """Return the image, which is the longest beginning of the line that names one, and what follows."""
        if not text:
            return None
        cells = _cells(text)
        if columns != (0, 1) or '"' in text:
            wanted = [cells[column] if column < len(cells) else "" for column in columns]
            return Line(wanted[0], wanted[1] if columns != (0, 1) else " ".join(cells[1:]))
        return self._image(text) or Line(*[*_SEPARATOR.split(text, maxsplit=1), ""][:2])

    def _image(self, text: str) -> Line | None:
        """Return the line read as an image that is there and its labels; None where it names none."""
        for gap in reversed(list(_SEPARATOR.finditer(text))):
            if self.files.find(text[: gap.start()]) is not None:
                return Line(text[: gap.start()], text[gap.end() :])
        return None

    def _is_header(self, line: Line) -> bool:
        """Return whether a first line names no image and no class, as the header of a table does."""
        words = re.split(r"[,;\s]+", line.rest)
        labels = any(_NUMBER.fullmatch(word) or _WNID.fullmatch(word) for word in words)
        looks_like_image = Path(line.image).suffix.lower() in SUFFIXES
        return not labels and not looks_like_image and self.files.find(line.image) is None


def _cells(text: str) -> list[str]:
    separator = next((mark for mark in ",;\t" if mark in text), " ")
    if '"' in text and separator != " " and text.startswith('"'):
        behind = text[text.find('"', 1) + 1 :].strip(" ")
        separator = behind[:1] if behind[:1] in (",", ";", "\t") else " "
    return [cell.strip() for cell in next(csv.reader([text], delimiter=separator, skipinitialspace=True), [])]


def _columns(header: str) -> tuple[int, int]:
    """Return the columns of image and label by a table's header; the first and all others where it has other words."""
    names = [cell.lower().replace(" ", "_") for cell in _cells(header)]
    images = [place for place, name in enumerate(names) if name in _IMAGE_COLUMNS]
    labels = [names.index(name) for name in _LABEL_COLUMNS if name in names]
    ordinary = not images or not labels or (images[0], labels[0], len(names)) == (0, 1, 2)
    return (0, 1) if ordinary else (images[0], labels[0])


def _unlabelled(files: Files, found: Sequence[Path]) -> list[Finding]:
    left = len(set(files.images) - set(found))
    if not left:
        return []
    words = f"{left} image{'s' * (left != 1)} in the folder {'are' if left > 1 else 'is'} not in its labels file"
    return [Finding("unlabelled_images", "warn", words, "they are not scored")]


def _numbered(
    labels: Sequence[tuple[str, ...]], path: Path, choice: LabelChoice, names: ClassNames | None
) -> tuple[list[tuple[int, ...]], LabelMapping]:
    """Return every image's labels as class indices, and what they count."""
    words = {word for line in labels for word in line}
    places: Mapping[str, int]
    imagenet = LabelMapping(
        label_mapping.CLASSES, imagenet=tuple(range(label_mapping.CLASSES)), offset=choice.offset, order=choice.order
    )
    if path.name == KIT:
        known = label_mapping.kit_indices()
        places = {word: known.get(int(word), -1) if word.isdigit() else -1 for word in words}
        mapping = imagenet
    elif all(_NUMBER.fullmatch(word) for word in words):
        places = {word: int(float(word)) for word in words}
        mapping = mapping_of_indices(list(places.values()), choice)
    elif names is not None and any(word in names for word in words):
        places = {word: names.index(word) for word in words}
        mapping = LabelMapping(len(names), offset=choice.offset)
    else:
        places, mapping = label_mapping.wordnet_indices(), imagenet
    unknown = sorted(word for word in words if places.get(word, -1) < 0)
    if unknown:
        raise DataError(
            f"{path}: {unknown[0]!r} is no class",
            "use class indices alone, or ImageNet's WordNet ids alone; class names need a list of all of them, in the "
            "order of the model's outputs, in classes.txt",
        )
    return [tuple(places[word] for word in line) for line in labels], mapping
