"""Some images of a labelled folder: those to score when the others calibrated the model."""

from __future__ import annotations

import json
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path

from harness.core.errors import DataError

from .image_folders import Image, ImageFiles, read_image
from .label_mapping import Label

NAME = "part.json"


class Subset:
    """The images of `dataset` at `indices`, with the labels of the whole set."""

    def __init__(self, dataset: ImageFiles, indices: Sequence[int]) -> None:
        self.label_mapping = dataset.label_mapping
        self._items = [dataset.files[index] for index in indices]
        self.parts: Sequence[tuple[str, int]] = _sizes(dataset.parts, indices)

    def __len__(self) -> int:
        return len(self._items)

    def items(self, limit: int | None = None) -> Iterator[tuple[Image, Label]]:
        """Yield the first `limit` images in RGB, or all."""
        for path, label in self._items[:limit]:
            yield read_image(path), label

    def select(self, places: Sequence[int]) -> Iterator[tuple[Image, Label]]:
        """Yield the RGB images at these positions; each is read when it is due."""
        for place in places:
            path, label = self._items[place]
            yield read_image(path), label


def _sizes(parts: Sequence[tuple[str, int]], indices: Sequence[int]) -> list[tuple[str, int]]:
    """Return how many of the indices fall into each named part; parts follow one another."""
    ends = list(accumulate(size for _, size in parts))
    counts = Counter(bisect(ends, index) for index in indices) if parts else Counter[int]()
    return [(name, counts[place]) for place, (name, _) in enumerate(parts) if counts[place]]


def write(folder: Path, source: Path, indices: Sequence[int]) -> None:
    """Note in `folder` which images of the data set at `source` belong to it."""
    folder.mkdir(parents=True, exist_ok=True)
    note = {"source": str(source.resolve()), "indices": list(map(int, indices))}
    (folder / NAME).write_text(json.dumps(note), encoding="utf-8")


def open_subset(folder: Path, open_folder: Callable[[Path], ImageFiles]) -> Subset:
    """Open the subset that `write` noted.

    Args:
        folder: Where the note is.
        open_folder: Opens the data set that the subset is taken from.

    Raises:
        DataError: The data set has fewer images than when the note was written.
    """
    note = json.loads((folder / NAME).read_text(encoding="utf-8"))
    dataset = open_folder(Path(note["source"]))
    if max(note["indices"]) >= len(dataset):
        raise DataError(f"{note['source']} has lost images since it was split", "start the run again")
    return Subset(dataset, note["indices"])
