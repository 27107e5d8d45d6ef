"""What a float model reached on each sample, as a file that the workers of its settings compare themselves with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.core.task import PerSample, Predictions


@dataclass(frozen=True)
class ReferenceOutcomes:
    """The outcomes of a float model.

    Attributes:
        outcomes: One for each sample.
        truths: What is right for each, counted as the model does.
        places: Position of each sample in the data set, ascending.
        width: Shape of one row of its predictions.
    """

    outcomes: PerSample
    truths: PerSample
    places: NDArray[np.int64]
    width: tuple[int, ...]


def write_outcomes(path: Path, outcomes: PerSample, predictions: Predictions) -> None:
    """Save the outcomes of a float model, and what is right; its predictions themselves may be large."""
    truths = predictions.truths
    np.savez(
        path,
        outcomes=outcomes.values,
        outcome_counts=outcomes.counts,
        truths=truths.values,
        truth_counts=truths.counts,
        places=predictions.places,
        width=np.array(predictions.width, np.int64),
    )


def read_outcomes(path: Path) -> ReferenceOutcomes:
    """Load what `write_outcomes` saved."""
    with np.load(path, allow_pickle=False) as file:
        return ReferenceOutcomes(
            PerSample(file["outcomes"], file["outcome_counts"]),
            PerSample(file["truths"], file["truth_counts"]),
            file["places"],
            tuple(file["width"].tolist()),
        )
