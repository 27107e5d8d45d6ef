"""Images with boxes in a fixed order, whatever files they were read from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import DataError
from harness.core.verdict import Finding
from harness.datasets.pictures import Image, read_image

COLUMNS = 7
"""Of an object: left, top, width, height in pixels, class, whether it is a crowd, and area in pixels."""

Objects = NDArray[np.float64]


@dataclass(frozen=True)
class ImageBoxes:
    """The objects of one image.

    Attributes:
        path: The image.
        objects: Objects x `COLUMNS`; with `relative`, boxes are center and size as shares of the image.
        size: Width and height that the boxes count in; None where the file does not say.
        relative: Whether boxes are shares of the image.
    """

    path: Path
    objects: Objects
    size: tuple[int, int] | None = None
    relative: bool = False

    def on(self, image: Image) -> Objects:
        """Return the objects in pixels of the image.

        Raises:
            DataError: The boxes count in an image of another size.
        """
        height, width = image.shape[:2]
        if self.size is not None and self.size != (width, height):
            given = f"{self.size[0]}x{self.size[1]}"
            raise DataError(f"{self.path} is {width}x{height} px, its boxes are those of an image of {given} px")
        if not self.relative:
            return self.objects
        scaled = self.objects.copy()
        scaled[:, :4] *= (width, height, width, height)
        scaled[:, :2] -= scaled[:, 2:4] / 2
        scaled[:, 6] = scaled[:, 2] * scaled[:, 3]
        return scaled


@dataclass
class BoxSet:
    """Images with boxes.

    Attributes:
        images: The images in order, those without an object included.
        names: Names of the classes, in the order in which objects count them.
        ids: Number of each class in the file that names it; empty where classes have no other numbers.
        findings: What was left out.
        parts: Always empty: no part is scored by itself.
        unreadable: Images that could not be read when they were due, with the reason.

    Raises:
        DataError: No image has an object.
    """

    images: Sequence[ImageBoxes]
    names: tuple[str, ...]
    ids: tuple[int, ...] = ()
    findings: Sequence[Finding] = ()
    parts: Sequence[tuple[str, int]] = ()
    unreadable: dict[Path, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        boxes = [len(image.objects) for image in self.images]
        if not sum(boxes):
            raise DataError(
                f"none of {len(boxes)} images has a box: nothing can be scored", "give annotations of these images"
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def files(self) -> list[tuple[Path, Objects]]:
        """Path and objects of each image, the boxes as they stand in the files."""
        return [(image.path, image.objects) for image in self.images]

    def select(self, places: Iterable[int]) -> Iterator[tuple[int, Image, Objects]]:
        """Yield position, RGB image and objects at these positions; an image that cannot be read is left out."""
        for place in places:
            boxes = self.images[place]
            try:
                image = read_image(boxes.path)
                objects = boxes.on(image)
            except DataError as error:
                self.unreadable[boxes.path] = error.message
                continue
            yield place, image, objects


def without_empty(objects: Objects) -> tuple[Objects, int]:
    """Return the objects whose boxes have an area, and how many have none."""
    whole = (objects[:, 2] > 0) & (objects[:, 3] > 0) & np.isfinite(objects[:, :4]).all(axis=1)
    return objects[whole], int((~whole).sum())


def empty_finding(count: int) -> list[Finding]:
    """Return the finding about boxes without an area; none where there are none."""
    words = f"{count} box{'es' * (count != 1)} without an area left out"
    return [Finding("empty_boxes", "warn", words, "see whether they count corners or sizes")] if count else []


def as_objects(rows: Sequence[Sequence[float]]) -> Objects:
    """Return rows of `COLUMNS` numbers as an array, of no rows too."""
    return np.array(rows, np.float64).reshape(len(rows), COLUMNS)
