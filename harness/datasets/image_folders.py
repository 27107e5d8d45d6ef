"""Labelled images in folders: one sub-folder per class, named freely, by WordNet id or by number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from harness.core.errors import DataError
from harness.core.verdict import Finding

from . import label_mapping
from .class_names import ClassNames
from .label_mapping import NO_CHOICE, Label, LabelChoice, LabelMapping
from .pictures import SUFFIXES, Image, is_image, read_image
from .splits import folders, held_out

_NOTES = frozenset({".txt", ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".md", ".html", ".db", ".ini", ".py"})
"""Suffixes of files that lie beside pictures and are none."""


class ImageFiles:
    """Image files with their labels.

    Attributes:
        files: Path and label of each image, in the order of scoring.
        label_mapping: What the labels count.
        parts: Name and size of each part that is also scored by itself.
        findings: What was decided or left out when the images were listed.
        unreadable: Images that could not be read when they were due, with the reason.
    """

    files: Sequence[tuple[Path, Label]]
    label_mapping: LabelMapping
    parts: Sequence[tuple[str, int]] = ()
    findings: Sequence[Finding] = ()

    def __init__(self) -> None:
        self.unreadable: dict[Path, str] = {}

    def __len__(self) -> int:
        return len(self.files)

    def items(self, limit: int | None = None) -> Iterator[tuple[Image, Label]]:
        """Yield the first `limit` images in RGB, or all, without those that cannot be read."""
        for _, image, label in self.select(range(len(self))[:limit]):
            yield image, label

    def select(self, places: Iterable[int]) -> Iterator[tuple[int, Image, Label]]:
        """Yield position, RGB image and label at these positions; one that cannot be read is noted and left out."""
        for place in places:
            path, label = self.files[place]
            try:
                image = read_image(path)
            except DataError as error:
                self.unreadable[path] = error.message
                continue
            yield place, image, label


class ClassFolders(ImageFiles):
    """One sub-folder per class, numbered in alphabetical order, or as a list of class names says.

    Classes take turns, so that the first images are balanced.

    Attributes:
        names: The folders' names, in alphabetical order.
    """

    def __init__(self, path: Path, choice: LabelChoice = NO_CHOICE, names: ClassNames | None = None) -> None:
        super().__init__()
        inside = folders(path)
        self.names = [folder.name for folder in inside]
        labels, self.label_mapping = _numbered(self.names, choice, names)
        parts = [_class_part(folder) for folder in inside]
        listed = [sorted(file for file in part.rglob("*") if file.is_file()) for part, _ in parts]
        self.files = _interleave([list(filter(is_image, files)) for files in listed], labels)
        skipped = skipped_files(file for files in listed for file in files)
        self.findings = [*(found for _, findings in parts[:1] for found in findings), *skipped]
        if not self.files:
            raise _nothing(path, skipped)
        if len(inside) == 1 and names is None and not (self.label_mapping.imagenet or self.label_mapping.numbers):
            raise DataError(
                f"{path} has one sub-folder, {self.names[0]}: one class alone cannot be told from others",
                f"if the classes are in it: --data {path / self.names[0]}",
            )


def _class_part(folder: Path) -> tuple[Path, list[Finding]]:
    """Return the folder of a class, or the held-out part in it where the classes themselves are split."""
    loose = any(is_image(file) for file in folder.iterdir())
    return (folder, []) if loose else held_out(folder)


def skipped_files(files: Iterable[Path]) -> list[Finding]:
    """Return a finding that counts the files that are no pictures of a kind that is read, by their suffix."""
    kinds = Counter(
        file.suffix.lower() or "no suffix"
        for file in files
        if not is_image(file) and file.suffix.lower() not in _NOTES and not file.name.startswith(".")
    )
    if not kinds:
        return []
    counted = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items()))
    words = f"{kinds.total()} file{'s' * (kinds.total() != 1)} of kinds that are not read: {counted}"
    return [Finding("skipped_images", "warn", words, "convert pictures among them to .png or .jpg")]


def _numbered(names: list[str], choice: LabelChoice, listed: ClassNames | None) -> tuple[list[int], LabelMapping]:
    """Return the label of each folder, and what the labels count."""
    if listed is not None:
        return [listed.index(name) for name in names], LabelMapping(len(listed), offset=choice.offset)
    known = label_mapping.wordnet_indices()
    places = tuple(known[name] for name in names) if all(name in known for name in names) else ()
    digits = all(name.isascii() and name.isdigit() for name in names)
    numbers = tuple(map(int, names)) if digits and len(set(map(int, names))) == len(names) else ()
    mapping = LabelMapping(
        len(names),
        imagenet=places,
        numbers=numbers,
        names=tuple(names),
        offset=choice.offset,
        order=choice.order,
    )
    return list(range(len(names))), mapping


def _nothing(path: Path, skipped: Sequence[Finding]) -> DataError:
    loose = sum(map(is_image, path.iterdir()))
    expected = f"expected one sub-folder per class with {', '.join(sorted(SUFFIXES))} files"
    if loose:
        return DataError(f"{path}: {loose} images but nothing that labels them", expected)
    return DataError("; ".join([f"no images below {path}", *(found.found for found in skipped)]), expected)


def _interleave(files: list[list[Path]], labels: list[int]) -> list[tuple[Path, Label]]:
    """Return the first image of each class, then the second of each, and so on."""
    longest = max((len(group) for group in files), default=0)
    groups = list(zip(files, labels, strict=True))
    return [(group[i], label) for i in range(longest) for group, label in groups if i < len(group)]
