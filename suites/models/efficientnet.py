"""EfficientNet (arXiv 1905.11946): what B0 and Lite0 share."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from suites.models.base import ModelFamily, Variant, make_divisible

if TYPE_CHECKING:
    from torch import nn


class Row(NamedTuple):
    """A stage of table 1: expansion, kernel, channels, repeats, stride of the first repeat."""

    expand: int
    kernel: int
    channels: int
    repeats: int
    stride: int


BATCH_NORM_EPS = 1e-3
"""Batch normalisation epsilon of the reference code."""


class EfficientNet(ModelFamily):
    """Base of both nets: Lite has ReLU6 for SiLU and no squeeze-excite, since neither quantises well."""

    paper = "1905.11946"
    widths = (0.3, 0.35, 0.5, 0.75, 1.0)
    resolutions = (32, 224)
    lite: ClassVar[bool]
    rows: ClassVar[tuple[Row, ...]] = (
        Row(1, 3, 16, 1, 1),
        Row(6, 3, 24, 2, 2),
        Row(6, 5, 40, 2, 2),
        Row(6, 3, 80, 3, 2),
        Row(6, 5, 112, 3, 1),
        Row(6, 5, 192, 4, 2),
        Row(6, 3, 320, 1, 1),
    )
    """Stages 2 to 8 of table 1."""

    def net(self, variant: Variant) -> nn.Module:
        """Table 1 of the paper, scaled by ``variant.width``; gates squeeze to a quarter of a block's input."""
        from torch.nn import ReLU6, Sigmoid, SiLU

        from suites.nn import ConvBNAct, InvertedResidual, SqueezeExcite, classifier, with_eps

        act = ReLU6 if self.lite else SiLU
        channels = make_divisible(32 * variant.width)
        features: list[nn.Module] = [ConvBNAct(variant.channels, channels, 3, variant.stem_stride, act=act)]
        for row in self.rows:
            outputs = make_divisible(row.channels * variant.width)
            for stride in (row.stride, *[1] * (row.repeats - 1)):
                hidden = channels * row.expand
                gate = None if self.lite else SqueezeExcite(hidden, max(1, channels // 4), SiLU, Sigmoid)
                features.append(InvertedResidual(channels, hidden, outputs, row.kernel, stride, act, gate))
                channels = outputs
        last = make_divisible(1280 * variant.width)
        features.append(ConvBNAct(channels, last, act=act))
        return with_eps(classifier(features, last, variant.classes, dropout=0.2), BATCH_NORM_EPS)
