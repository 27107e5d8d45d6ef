"""MobileNetV4 (arXiv 2404.10518): what the convolutional nets share."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from suites.models.base import ModelFamily, Variant, make_divisible

if TYPE_CHECKING:
    from torch import nn


class Conv(NamedTuple):
    """A plain convolution: kernel, channels, stride."""

    kernel: int
    channels: int
    stride: int


class Fused(NamedTuple):
    """A fused inverted residual: kernel, expansion, channels, stride."""

    kernel: int
    expand: int
    channels: int
    stride: int


class Universal(NamedTuple):
    """A universal inverted bottleneck: kernels at start and middle (0: none), expansion, channels, stride."""

    start: int
    middle: int
    expand: int
    channels: int
    stride: int = 1


Row = Conv | Fused | Universal


class MobileNetV4(ModelFamily):
    """Base of the nets. Below width 1 stem and head keep their size, as in timm's narrower nets."""

    paper = "2404.10518"
    widths = (0.35, 0.5, 0.75, 1.0)
    resolutions = (32, 224, 256)
    rows: ClassVar[tuple[Row, ...]]
    stem: ClassVar[int] = 32
    head: ClassVar[int] = 1280

    def net(self, variant: Variant) -> nn.Module:
        """The net's table, scaled by ``variant.width``; the last convolution comes after the pooling."""
        from torch import nn

        from suites.nn import ConvBNAct

        channels = self.stem
        features: list[nn.Module] = [ConvBNAct(variant.channels, channels, 3, variant.stem_stride, act=nn.ReLU)]
        for row in self.rows:
            outputs = make_divisible(row.channels * variant.width)
            features.append(_block(row, channels, outputs))
            channels = outputs
        return nn.Sequential(
            *features,
            nn.AdaptiveAvgPool2d(1),
            ConvBNAct(channels, self.head, act=nn.ReLU),
            nn.Flatten(1),
            nn.Dropout(0.2),
            nn.Linear(self.head, variant.classes),
        )


def _block(row: Row, inputs: int, outputs: int) -> nn.Module:
    from torch.nn import ReLU

    from suites.nn import ConvBNAct, FusedInvertedResidual, UniversalInvertedBottleneck

    if isinstance(row, Conv):
        return ConvBNAct(inputs, outputs, row.kernel, row.stride, act=ReLU)
    hidden = make_divisible(inputs * row.expand)
    if isinstance(row, Fused):
        return FusedInvertedResidual(inputs, hidden, outputs, row.kernel, row.stride, ReLU)
    return UniversalInvertedBottleneck(inputs, hidden, outputs, row.start, row.middle, row.stride, ReLU)
