"""Torch building blocks of the model families. Importing this package imports torch."""

from __future__ import annotations

from suites.nn.blocks import ConvBNAct, InvertedResidual, ShuffleUnit, SqueezeExcite, classifier, with_eps

__all__ = ["ConvBNAct", "InvertedResidual", "ShuffleUnit", "SqueezeExcite", "classifier", "with_eps"]
