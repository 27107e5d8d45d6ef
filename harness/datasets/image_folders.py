"""Labelled images in folders: one sub-folder per class, named freely, by WordNet id or by number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import DataError

from . import label_mapping
from .label_mapping import Label, LabelMapping, mapping_of_indices

if TYPE_CHECKING:
    import PIL.Image


Image = NDArray[np.uint8]
"""Height x width x channels."""

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".ppm"})


def is_image(path: Path) -> bool:
    """Return whether the suffix is that of an image; hidden files never count."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def read_image(path: Path) -> Image:
    """Return the image as height x width x 3, with transparent parts laid on white.

    Raises:
        DataError: The file cannot be read as an image.
    """
    from PIL import Image as Pillow

    try:
        with Pillow.open(path) as image:
            return np.asarray(flatten_on_white(image), np.uint8)
    except (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError) as error:  # what Pillow's readers raise
        raise DataError(f"{path} cannot be read as an image: {error}", "remove or repair it") from error


def flatten_on_white(image: PIL.Image.Image) -> PIL.Image.Image:
    """Return the image as RGB, laid on white where it is transparent: the colours behind transparency are arbitrary."""
    from PIL import Image as Pillow

    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Pillow.new("RGBA", layer.size, "white")
    return Pillow.alpha_composite(ground, layer).convert("RGB")


class ImageFiles:
    """Image files with their labels.

    Attributes:
        files: Path and label of each image, in the order of scoring.
        label_mapping: What the labels count.
        parts: Name and size of each part that is also scored by itself.
    """

    files: Sequence[tuple[Path, Label]]
    label_mapping: LabelMapping
    parts: Sequence[tuple[str, int]] = ()

    def __len__(self) -> int:
        return len(self.files)

    def items(self, limit: int | None = None) -> Iterator[tuple[Image, Label]]:
        """Yield the first `limit` images in RGB, or all."""
        return self.select(range(len(self))[:limit])

    def select(self, places: Sequence[int]) -> Iterator[tuple[Image, Label]]:
        """Yield the RGB images at these positions; each is read when it is due."""
        for place in places:
            path, label = self.files[place]
            yield read_image(path), label


_SPLITS = frozenset({"train", "val", "test"})


def validation_part(path: Path) -> Path:
    """Return the sub-folder `val` of a data set split into `train`, `val` and `test`, else `path` itself."""
    names = {folder.name for folder in _folders(path)}
    return path / "val" if "val" in names and names <= _SPLITS else path


class ClassFolders(ImageFiles):
    """One sub-folder per class, numbered in alphabetical order; folders that are all numbers keep them.

    Classes take turns, so that the first images are balanced.
    """

    def __init__(self, path: Path) -> None:
        folders = _folders(path)
        self.names = [folder.name for folder in folders]
        labels, self.label_mapping = _numbered(self.names)
        files = [[file for file in sorted(folder.rglob("*")) if is_image(file)] for folder in folders]
        self.files = _interleave(files, labels)
        if not self.files:
            raise DataError(
                _nothing(path), f"expected one sub-folder per class with {', '.join(sorted(SUFFIXES))} files"
            )


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _numbered(names: list[str]) -> tuple[list[int], LabelMapping]:
    """Return the label of each folder, and what the labels count."""
    if names and all(name.isascii() and name.isdigit() for name in names):
        labels = [int(name) for name in names]
        return labels, mapping_of_indices(labels)
    known = label_mapping.wordnet_indices()
    places = tuple(known[name] for name in names) if all(name in known for name in names) else ()
    return list(range(len(names))), LabelMapping(len(names), imagenet=places)


def _nothing(path: Path) -> str:
    loose = sum(map(is_image, path.iterdir()))
    return f"no images below {path}" if not loose else f"{path}: {loose} images but nothing that labels them"


def _interleave(files: list[list[Path]], labels: list[int]) -> list[tuple[Path, int]]:
    """Return the first image of each class, then the second of each, and so on."""
    longest = max((len(group) for group in files), default=0)
    groups = list(zip(files, labels, strict=True))
    return [(group[i], label) for i in range(longest) for group, label in groups if i < len(group)]
