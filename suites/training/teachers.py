"""The larger net that teaches each family, and how it is trained. Importing it costs no torch."""

from __future__ import annotations

from dataclasses import replace

from harness.core.errors import UsageError
from suites.models.base import Variant

WIDTHS = {"efficientnet_lite0": 0.6, "mobilenet_v2": 1.0, "shufflenet_v2": 1.0}
"""Two to three times as wide as the nets that ship."""
EPOCHS = {"efficientnet_lite0": 12, "mobilenet_v2": 12, "shufflenet_v2": 6}
"""As far as an hour or two on one core goes. Six are too few: that teacher is no better than its pupil was."""
_SOFT = ("--learning-rate", "0.1", "--label-smoothing", "0")
"""Without label smoothing, which takes from a teacher what it knows of the likeness of classes (arXiv 1906.02629);
at twice this rate and without it mobilenet_v2-1.0-32 forgot in its fifth epoch much of what it had learnt."""


def teacher_of(model: str) -> str:
    """Name of the net that teaches ``model``. UsageError where its family has none."""
    variant = Variant.parse(model)
    if variant.family not in WIDTHS:
        raise UsageError(f"no larger net is there to teach {model}", f"distilled is had of {', '.join(sorted(WIDTHS))}")
    return str(replace(variant, width=WIDTHS[variant.family]))


def options(teacher: str) -> tuple[str, ...]:
    """How `suites.training.train` is asked for the net that teaches."""
    return ("--epochs", str(EPOCHS[Variant.parse(teacher).family]), *_SOFT)
