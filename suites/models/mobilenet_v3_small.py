"""MobileNetV3-Small (arXiv 1905.02244, table 2)."""

from __future__ import annotations

from suites.models.base import ModelFamily, Published
from suites.models.mobilenet_v3 import MobileNetV3, Row


class MobileNetV3Small(MobileNetV3):
    """MobileNetV3-Small."""

    name = "mobilenet_v3_small"
    title = "MobileNetV3-Small"
    published = (
        Published(1.0, 224, 2_542_856, "torchvision mobilenet_v3_small", 2.5e6, 56e6, "arXiv 1905.02244, table 3"),
        Published(0.75, 224, 2_041_872, "timm mobilenetv3_small_075", 2.0e6, 44e6, "arXiv 1905.02244, table 3"),
    )
    head = 1024
    rows = (
        Row(3, 16, 16, True, False, 2),
        Row(3, 72, 24, False, False, 2),
        Row(3, 88, 24, False, False, 1),
        Row(5, 96, 40, True, True, 2),
        Row(5, 240, 40, True, True, 1),
        Row(5, 240, 40, True, True, 1),
        Row(5, 120, 48, True, True, 1),
        Row(5, 144, 48, True, True, 1),
        Row(5, 288, 96, True, True, 2),
        Row(5, 576, 96, True, True, 1),
        Row(5, 576, 96, True, True, 1),
    )


PLUGINS: tuple[ModelFamily, ...] = (MobileNetV3Small(),)
