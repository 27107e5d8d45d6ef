"""EfficientNet (arXiv 1905.11946): what B0 to B4 and Lite0 to Lite4 share."""

from __future__ import annotations

import math
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
    """Base of all nets: Lite has ReLU6 for SiLU and no squeeze-excite, since neither quantises well.

    Compound scaling multiplies table 1 by ``wider`` and ``deeper``; a variant's own width comes on top of it, and is
    1.0 for the published nets. Lite keeps stem, head, first and last stage as they are in B0.
    """

    paper = "1905.11946"
    widths = (0.3, 0.35, 0.5, 0.75, 1.0)
    lite: ClassVar[bool]
    wider: ClassVar[float] = 1.0
    deeper: ClassVar[float] = 1.0
    dropout: ClassVar[float] = 0.2
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
        """Table 1 of the paper, scaled; gates squeeze to a quarter of a block's input."""
        from torch.nn import ReLU6, SiLU

        from suites.nn import ConvBNAct, classifier, with_eps

        act = ReLU6 if self.lite else SiLU
        ends = variant.width * (1.0 if self.lite else self.wider)
        first, last = make_divisible(32 * ends), make_divisible(1280 * ends)
        stem = ConvBNAct(variant.channels, first, 3, variant.stem_stride, act=act)
        blocks, channels = self._blocks(first, variant.width * self.wider)
        features = [stem, *blocks, ConvBNAct(channels, last, act=act)]
        return with_eps(classifier(features, last, variant.classes, self.dropout), BATCH_NORM_EPS)

    def _blocks(self, channels: int, width: float) -> tuple[list[nn.Module], int]:
        """The inverted residuals after a stem of ``channels``, and the channels of the last."""
        from torch.nn import ReLU6, Sigmoid, SiLU

        from suites.nn import InvertedResidual, SqueezeExcite

        blocks: list[nn.Module] = []
        for row in self.rows:
            outputs = make_divisible(row.channels * width)
            for stride in (row.stride, *[1] * (self._repeats(row) - 1)):
                hidden = channels * row.expand
                gate = None if self.lite else SqueezeExcite(hidden, max(1, channels // 4), SiLU, Sigmoid)
                act = ReLU6 if self.lite else SiLU
                blocks.append(InvertedResidual(channels, hidden, outputs, row.kernel, stride, act, gate))
                channels = outputs
        return blocks, channels

    def _repeats(self, row: Row) -> int:
        kept = self.lite and row in (self.rows[0], self.rows[-1])
        return row.repeats if kept else math.ceil(row.repeats * self.deeper)
