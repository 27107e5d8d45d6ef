"""SqueezeNet 1.1 (arXiv 1602.07360): few parameters without depthwise convolutions, for comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .base import ModelFamily, ModelVariant, PublishedCounts, make_divisible

if TYPE_CHECKING:
    from torch import nn


class SqueezeNet(ModelFamily):
    """SqueezeNet 1.1; embedded variants pad the stem and drop its pooling."""

    name = "squeezenet"
    title = "SqueezeNet 1.1"
    paper = "1602.07360"
    widths = (0.25, 0.5, 1.0)
    resolutions = (32, 224)
    published = (
        PublishedCounts(
            1.0,
            224,
            1_235_496,
            "torchvision squeezenet1_1",
            1.24e6,
            0.36e9,
            "README of forresti/SqueezeNet; parameters: torchvision",
            note="half of the README's 0.72 GFLOPS, which does not say what it counts",
        ),
    )
    stem: ClassVar[int] = 64
    stages: ClassVar[tuple[tuple[int, ...], ...]] = ((16, 16), (32, 32), (48, 48, 64, 64))
    """Squeezed channels of the fire modules between poolings; each expands to eight times as many."""

    def net(self, variant: ModelVariant) -> nn.Module:
        """Return version 1.1, scaled by `variant.width`; a convolution classifies, before the pooling."""
        from torch import nn

        from suites.nn import Fire

        channels = make_divisible(self.stem * variant.width)
        stem = nn.Conv2d(variant.channels, channels, 3, variant.stem_stride, padding=1 if variant.embedded else 0)
        features: list[nn.Module] = [stem, nn.ReLU()]
        for index, stage in enumerate(self.stages):
            if index or not variant.embedded:
                features.append(nn.MaxPool2d(3, 2, ceil_mode=True))
            for unscaled in stage:
                squeezed = make_divisible(unscaled * variant.width)
                features.append(Fire(channels, squeezed, 4 * squeezed))
                channels = 8 * squeezed
        return nn.Sequential(
            *features,
            nn.Dropout(0.5),
            nn.Conv2d(channels, variant.classes, 1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(1),
        )


PLUGINS: tuple[ModelFamily, ...] = (SqueezeNet(),)
