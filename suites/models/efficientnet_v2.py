"""EfficientNetV2 (arXiv 2104.00298): what B0 and S share."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from suites.models.base import ModelFamily, Variant, make_divisible
from suites.models.efficientnet import BATCH_NORM_EPS

if TYPE_CHECKING:
    from torch import nn


class Row(NamedTuple):
    """A stage of table 4: fused or with depthwise filter and gate, expansion, channels, repeats, first stride."""

    fused: bool
    expand: int
    channels: int
    repeats: int
    stride: int


class EfficientNetV2(ModelFamily):
    """Base of both nets; every kernel is 3 x 3."""

    paper = "2104.00298"
    widths = (0.35, 0.5, 0.75, 1.0)
    stem: ClassVar[int]
    rows: ClassVar[tuple[Row, ...]]

    def net(self, variant: Variant) -> nn.Module:
        """The net's table, scaled by ``variant.width``; gates squeeze to a quarter of a block's input."""
        from torch.nn import Sigmoid, SiLU

        from suites.nn import ConvBNAct, FusedInvertedResidual, InvertedResidual, SqueezeExcite, classifier, with_eps

        channels = make_divisible(self.stem * variant.width)
        features: list[nn.Module] = [ConvBNAct(variant.channels, channels, 3, variant.stem_stride, act=SiLU)]
        for row in self.rows:
            outputs = make_divisible(row.channels * variant.width)
            for stride in (row.stride, *[1] * (row.repeats - 1)):
                hidden = channels * row.expand
                if row.fused:
                    features.append(FusedInvertedResidual(channels, hidden, outputs, 3, stride, SiLU))
                else:
                    gate = SqueezeExcite(hidden, max(1, channels // 4), SiLU, Sigmoid)
                    features.append(InvertedResidual(channels, hidden, outputs, 3, stride, SiLU, gate))
                channels = outputs
        last = make_divisible(1280 * variant.width)
        features.append(ConvBNAct(channels, last, act=SiLU))
        return with_eps(classifier(features, last, variant.classes, dropout=0.2), BATCH_NORM_EPS)
