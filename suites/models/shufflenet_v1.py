"""ShuffleNetV1 (arXiv 1707.01083): grouped 1x1 convolutions with channel shuffles between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from .base import ModelFamily, ModelVariant, PublishedCounts

if TYPE_CHECKING:
    from torch import nn


class ShuffleNetV1(ModelFamily):
    """ShuffleNetV1 with three groups; embedded variants keep the stem's resolution and drop its max pooling."""

    name = "shufflenet_v1"
    title = "ShuffleNetV1 (3 groups)"
    paper = "1707.01083"
    widths = (0.25, 0.5, 0.75, 1.0, 2.0)
    resolutions = (32, 224)
    published = (
        PublishedCounts(
            2.0,
            224,
            5_450_776,
            "pytorchcv get_shufflenet, width_scale 2",
            5.4e6,
            524e6,
            "README of megvii-model/ShuffleNet-Series",
        ),
        PublishedCounts(
            1.0,
            224,
            1_865_728,
            "pytorchcv shufflenet_g3_w1",
            1.9e6,
            137e6,
            "arXiv 1707.01083, table 1; parameters: README of megvii-model/ShuffleNet-Series",
        ),
        PublishedCounts(
            0.5,
            224,
            718_324,
            "pytorchcv shufflenet_g3_wd2",
            0.7e6,
            38e6,
            "arXiv 1707.01083, table 2; parameters: README of megvii-model/ShuffleNet-Series",
        ),
    )
    groups: ClassVar[int] = 3
    stem: ClassVar[int] = 24
    repeats: ClassVar[tuple[int, ...]] = (4, 8, 4)
    """Units of stages 2 to 4; the first of each has stride 2 (table 1)."""
    channels: ClassVar[tuple[int, ...]] = (240, 480, 960)
    """Output channels of stages 2 to 4 with three groups (table 1)."""

    def net(self, variant: ModelVariant) -> nn.Module:
        """Return table 1 of the paper, scaled by `variant.width`; stages have multiples of 4 x groups channels."""
        from torch.nn import MaxPool2d, ReLU

        from suites.nn import ConvBNAct, GroupedUnit, classifier

        inputs = int(self.stem * variant.width)
        features: list[nn.Module] = [ConvBNAct(variant.channels, inputs, 3, variant.stem_stride, act=ReLU)]
        if not variant.embedded:
            features.append(MaxPool2d(3, 2, 1))
        divisor = 4 * self.groups
        for stage, (channels, repeats) in enumerate(zip(self.channels, self.repeats, strict=True)):
            outputs = int(channels * variant.width) // divisor * divisor
            for unit in range(repeats):
                features.append(GroupedUnit(inputs, outputs, 1 if unit else 2, self.groups, first=stage == unit == 0))
                inputs = outputs
        return classifier(features, inputs, variant.classes, dropout=0.0)


PLUGINS: tuple[ModelFamily, ...] = (ShuffleNetV1(),)
