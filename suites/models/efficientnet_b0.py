"""EfficientNet-B0 (arXiv 1905.11946): inverted residuals with squeeze-excite and SiLU."""

from __future__ import annotations

from suites.models.base import ModelFamily, Published
from suites.models.efficientnet import EfficientNet


class EfficientNetB0(EfficientNet):
    """EfficientNet-B0, with a plain width multiplier (the nets of compound scaling are other families)."""

    name = "efficientnet_b0"
    title = "EfficientNet-B0"
    resolutions = (32, 224)
    lite = False
    published = (
        Published(1.0, 224, 5_288_548, "torchvision efficientnet_b0", 5.3e6, 390e6, "arXiv 1905.11946, table 2"),
    )


PLUGINS: tuple[ModelFamily, ...] = (EfficientNetB0(),)
