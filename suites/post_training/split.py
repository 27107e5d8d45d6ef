"""Labelled images split in two: some for calibration, the others for scoring. No image is ever in both."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.artifact import Preprocess
from harness.core.errors import DataError
from harness.datasets.image_folders import ImageFiles
from harness.datasets.label_mapping import Label
from harness.datasets.manifest import subset
from harness.datasets.pictures import read_image
from harness.datasets.preprocessing import preprocess
from suites.compression.base import Calibration

SHARE, MOST = 0.2, 128
"""Share and largest number of calibration images. 128 take 77 MB at 224 x 224 x 3; more change ranges little."""


@dataclass(frozen=True)
class Split:
    """Labelled images, split for calibration and scoring.

    Attributes:
        data: All images.
        path: The folder they are in.
        seed: Seed of the draw.

    Raises:
        DataError: There are fewer than two images.
    """

    data: ImageFiles
    path: Path
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.data) < 2:
            raise DataError(
                f"{self.path} holds one image", "give more: some are used for calibration, the others are scored"
            )

    @cached_property
    def indices(self) -> list[int]:
        """Indices of the calibration images, ascending: drawn from the classes in turn, never the last image of one."""
        labels = [label for _, label in self.data.files]
        count = min(MOST, max(1, int(SHARE * len(labels))))
        return sorted(stratified(labels, count, self.seed))

    @cached_property
    def scored(self) -> Path:
        """The images to score on, as a file that `open_dataset('manifest', ...)` opens."""
        return subset(self.data, sorted(set(range(len(self.data))) - set(self.indices))).write()

    def images(self, how: Preprocess) -> Calibration:
        """Return the calibration images as inputs of a model."""
        return np.stack([preprocess(read_image(self.data.files[index][0]), how) for index in self.indices])

    @property
    def note(self) -> dict[str, Any]:
        """How the images were split, and which they are, for the recipe."""
        names = "\n".join(str(self.data.files[i][0].relative_to(self.path)) for i in self.indices)
        return {
            "calibration_images": len(self.indices),
            "scored_images": len(self.data) - len(self.indices),
            "seed": self.seed,
            "stratified": True,
            "calibration_names_sha256": hashlib.sha256(names.encode()).hexdigest(),
        }


def stratified(labels: Sequence[Label], count: int, seed: int) -> list[int]:
    """Return ``count`` indices by a seeded draw from the classes in turn, leaving each class an image if possible."""
    order = np.random.default_rng(seed).permutation(len(labels))
    classes: dict[int, list[int]] = {}
    for index in map(int, order):
        label = labels[index]
        classes.setdefault(label if isinstance(label, int) else label[0], []).append(index)
    spare = [indices[:-1] for _, indices in sorted(classes.items())]
    turns = [indices[turn] for turn in range(max(map(len, spare))) for indices in spare if turn < len(indices)]
    return (turns or [int(order[0])])[:count]
