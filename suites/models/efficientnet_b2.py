"""EfficientNet-B2 (arXiv 1905.11946): B0 by compound scaling."""

from __future__ import annotations

from suites.models.base import ModelFamily, Published
from suites.models.efficientnet import EfficientNet


class EfficientNetB2(EfficientNet):
    """EfficientNet-B2."""

    name = "efficientnet_b2"
    title = "EfficientNet-B2"
    resolutions = (32, 260)
    lite = False
    wider, deeper, dropout = 1.1, 1.2, 0.3
    published = (
        Published(1.0, 260, 9_109_994, "torchvision efficientnet_b2", 9.2e6, 1.0e9, "arXiv 1905.11946, table 2"),
    )


PLUGINS: tuple[ModelFamily, ...] = (EfficientNetB2(),)
