"""Torch building blocks of the model families. Importing this package imports torch."""

from __future__ import annotations

from .blocks import (
    BasicBlock,
    ConvBNAct,
    Fire,
    FusedInvertedResidual,
    GroupedUnit,
    InvertedResidual,
    ShuffleUnit,
    SqueezeExcite,
    UniversalInvertedBottleneck,
    classifier,
    set_batch_norm_eps,
)

__all__ = [
    "BasicBlock",
    "ConvBNAct",
    "Fire",
    "FusedInvertedResidual",
    "GroupedUnit",
    "InvertedResidual",
    "ShuffleUnit",
    "SqueezeExcite",
    "UniversalInvertedBottleneck",
    "classifier",
    "set_batch_norm_eps",
]
