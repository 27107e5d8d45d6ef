"""MobileNetV1 (arXiv 1704.04861): depthwise separable convolutions, one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from .base import ModelFamily, ModelVariant, PublishedCounts, make_divisible

if TYPE_CHECKING:
    from torch import nn


class Row(NamedTuple):
    """A depthwise separable pair of table 1.

    Attributes:
        channels: Output channels.
        stride: Stride of the depthwise convolution.
    """

    channels: int
    stride: int


class MobileNetV1(ModelFamily):
    """MobileNetV1."""

    name = "mobilenet_v1"
    title = "MobileNetV1"
    paper = "1704.04861"
    widths = (0.25, 0.5, 0.75, 1.0)
    resolutions = (32, 128, 160, 192, 224)
    published = (
        PublishedCounts(1.0, 224, 4_231_976, "timm mobilenetv1_100", 4.2e6, 569e6, "arXiv 1704.04861, table 6"),
        PublishedCounts(
            0.75, 224, 2_585_560, "timm mobilenetv1, channel_multiplier 0.75", 2.6e6, 325e6, "arXiv 1704.04861, table 6"
        ),
        PublishedCounts(
            0.5, 224, 1_331_592, "timm mobilenetv1, channel_multiplier 0.5", 1.3e6, 149e6, "arXiv 1704.04861, table 6"
        ),
        PublishedCounts(
            0.25,
            224,
            470_072,
            "timm mobilenetv1, channel_multiplier 0.25",
            0.5e6,
            41e6,
            "arXiv 1704.04861, table 6",
            note="the paper rounds 0.47 M to 0.5 M",
        ),
        PublishedCounts(1.0, 192, 4_231_976, "timm mobilenetv1_100", 4.2e6, 418e6, "arXiv 1704.04861, table 7"),
        PublishedCounts(1.0, 160, 4_231_976, "timm mobilenetv1_100", 4.2e6, 290e6, "arXiv 1704.04861, table 7"),
        PublishedCounts(1.0, 128, 4_231_976, "timm mobilenetv1_100", 4.2e6, 186e6, "arXiv 1704.04861, table 7"),
    )
    rows: ClassVar[tuple[Row, ...]] = (
        Row(64, 1),
        Row(128, 2),
        Row(128, 1),
        Row(256, 2),
        Row(256, 1),
        Row(512, 2),
        *[Row(512, 1)] * 5,
        Row(1024, 2),
        Row(1024, 1),
    )

    def net(self, variant: ModelVariant) -> nn.Module:
        """Return table 1 of the paper, scaled by `variant.width`, with ReLU6 and last stride 1 as in the code."""
        from suites.nn import ConvBNAct, classifier

        channels = make_divisible(32 * variant.width)
        features: list[nn.Module] = [ConvBNAct(variant.channels, channels, 3, variant.stem_stride)]
        for row in self.rows:
            outputs = make_divisible(row.channels * variant.width)
            features.append(ConvBNAct(channels, channels, 3, row.stride, groups=channels))
            features.append(ConvBNAct(channels, outputs))
            channels = outputs
        return classifier(features, channels, variant.classes, dropout=0.001)


PLUGINS: tuple[ModelFamily, ...] = (MobileNetV1(),)
