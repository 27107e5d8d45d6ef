"""MobileNetV4: the convolutional nets Small and Medium (arXiv 2404.10518)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from .base import ModelFamily, ModelVariant, PublishedCounts, make_divisible

if TYPE_CHECKING:
    from torch import nn


class Conv(NamedTuple):
    """A plain convolution."""

    kernel: int
    channels: int
    stride: int


class Fused(NamedTuple):
    """A fused inverted residual; `expand` is its expansion factor."""

    kernel: int
    expand: int
    channels: int
    stride: int


class Universal(NamedTuple):
    """A universal inverted bottleneck.

    Attributes:
        start: Kernel of the depthwise convolution at the start, 0 without one.
        middle: Kernel of the depthwise convolution in the middle, 0 without one.
        expand: Expansion factor.
        channels: Output channels.
        stride: Stride of the block.
    """

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

    def net(self, variant: ModelVariant) -> nn.Module:
        """Return the net's table, scaled by `variant.width`; the last convolution comes after the pooling."""
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


class MobileNetV4ConvSmall(MobileNetV4):
    """MobileNetV4-Conv-Small."""

    name = "mobilenet_v4_conv_small"
    title = "MobileNetV4-Conv-Small"
    published = (
        PublishedCounts(
            1.0,
            224,
            3_774_024,
            "timm mobilenetv4_conv_small",
            3.8e6,
            0.2e9,
            "arXiv 2404.10518",
            note="the paper gives one digit",
        ),
    )
    rows = (
        Conv(3, 32, 2),
        Conv(1, 32, 1),
        Conv(3, 96, 2),
        Conv(1, 64, 1),
        Universal(5, 5, 3, 96, 2),
        *[Universal(0, 3, 2, 96)] * 4,
        Universal(3, 0, 4, 96),
        Universal(3, 3, 6, 128, 2),
        Universal(5, 5, 4, 128),
        Universal(0, 5, 4, 128),
        Universal(0, 5, 3, 128),
        *[Universal(0, 3, 4, 128)] * 2,
        Conv(1, 960, 1),
    )


class MobileNetV4ConvMedium(MobileNetV4):
    """MobileNetV4-Conv-Medium."""

    name = "mobilenet_v4_conv_medium"
    title = "MobileNetV4-Conv-Medium"
    published = (
        PublishedCounts(
            1.0,
            256,
            9_715_512,
            "timm mobilenetv4_conv_medium",
            9.2e6,
            1.0e9,
            "arXiv 2404.10518",
            note="the paper states 5 % fewer parameters than timm's net has, and two digits of the MACs",
        ),
    )
    rows = (
        Fused(3, 4, 48, 2),
        Universal(3, 5, 4, 80, 2),
        Universal(3, 3, 2, 80),
        Universal(3, 5, 6, 160, 2),
        *[Universal(3, 3, 4, 160)] * 2,
        Universal(3, 5, 4, 160),
        Universal(3, 3, 4, 160),
        Universal(3, 0, 4, 160),
        Universal(0, 0, 2, 160),
        Universal(3, 0, 4, 160),
        Universal(5, 5, 6, 256, 2),
        Universal(5, 5, 4, 256),
        *[Universal(3, 5, 4, 256)] * 2,
        Universal(0, 0, 4, 256),
        Universal(3, 0, 4, 256),
        Universal(3, 5, 2, 256),
        Universal(5, 5, 4, 256),
        *[Universal(0, 0, 4, 256)] * 2,
        Universal(5, 0, 2, 256),
        Conv(1, 960, 1),
    )


PLUGINS: tuple[ModelFamily, ...] = (MobileNetV4ConvSmall(), MobileNetV4ConvMedium())
