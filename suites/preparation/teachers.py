"""The larger net that teaches each family, and how it is trained. Importing it costs no torch."""

from __future__ import annotations

from dataclasses import replace

from harness.core.errors import UsageError
from suites.models.base import Variant

WIDTHS = {"efficientnet_lite0": 0.6, "mobilenet_v2": 1.0, "shufflenet_v2": 1.0}
"""Two to three times as wide as the nets that ship."""
TRAINING = ("--epochs", "12", "--learning-rate", "0.1", "--label-smoothing", "0")
"""How `suites.preparation.training.train` is asked for them.

Six epochs are too few: that teacher is no better than its pupil was. Without label smoothing, which takes from a
teacher what it knows of the likeness of classes (arXiv 1906.02629); at twice this rate and without it
mobilenet_v2-1.0-32 forgot in its fifth epoch much of what it had learnt.
"""


def teacher_of(model: str) -> str:
    """Name of the net that teaches ``model``. UsageError where its family has none."""
    variant = Variant.parse(model)
    if variant.family not in WIDTHS:
        raise UsageError(f"no larger net is there to teach {model}", f"distilled is had of {', '.join(sorted(WIDTHS))}")
    return str(replace(variant, width=WIDTHS[variant.family]))
