"""Some images of a labelled folder: what is scored when the others were used to make the net."""

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
    """The images of `whole` at the places `indices`, under the numbering of all."""

    def __init__(self, whole: ImageFiles, indices: Sequence[int]) -> None:
        self.numbering = whole.numbering
        self._items = [whole.files[index] for index in indices]
        self.parts: Sequence[tuple[str, int]] = _sizes(whole.parts, indices)

    def __len__(self) -> int:
        return len(self._items)

    def items(self, limit: int | None = None) -> Iterator[tuple[Image, Label]]:
        """RGB images."""
        for path, label in self._items[:limit]:
            yield read_image(path), label

    def picked(self, places: Sequence[int]) -> Iterator[tuple[Image, Label]]:
        """RGB images at these places, read when they are due."""
        for place in places:
            path, label = self._items[place]
            yield read_image(path), label


def _sizes(parts: Sequence[tuple[str, int]], indices: Sequence[int]) -> list[tuple[str, int]]:
    """How many of the indices fall into each named part, which lie one behind the other."""
    ends = list(accumulate(size for _, size in parts))
    found = Counter(bisect(ends, index) for index in indices) if parts else Counter[int]()
    return [(name, found[place]) for place, (name, _) in enumerate(parts) if found[place]]


def write(folder: Path, source: Path, indices: Sequence[int]) -> None:
    """Note in `folder` which images of the data set at `source` belong to it."""
    folder.mkdir(parents=True, exist_ok=True)
    note = {"source": str(source.resolve()), "indices": list(map(int, indices))}
    (folder / NAME).write_text(json.dumps(note), encoding="utf-8")


def open_subset(folder: Path, open_folder: Callable[[Path], ImageFiles]) -> Subset:
    """What `write` noted of the data set that `open_folder` opens. DataError where that has changed since."""
    note = json.loads((folder / NAME).read_text(encoding="utf-8"))
    whole = open_folder(Path(note["source"]))
    if max(note["indices"]) >= len(whole):
        raise DataError(f"{note['source']} has lost images since it was split", "start the run again")
    return Subset(whole, note["indices"])
