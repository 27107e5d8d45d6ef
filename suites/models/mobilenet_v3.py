"""MobileNetV3 Large and Small (arXiv 1905.02244, tables 1 and 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from .base import ModelFamily, ModelVariant, PublishedCounts, make_divisible

if TYPE_CHECKING:
    from torch import nn


class Row(NamedTuple):
    """A row of tables 1 and 2.

    Attributes:
        kernel: Edge of the depthwise kernel.
        hidden: Channels after the expansion.
        channels: Output channels.
        attention: Whether the block has squeeze-and-excitation.
        hard_swish: Whether the activation is hard-swish, not ReLU.
        stride: Stride of the depthwise convolution.
    """

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
    """Base of both nets, which differ in their rows and the size of the head.

    Attributes:
        rows: Rows of the net's table.
        head: Features of the linear layer that follows the pooling.
    """

    paper = "1905.02244"
    widths = (0.35, 0.5, 0.75, 1.0)
    resolutions = (32, 128, 160, 192, 224)
    rows: ClassVar[tuple[Row, ...]]
    head: ClassVar[int]

    def net(self, variant: ModelVariant) -> nn.Module:
        """Return the net's table, scaled by `variant.width`; gates squeeze to a quarter of the expanded size."""
        from torch import nn

        from suites.nn import ConvBNAct, set_batch_norm_eps

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
        return set_batch_norm_eps(net, BATCH_NORM_EPS)

    def _blocks(self, channels: int, width: float) -> tuple[list[nn.Module], int]:
        """Return the inverted residuals after a stem of `channels`, and the output channels of the last.

        Width scales outputs; the expansion stays the same multiple of them, as in the reference code.
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


class MobileNetV3Large(MobileNetV3):
    """MobileNetV3-Large."""

    name = "mobilenet_v3_large"
    title = "MobileNetV3-Large"
    published = (
        PublishedCounts(
            1.0, 224, 5_483_032, "torchvision mobilenet_v3_large", 5.4e6, 219e6, "arXiv 1905.02244, table 3"
        ),
        PublishedCounts(0.75, 224, 3_993_528, "timm mobilenetv3_large_075", 4.0e6, 155e6, "arXiv 1905.02244, table 3"),
    )
    head = 1280
    rows = (
        Row(3, 16, 16, False, False, 1),
        Row(3, 64, 24, False, False, 2),
        Row(3, 72, 24, False, False, 1),
        Row(5, 72, 40, True, False, 2),
        Row(5, 120, 40, True, False, 1),
        Row(5, 120, 40, True, False, 1),
        Row(3, 240, 80, False, True, 2),
        Row(3, 200, 80, False, True, 1),
        Row(3, 184, 80, False, True, 1),
        Row(3, 184, 80, False, True, 1),
        Row(3, 480, 112, True, True, 1),
        Row(3, 672, 112, True, True, 1),
        Row(5, 672, 160, True, True, 2),
        Row(5, 960, 160, True, True, 1),
        Row(5, 960, 160, True, True, 1),
    )


class MobileNetV3Small(MobileNetV3):
    """MobileNetV3-Small."""

    name = "mobilenet_v3_small"
    title = "MobileNetV3-Small"
    published = (
        PublishedCounts(
            1.0, 224, 2_542_856, "torchvision mobilenet_v3_small", 2.5e6, 56e6, "arXiv 1905.02244, table 3"
        ),
        PublishedCounts(0.75, 224, 2_041_872, "timm mobilenetv3_small_075", 2.0e6, 44e6, "arXiv 1905.02244, table 3"),
    )
    head = 1024
    rows = (
        Row(3, 16, 16, True, False, 2),
        Row(3, 72, 24, False, False, 2),
        Row(3, 88, 24, False, False, 1),
        Row(5, 96, 40, True, True, 2),
        Row(5, 240, 40, True, True, 1),
        Row(5, 240, 40, True, True, 1),
        Row(5, 120, 48, True, True, 1),
        Row(5, 144, 48, True, True, 1),
        Row(5, 288, 96, True, True, 2),
        Row(5, 576, 96, True, True, 1),
        Row(5, 576, 96, True, True, 1),
    )


PLUGINS: tuple[ModelFamily, ...] = (MobileNetV3Large(), MobileNetV3Small())
