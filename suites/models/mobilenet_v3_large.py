"""MobileNetV3-Large (arXiv 1905.02244, table 1)."""

from __future__ import annotations

from suites.models.base import ModelFamily, Published
from suites.models.mobilenet_v3 import MobileNetV3, Row


class MobileNetV3Large(MobileNetV3):
    """MobileNetV3-Large."""

    name = "mobilenet_v3_large"
    title = "MobileNetV3-Large"
    published = (
        Published(1.0, 224, 5_483_032, "torchvision mobilenet_v3_large", 5.4e6, 219e6, "arXiv 1905.02244, table 3"),
        Published(0.75, 224, 3_993_528, "timm mobilenetv3_large_075", 4.0e6, 155e6, "arXiv 1905.02244, table 3"),
    )
    head = 1280
    rows = (
        Row(3, 16, 16, False, False, 1),
        Row(3, 64, 24, False, False, 2),
        Row(3, 72, 24, False, False, 1),
        Row(5, 72, 40, True, False, 2),
        Row(5, 120, 40, True, False, 1),
        Row(5, 120, 40, True, False, 1),
        Row(3, 240, 80, False, True, 2),
        Row(3, 200, 80, False, True, 1),
        Row(3, 184, 80, False, True, 1),
        Row(3, 184, 80, False, True, 1),
        Row(3, 480, 112, True, True, 1),
        Row(3, 672, 112, True, True, 1),
        Row(5, 672, 160, True, True, 2),
        Row(5, 960, 160, True, True, 1),
        Row(5, 960, 160, True, True, 1),
    )


PLUGINS: tuple[ModelFamily, ...] = (MobileNetV3Large(),)
