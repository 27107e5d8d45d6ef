"""MobileNetV2 (arXiv 1801.04381): inverted residuals with linear bottlenecks."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from .base import ModelFamily, ModelVariant, PublishedCounts, make_divisible

if TYPE_CHECKING:
    from torch import nn


class Row(NamedTuple):
    """A row of table 2.

    Attributes:
        expand: Expansion factor, t in the table.
        channels: Output channels, c.
        repeats: Number of blocks, n.
        stride: Stride of the first block, s.
    """

    expand: int
    channels: int
    repeats: int
    stride: int


class MobileNetV2(ModelFamily):
    """MobileNetV2; the last convolution keeps 1280 channels below width 1, as in the paper's section 6.1."""

    name = "mobilenet_v2"
    title = "MobileNetV2"
    paper = "1801.04381"
    widths = (0.35, 0.5, 0.75, 1.0, 1.4)
    resolutions = (32, 96, 128, 160, 192, 224)
    published = (
        PublishedCounts(
            1.4,
            224,
            6_108_776,
            "torchvision mobilenet_v2, width_mult 1.4",
            6.06e6,
            582e6,
            "README of tensorflow/models slim/nets/mobilenet",
        ),
        PublishedCounts(
            1.0,
            224,
            3_504_872,
            "torchvision mobilenet_v2",
            3.4e6,
            300e6,
            "arXiv 1801.04381, table 4",
            note="the paper rounds down: its code has 3.47 M",
        ),
        PublishedCounts(
            0.75,
            224,
            2_636_424,
            "torchvision mobilenet_v2, width_mult 0.75",
            2.61e6,
            209e6,
            "README of tensorflow/models slim/nets/mobilenet",
        ),
        PublishedCounts(
            0.5,
            224,
            1_968_680,
            "torchvision mobilenet_v2, width_mult 0.5",
            1.95e6,
            97e6,
            "README of tensorflow/models slim/nets/mobilenet",
        ),
        PublishedCounts(
            0.35,
            224,
            1_677_128,
            "torchvision mobilenet_v2, width_mult 0.35",
            1.66e6,
            59e6,
            "README of tensorflow/models slim/nets/mobilenet",
        ),
    )
    rows: ClassVar[tuple[Row, ...]] = (
        Row(1, 16, 1, 1),
        Row(6, 24, 2, 2),
        Row(6, 32, 3, 2),
        Row(6, 64, 4, 2),
        Row(6, 96, 3, 1),
        Row(6, 160, 3, 2),
        Row(6, 320, 1, 1),
    )

    def net(self, variant: ModelVariant) -> nn.Module:
        """Return table 2 of the paper, scaled by `variant.width`."""
        from torch.nn import ReLU6

        from suites.nn import ConvBNAct, InvertedResidual, classifier

        channels = make_divisible(32 * variant.width)
        features: list[nn.Module] = [ConvBNAct(variant.channels, channels, 3, variant.stem_stride)]
        for row in self.rows:
            outputs = make_divisible(row.channels * variant.width)
            for stride in (row.stride, *[1] * (row.repeats - 1)):
                hidden = channels * row.expand
                features.append(InvertedResidual(channels, hidden, outputs, 3, stride, ReLU6))
                channels = outputs
        last = make_divisible(1280 * max(1.0, variant.width))
        features.append(ConvBNAct(channels, last))
        return classifier(features, last, variant.classes, dropout=0.2)


PLUGINS: tuple[ModelFamily, ...] = (MobileNetV2(),)
