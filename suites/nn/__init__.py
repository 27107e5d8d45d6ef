"""Torch building blocks of the model families. Importing this package imports torch."""

from __future__ import annotations

from suites.nn.blocks import ConvBNAct, InvertedResidual, ShuffleUnit, SqueezeExcite, classifier, with_eps
from suites.nn.fire import Fire
from suites.nn.fused import FusedInvertedResidual
from suites.nn.grouped import GroupedUnit
from suites.nn.residual import BasicBlock
from suites.nn.universal import UniversalInvertedBottleneck

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
    "with_eps",
]
