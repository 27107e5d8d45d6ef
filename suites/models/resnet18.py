"""ResNet-18 (arXiv 1512.03385): full convolutions, for comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .base import ModelFamily, ModelVariant, PublishedCounts, make_divisible

if TYPE_CHECKING:
    from torch import nn


class ResNet18(ModelFamily):
    """ResNet-18; embedded variants have the 3x3 stem of the paper's CIFAR-10 nets, without pooling."""

    name = "resnet18"
    title = "ResNet-18"
    paper = "1512.03385"
    widths = (0.25, 0.5, 1.0)
    resolutions = (32, 224)
    published = (
        PublishedCounts(
            1.0,
            224,
            11_689_512,
            "torchvision resnet18",
            11.7e6,
            1.8e9,
            "arXiv 1512.03385, table 1; parameters: torchvision",
        ),
    )
    channels: ClassVar[tuple[int, ...]] = (64, 128, 256, 512)
    """Output channels of the four stages of two blocks (table 1)."""

    def net(self, variant: ModelVariant) -> nn.Module:
        """Return table 1 of the paper, its stages scaled by `variant.width`."""
        from torch.nn import MaxPool2d, ReLU

        from suites.nn import BasicBlock, ConvBNAct, classifier

        inputs = make_divisible(self.channels[0] * variant.width)
        features: list[nn.Module] = [
            ConvBNAct(variant.channels, inputs, 3 if variant.embedded else 7, variant.stem_stride, act=ReLU)
        ]
        if not variant.embedded:
            features.append(MaxPool2d(3, 2, 1))
        for channels in self.channels:
            outputs = make_divisible(channels * variant.width)
            stride = 1 if channels == self.channels[0] else 2
            features += [BasicBlock(inputs, outputs, stride), BasicBlock(outputs, outputs, 1)]
            inputs = outputs
        return classifier(features, inputs, variant.classes, dropout=0.0)


PLUGINS: tuple[ModelFamily, ...] = (ResNet18(),)
