"""Labelled samples split in two: some for calibration, the others for scoring. No sample is ever in both."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.artifact import Preprocess
from harness.core.errors import DataError
from harness.core.task import Task, load_task
from harness.datasets.image_folders import ImageFiles
from harness.datasets.manifest import subset
from harness.datasets.part import PART, write_part
from suites.compression.base import Calibration

SHARE, MOST = 0.2, 128
"""Share and largest number of calibration images. 128 take 77 MB at 224 x 224 x 3; more change ranges little."""


@dataclass(frozen=True)
class Split:
    """Labelled samples, split for calibration and scoring.

    Attributes:
        data: All samples; path and label of each in `files`.
        path: The folder or file they are in.
        seed: Seed of the draw.
        task: What the models are to do with them.
        kind: How they are stored, as the task's `open` takes it.

    Raises:
        DataError: There are fewer than two samples.
    """

    data: Any
    path: Path
    seed: int = 0
    task: Task = field(default_factory=partial(load_task, ""))
    kind: str = ""

    def __post_init__(self) -> None:
        if len(self.data) < 2:
            raise DataError(
                f"{self.path} holds one image", "give more: some are used for calibration, the others are scored"
            )

    @cached_property
    def indices(self) -> list[int]:
        """Indices of the calibration samples, ascending: drawn from the classes in turn, never the last one of one."""
        groups = [self.task.stratum(label) for _, label in self.data.files]
        count = min(MOST, max(1, int(SHARE * len(groups))))
        return sorted(stratified(groups, count, self.seed))

    @cached_property
    def scored(self) -> tuple[str, Path]:
        """The samples to score on: how they are stored, and the file."""
        places = sorted(set(range(len(self.data))) - set(self.indices))
        if isinstance(self.data, ImageFiles):
            return "manifest", subset(self.data, places).write()
        return PART, write_part(self.kind, self.path, places)

    def images(self, how: Preprocess) -> Calibration:
        """Return the calibration samples as inputs of a model."""
        return np.stack([self.task.encode(sample, how) for _, sample, _ in self.data.select(self.indices)])

    @property
    def note(self) -> dict[str, Any]:
        """How the samples were split, and which they are, for the recipe."""
        names = "\n".join(os.path.relpath(self.data.files[i][0], self.path) for i in self.indices)
        return {
            "calibration_images": len(self.indices),
            "scored_images": len(self.data) - len(self.indices),
            "seed": self.seed,
            "stratified": True,
            "calibration_names_sha256": hashlib.sha256(names.encode()).hexdigest(),
        }


def stratified(groups: Sequence[int], count: int, seed: int) -> list[int]:
    """Return ``count`` indices by a seeded draw from the classes in turn, leaving each class an image if possible."""
    order = np.random.default_rng(seed).permutation(len(groups))
    classes: dict[int, list[int]] = {}
    for index in map(int, order):
        classes.setdefault(groups[index], []).append(index)
    spare = [indices[:-1] for _, indices in sorted(classes.items())]
    turns = [indices[turn] for turn in range(max(map(len, spare))) for indices in spare if turn < len(indices)]
    return (turns or [int(order[0])])[:count]
