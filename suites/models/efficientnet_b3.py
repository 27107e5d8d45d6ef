"""EfficientNet-B3 (arXiv 1905.11946): B0 by compound scaling."""

from __future__ import annotations

from suites.models.base import ModelFamily, Published
from suites.models.efficientnet import EfficientNet


class EfficientNetB3(EfficientNet):
    """EfficientNet-B3."""

    name = "efficientnet_b3"
    title = "EfficientNet-B3"
    resolutions = (32, 300)
    lite = False
    wider, deeper, dropout = 1.2, 1.4, 0.3
    published = (
        Published(1.0, 300, 12_233_232, "torchvision efficientnet_b3", 12e6, 1.8e9, "arXiv 1905.11946, table 2"),
    )


PLUGINS: tuple[ModelFamily, ...] = (EfficientNetB3(),)
