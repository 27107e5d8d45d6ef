"""EfficientNetV2-S (arXiv 2104.00298, table 4)."""

from __future__ import annotations

from suites.models.base import ModelFamily, Published
from suites.models.efficientnet_v2 import EfficientNetV2, Row


class EfficientNetV2S(EfficientNetV2):
    """EfficientNetV2-S."""

    name = "efficientnet_v2_s"
    title = "EfficientNetV2-S"
    resolutions = (32, 224, 300, 384)
    published = (
        Published(
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


PLUGINS: tuple[ModelFamily, ...] = (EfficientNetV2S(),)
