"""EfficientNetV2-B0 (github.com/google/automl, efficientnetv2): V2's blocks at the size of B0."""

from __future__ import annotations

from suites.models.base import ModelFamily, Published
from suites.models.efficientnet_v2 import EfficientNetV2, Row


class EfficientNetV2B0(EfficientNetV2):
    """EfficientNetV2-B0."""

    name = "efficientnet_v2_b0"
    title = "EfficientNetV2-B0"
    resolutions = (32, 192, 224)
    published = (
        Published(
            1.0,
            224,
            7_139_704,
            "timm tf_efficientnetv2_b0",
            7.1e6,
            0.732e9,
            "OpenVINO Open Model Zoo, half of its 1.4641 GFLOPs",
        ),
    )
    stem = 32
    rows = (
        Row(True, 1, 16, 1, 1),
        Row(True, 4, 32, 2, 2),
        Row(True, 4, 48, 2, 2),
        Row(False, 4, 96, 3, 2),
        Row(False, 6, 112, 5, 1),
        Row(False, 6, 192, 8, 2),
    )


PLUGINS: tuple[ModelFamily, ...] = (EfficientNetV2B0(),)
