"""EfficientNet B0 to B4 (arXiv 1905.11946), and Lite0 to Lite4 (TensorFlow blog, 16 March 2020)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from .base import ModelFamily, ModelVariant, PublishedCounts, make_divisible

if TYPE_CHECKING:
    from torch import nn


class Row(NamedTuple):
    """A stage of table 1.

    Attributes:
        expand: Expansion factor.
        kernel: Edge of the depthwise kernel.
        channels: Output channels.
        repeats: Number of blocks.
        stride: Stride of the first block.
    """

    expand: int
    kernel: int
    channels: int
    repeats: int
    stride: int


BATCH_NORM_EPS = 1e-3
"""Batch normalisation epsilon of the reference code."""


class EfficientNet(ModelFamily):
    """Base of all nets.

    Lite has ReLU6 in place of SiLU and no squeeze-and-excitation, since neither quantizes well, and does not scale
    stem, head, and the depth of first and last stage. The width of a variant multiplies that of the compound scaling;
    it is 1.0 for the published nets.

    Attributes:
        lite: Whether it is a Lite net.
        width_scale: Factor of the compound scaling for channels.
        depth_scale: Factor of the compound scaling for repeats.
        dropout: Dropout before the last layer.
        rows: Stages 2 to 8 of table 1.
    """

    paper = "1905.11946"
    widths = (0.3, 0.35, 0.5, 0.75, 1.0)
    lite: ClassVar[bool]
    width_scale: ClassVar[float] = 1.0
    depth_scale: ClassVar[float] = 1.0
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

    def net(self, variant: ModelVariant) -> nn.Module:
        """Return table 1 of the paper, scaled; gates squeeze to a quarter of a block's input."""
        from torch.nn import ReLU6, SiLU

        from suites.nn import ConvBNAct, classifier, set_batch_norm_eps

        act = ReLU6 if self.lite else SiLU
        end_width = variant.width * (1.0 if self.lite else self.width_scale)
        first, last = make_divisible(32 * end_width), make_divisible(1280 * end_width)
        stem = ConvBNAct(variant.channels, first, 3, variant.stem_stride, act=act)
        blocks, channels = self._blocks(first, variant.width * self.width_scale)
        features = [stem, *blocks, ConvBNAct(channels, last, act=act)]
        return set_batch_norm_eps(classifier(features, last, variant.classes, self.dropout), BATCH_NORM_EPS)

    def _blocks(self, channels: int, width: float) -> tuple[list[nn.Module], int]:
        """Return the inverted residuals after a stem of `channels`, and the output channels of the last."""
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
        fixed = self.lite and row in (self.rows[0], self.rows[-1])
        return row.repeats if fixed else math.ceil(row.repeats * self.depth_scale)


class EfficientNetB0(EfficientNet):
    """EfficientNet-B0, with a plain width multiplier (the nets of compound scaling are other families)."""

    name = "efficientnet_b0"
    title = "EfficientNet-B0"
    resolutions = (32, 224)
    lite = False
    published = (
        PublishedCounts(1.0, 224, 5_288_548, "torchvision efficientnet_b0", 5.3e6, 390e6, "arXiv 1905.11946, table 2"),
    )


class EfficientNetB1(EfficientNet):
    """EfficientNet-B1."""

    name = "efficientnet_b1"
    title = "EfficientNet-B1"
    resolutions = (32, 240)
    lite = False
    width_scale, depth_scale, dropout = 1.0, 1.1, 0.2
    published = (
        PublishedCounts(1.0, 240, 7_794_184, "torchvision efficientnet_b1", 7.8e6, 0.70e9, "arXiv 1905.11946, table 2"),
    )


class EfficientNetB2(EfficientNet):
    """EfficientNet-B2."""

    name = "efficientnet_b2"
    title = "EfficientNet-B2"
    resolutions = (32, 260)
    lite = False
    width_scale, depth_scale, dropout = 1.1, 1.2, 0.3
    published = (
        PublishedCounts(1.0, 260, 9_109_994, "torchvision efficientnet_b2", 9.2e6, 1.0e9, "arXiv 1905.11946, table 2"),
    )


class EfficientNetB3(EfficientNet):
    """EfficientNet-B3."""

    name = "efficientnet_b3"
    title = "EfficientNet-B3"
    resolutions = (32, 300)
    lite = False
    width_scale, depth_scale, dropout = 1.2, 1.4, 0.3
    published = (
        PublishedCounts(1.0, 300, 12_233_232, "torchvision efficientnet_b3", 12e6, 1.8e9, "arXiv 1905.11946, table 2"),
    )


class EfficientNetB4(EfficientNet):
    """EfficientNet-B4."""

    name = "efficientnet_b4"
    title = "EfficientNet-B4"
    resolutions = (32, 380)
    lite = False
    width_scale, depth_scale, dropout = 1.4, 1.8, 0.4
    published = (
        PublishedCounts(
            1.0,
            380,
            19_341_616,
            "torchvision efficientnet_b4",
            19e6,
            4.2e9,
            "arXiv 1905.11946, table 2",
            note="torchvision counts 4.39 G too",
        ),
    )


class EfficientNetLite0(EfficientNet):
    """EfficientNet-Lite0; below width 1, where nothing is published, stem and head shrink as B0's do."""

    name = "efficientnet_lite0"
    title = "EfficientNet-Lite0"
    resolutions = (32, 224)
    lite = True
    published = (
        PublishedCounts(
            1.0,
            224,
            4_652_008,
            "timm efficientnet_lite0",
            4.7e6,
            407e6,
            "README of tensorflow/tpu efficientnet/lite",
            note="the README counts more than convolutions and linear layers",
        ),
    )


class EfficientNetLite1(EfficientNet):
    """EfficientNet-Lite1."""

    name = "efficientnet_lite1"
    title = "EfficientNet-Lite1"
    resolutions = (32, 240)
    lite = True
    width_scale, depth_scale, dropout = 1.0, 1.1, 0.2
    published = (
        PublishedCounts(
            1.0,
            240,
            5_416_680,
            "timm efficientnet_lite1",
            5.4e6,
            631e6,
            "README of tensorflow/tpu efficientnet/lite",
            note="the README counts more than convolutions and linear layers",
        ),
    )


class EfficientNetLite2(EfficientNet):
    """EfficientNet-Lite2."""

    name = "efficientnet_lite2"
    title = "EfficientNet-Lite2"
    resolutions = (32, 260)
    lite = True
    width_scale, depth_scale, dropout = 1.1, 1.2, 0.3
    published = (
        PublishedCounts(
            1.0,
            260,
            6_092_072,
            "timm efficientnet_lite2",
            6.1e6,
            899e6,
            "README of tensorflow/tpu efficientnet/lite",
            note="the README counts more than convolutions and linear layers",
        ),
    )


class EfficientNetLite3(EfficientNet):
    """EfficientNet-Lite3."""

    name = "efficientnet_lite3"
    title = "EfficientNet-Lite3"
    resolutions = (32, 280)
    lite = True
    width_scale, depth_scale, dropout = 1.2, 1.4, 0.3
    published = (
        PublishedCounts(
            1.0,
            280,
            8_197_096,
            "timm efficientnet_lite3",
            8.2e6,
            1.44e9,
            "README of tensorflow/tpu efficientnet/lite",
            note="the README counts more than convolutions and linear layers",
        ),
    )


class EfficientNetLite4(EfficientNet):
    """EfficientNet-Lite4."""

    name = "efficientnet_lite4"
    title = "EfficientNet-Lite4"
    resolutions = (32, 300)
    lite = True
    width_scale, depth_scale, dropout = 1.4, 1.8, 0.3
    published = (
        PublishedCounts(
            1.0,
            300,
            13_006_568,
            "timm efficientnet_lite4",
            13.0e6,
            2.64e9,
            "README of tensorflow/tpu efficientnet/lite",
            note="the README counts more than convolutions and linear layers",
        ),
    )


PLUGINS: tuple[ModelFamily, ...] = (
    EfficientNetB0(),
    EfficientNetB1(),
    EfficientNetB2(),
    EfficientNetB3(),
    EfficientNetB4(),
    EfficientNetLite0(),
    EfficientNetLite1(),
    EfficientNetLite2(),
    EfficientNetLite3(),
    EfficientNetLite4(),
)
