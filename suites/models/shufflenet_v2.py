"""ShuffleNetV2 (arXiv 1807.11164): channel split and shuffle in place of grouped 1x1 convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.core.errors import UsageError

from .base import ModelFamily, ModelVariant, PublishedCounts

if TYPE_CHECKING:
    from torch import nn


class ShuffleNetV2(ModelFamily):
    """ShuffleNetV2; embedded variants keep the stem's resolution and drop its max pooling."""

    name = "shufflenet_v2"
    title = "ShuffleNetV2"
    paper = "1807.11164"
    widths = (0.5, 1.0, 1.5, 2.0)
    resolutions = (32, 224)
    published = (
        PublishedCounts(
            0.5, 224, 1_366_792, "torchvision shufflenet_v2_x0_5", 1.4e6, 41e6, "arXiv 1807.11164, table 5"
        ),
        PublishedCounts(
            1.0, 224, 2_278_604, "torchvision shufflenet_v2_x1_0", 2.3e6, 146e6, "arXiv 1807.11164, table 5"
        ),
        PublishedCounts(
            1.5, 224, 3_503_624, "torchvision shufflenet_v2_x1_5", 3.5e6, 299e6, "arXiv 1807.11164, table 5"
        ),
        PublishedCounts(
            2.0, 224, 7_393_996, "torchvision shufflenet_v2_x2_0", 7.4e6, 591e6, "arXiv 1807.11164, table 5"
        ),
    )
    stem: ClassVar[int] = 24
    repeats: ClassVar[tuple[int, ...]] = (4, 8, 4)
    """Units of stages 2 to 4; the first of each has stride 2 (table 5)."""
    channels: ClassVar[dict[float, tuple[int, int, int, int]]] = {
        0.5: (48, 96, 192, 1024),
        1.0: (116, 232, 464, 1024),
        1.5: (176, 352, 704, 1024),
        2.0: (244, 488, 976, 2048),
    }
    """Output channels of stages 2 to 4 and of the last convolution by width (table 5)."""

    def net(self, variant: ModelVariant) -> nn.Module:
        """Return the net of table 5 of the paper.

        Raises:
            UsageError: The table does not have that width.
        """
        from torch.nn import MaxPool2d, ReLU

        from suites.nn import ConvBNAct, ShuffleUnit, classifier

        if variant.width not in self.channels:
            raise UsageError(
                f"{variant}: ShuffleNetV2 has no width {variant.width}", f"widths: {sorted(self.channels)}"
            )
        *stages, last = self.channels[variant.width]
        features: list[nn.Module] = [ConvBNAct(variant.channels, self.stem, 3, variant.stem_stride, act=ReLU)]
        if not variant.embedded:
            features.append(MaxPool2d(3, 2, 1))
        inputs = self.stem
        for outputs, repeats in zip(stages, self.repeats, strict=True):
            for stride in (2, *[1] * (repeats - 1)):
                features.append(ShuffleUnit(inputs, outputs, stride))
                inputs = outputs
        features.append(ConvBNAct(inputs, last, act=ReLU))
        return classifier(features, last, variant.classes, dropout=0.0)


PLUGINS: tuple[ModelFamily, ...] = (ShuffleNetV2(),)
