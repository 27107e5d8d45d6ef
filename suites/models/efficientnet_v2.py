"""EfficientNetV2: S (arXiv 2104.00298, table 4), and B0 at the size of EfficientNet-B0 (github.com/google/automl)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from .base import ModelFamily, ModelVariant, PublishedCounts, make_divisible
from .efficientnet import BATCH_NORM_EPS

if TYPE_CHECKING:
    from torch import nn


class Row(NamedTuple):
    """A stage of table 4.

    Attributes:
        fused: Whether blocks are fused, without depthwise convolution and squeeze-and-excitation.
        expand: Expansion factor.
        channels: Output channels.
        repeats: Number of blocks.
        stride: Stride of the first block.
    """

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

    def net(self, variant: ModelVariant) -> nn.Module:
        """Return the net's table, scaled by `variant.width`; gates squeeze to a quarter of a block's input."""
        from torch.nn import Sigmoid, SiLU

        from suites.nn import (
            ConvBNAct,
            FusedInvertedResidual,
            InvertedResidual,
            SqueezeExcite,
            classifier,
            set_batch_norm_eps,
        )

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
        return set_batch_norm_eps(classifier(features, last, variant.classes, dropout=0.2), BATCH_NORM_EPS)


class EfficientNetV2B0(EfficientNetV2):
    """EfficientNetV2-B0."""

    name = "efficientnet_v2_b0"
    title = "EfficientNetV2-B0"
    resolutions = (32, 192, 224)
    published = (
        PublishedCounts(
            1.0,
            224,
            7_139_704,
            "timm tf_efficientnetv2_b0",
            7.1e6,
            0.732e9,
            "OpenVINO Open Model Zoo, half of its 1.4641 GFLOPs",
        ),
    )
    stem = 32
    rows = (
        Row(True, 1, 16, 1, 1),
        Row(True, 4, 32, 2, 2),
        Row(True, 4, 48, 2, 2),
        Row(False, 4, 96, 3, 2),
        Row(False, 6, 112, 5, 1),
        Row(False, 6, 192, 8, 2),
    )


class EfficientNetV2S(EfficientNetV2):
    """EfficientNetV2-S."""

    name = "efficientnet_v2_s"
    title = "EfficientNetV2-S"
    resolutions = (32, 224, 300, 384)
    published = (
        PublishedCounts(
            1.0,
            384,
            21_458_488,
            "torchvision efficientnet_v2_s",
            22e6,
            8.8e9,
            "arXiv 2104.00298, table 7",
            note="torchvision counts 8.37 G too",
        ),
    )
    stem = 24
    rows = (
        Row(True, 1, 24, 2, 1),
        Row(True, 4, 48, 4, 2),
        Row(True, 4, 64, 4, 2),
        Row(False, 4, 128, 6, 2),
        Row(False, 6, 160, 9, 1),
        Row(False, 6, 256, 15, 2),
    )


PLUGINS: tuple[ModelFamily, ...] = (EfficientNetV2B0(), EfficientNetV2S())
