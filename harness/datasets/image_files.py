"""Labelled images that lie in files of their own: what every such data set does, however it finds its labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from .image_folders import Image, read
from .numbering import Label, Numbering


class ImageFiles:
    """`files` with their labels, in the order they are scored; `parts` (name, count) whose scores are shown too."""

    files: Sequence[tuple[Path, Label]]
    numbering: Numbering
    parts: Sequence[tuple[str, int]] = ()

    def __len__(self) -> int:
        return len(self.files)

    def items(self, limit: int | None = None) -> Iterator[tuple[Image, Label]]:
        """The first `limit` images in RGB, or all."""
        return self.picked(range(len(self))[:limit])

    def picked(self, places: Sequence[int]) -> Iterator[tuple[Image, Label]]:
        """RGB images at these places, read when they are due."""
        for place in places:
            path, label = self.files[place]
            yield read(path), label
