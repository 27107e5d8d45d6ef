"""Folders with one sub-folder a class: any names, WordNet ids (ImageNet, Imagenette) or class numbers."""

from __future__ import annotations

from pathlib import Path

from harness.core.errors import DataError

from . import label_mapping
from .image_files import ImageFiles
from .image_folders import SUFFIXES, is_image
from .numbering import Numbering, of_numbers

_SPLITS = frozenset({"train", "val", "test"})


def validation_part(path: Path) -> Path:
    """The sub-folder `val` of a data set that is split into `train`, `val` and `test`, else `path` itself."""
    names = {folder.name for folder in _folders(path)}
    return path / "val" if "val" in names and names <= _SPLITS else path


class ClassFolders(ImageFiles):
    """Classes are numbered in the alphabetical order of their folders' names; all numbers are taken as they are.

    They come in turn, so that the first images are balanced.
    """

    def __init__(self, path: Path) -> None:
        folders = _folders(path)
        self.names = [folder.name for folder in folders]
        labels, self.numbering = _numbered(self.names)
        files = [[file for file in sorted(folder.rglob("*")) if is_image(file)] for folder in folders]
        self.files = _interleave(files, labels)
        if not self.files:
            raise DataError(_nothing(path), f"expected one sub-folder a class with {', '.join(sorted(SUFFIXES))} files")


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _numbered(names: list[str]) -> tuple[list[int], Numbering]:
    """The label of each folder, and what the labels count."""
    if names and all(name.isascii() and name.isdigit() for name in names):
        labels = [int(name) for name in names]
        return labels, of_numbers(labels)
    known = label_mapping.indices()
    places = tuple(known[name] for name in names) if all(name in known for name in names) else ()
    return list(range(len(names))), Numbering(len(names), imagenet=places)


def _nothing(path: Path) -> str:
    loose = sum(map(is_image, path.iterdir()))
    return f"no images below {path}" if not loose else f"{path}: {loose} images but nothing that labels them"


def _interleave(files: list[list[Path]], labels: list[int]) -> list[tuple[Path, int]]:
    """One image of each class, then the next of each."""
    longest = max((len(group) for group in files), default=0)
    groups = list(zip(files, labels, strict=True))
    return [(group[i], label) for i in range(longest) for group, label in groups if i < len(group)]
