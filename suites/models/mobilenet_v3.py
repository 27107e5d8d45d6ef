"""MobileNetV3 (arXiv 1905.02244): what the Small and the Large net share."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from suites.models.base import ModelFamily, Variant, make_divisible

if TYPE_CHECKING:
    from torch import nn


class Row(NamedTuple):
    """A row of tables 1 and 2: kernel, expanded size, channels, squeeze-excite, hard-swish or ReLU, stride."""

    kernel: int
    hidden: int
    channels: int
    attention: bool
    hard_swish: bool
    stride: int


STEM = 16
"""Channels of the first convolution."""

BATCH_NORM_EPS = 1e-3
"""Batch normalisation epsilon of the reference code."""


class MobileNetV3(ModelFamily):
    """Base of both nets: they differ in their rows and in the sizes of the head."""

    paper = "1905.02244"
    widths = (0.35, 0.5, 0.75, 1.0)
    resolutions = (32, 128, 160, 192, 224)
    rows: ClassVar[tuple[Row, ...]]
    head: ClassVar[int]
    """Features of the linear layer that follows the pooling."""

    def net(self, variant: Variant) -> nn.Module:
        """The net's table, scaled by ``variant.width``; gates squeeze to a quarter of the expanded size."""
        from torch import nn

        from suites.nn import ConvBNAct, with_eps

        first = make_divisible(STEM * variant.width)
        stem = ConvBNAct(variant.channels, first, 3, variant.stem_stride, act=nn.Hardswish)
        blocks, channels = self._blocks(first, variant.width)
        last = 6 * channels
        head = make_divisible(self.head * max(1.0, variant.width))
        net = nn.Sequential(
            stem,
            *blocks,
            ConvBNAct(channels, last, act=nn.Hardswish),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(1),
            nn.Linear(last, head),
            nn.Hardswish(),
            nn.Dropout(0.2),
            nn.Linear(head, variant.classes),
        )
        return with_eps(net, BATCH_NORM_EPS)

    def _blocks(self, channels: int, width: float) -> tuple[list[nn.Module], int]:
        """The inverted residuals after a stem of ``channels``, and the channels of the last.

        Width acts on outputs; what a block expands them to stays the same multiple, as in the reference code.
        """
        from torch.nn import Hardsigmoid, Hardswish, ReLU

        from suites.nn import InvertedResidual, SqueezeExcite

        blocks: list[nn.Module] = []
        unscaled = STEM
        for row in self.rows:
            hidden, outputs = make_divisible(channels * row.hidden / unscaled), make_divisible(row.channels * width)
            squeezed = make_divisible(hidden / 4)
            gate = SqueezeExcite(hidden, squeezed, ReLU, Hardsigmoid) if row.attention else None
            act = Hardswish if row.hard_swish else ReLU
            blocks.append(InvertedResidual(channels, hidden, outputs, row.kernel, row.stride, act, gate))
            channels, unscaled = outputs, row.channels
        return blocks, channels
