"""EfficientNet-B1 (arXiv 1905.11946): B0 by compound scaling."""

from __future__ import annotations

from suites.models.base import ModelFamily, Published
from suites.models.efficientnet import EfficientNet


class EfficientNetB1(EfficientNet):
    """EfficientNet-B1."""

    name = "efficientnet_b1"
    title = "EfficientNet-B1"
    resolutions = (32, 240)
    lite = False
    wider, deeper, dropout = 1.0, 1.1, 0.2
    published = (
        Published(1.0, 240, 7_794_184, "torchvision efficientnet_b1", 7.8e6, 0.70e9, "arXiv 1905.11946, table 2"),
    )


PLUGINS: tuple[ModelFamily, ...] = (EfficientNetB1(),)
