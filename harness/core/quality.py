"""What the quality of a model is called and counted in: top-1, mAP, word error rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

CLASSIFICATION = "classification"
"""Name of the task of models, data and records that name none."""


@dataclass(frozen=True)
class QualityKind:
    """What the quality of a task is.

    Attributes:
        metric: Its short name, as the column `quality_metric` has it: 'top1', 'map'.
        title: Its name in headings: 'Top-1'.
        label: Its name within a sentence: 'top-1'.
        better: Better direction.
        unit: 'share' for a part of 1, which is shown in percent and points; else the unit, '' for a plain number.
    """

    metric: str
    title: str
    label: str
    better: Literal["higher", "lower"] = "higher"
    unit: str = "share"

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> QualityKind:
        """Create from plain JSON types; keys of later versions are left aside."""
        return cls(**{field.name: data[field.name] for field in fields(cls)})

    @property
    def sign(self) -> float:
        """1.0 where more is better, -1.0 where less is."""
        return 1.0 if self.better == "higher" else -1.0

    def difference(self, share: float, reference: float) -> float:
        """Return as a difference what is given as a share: of a quality that is none, so much of a reference's."""
        return share if self.unit == "share" else share * abs(reference)

    def shown(self, value: float) -> str:
        """Return a value in words, roughly: '91%', '3.2 px'."""
        return f"{value:.0%}" if self.unit == "share" else f"{value:.3g} {self.unit}".rstrip()

    def change(self, value: float) -> str:
        """Return a difference in words: '-1.25 points', '+0.3 px'."""
        return f"{100 * value:+.2f} points" if self.unit == "share" else f"{value:+.3g} {self.unit}".rstrip()


OF_CLASSIFICATION = {
    "quality": "top1",
    "n_samples": "n_images",
    "quality_difference": "top1_difference",
    "quality_p": "mcnemar_p",
}
"""The metrics of classification that are those of every task; older records have these alone."""

TOP1 = QualityKind("top1", "Top-1", "top-1")
"""The quality of classification, and of records from before there were other tasks."""
