"""EfficientNet-B4 (arXiv 1905.11946): B0 by compound scaling."""

from __future__ import annotations

from suites.models.base import ModelFamily, Published
from suites.models.efficientnet import EfficientNet


class EfficientNetB4(EfficientNet):
    """EfficientNet-B4."""

    name = "efficientnet_b4"
    title = "EfficientNet-B4"
    resolutions = (32, 380)
    lite = False
    wider, deeper, dropout = 1.4, 1.8, 0.4
    published = (
        Published(
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


PLUGINS: tuple[ModelFamily, ...] = (EfficientNetB4(),)
