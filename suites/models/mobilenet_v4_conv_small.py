"""MobileNetV4-Conv-Small (arXiv 2404.10518)."""

from __future__ import annotations

from suites.models.base import ModelFamily, Published
from suites.models.mobilenet_v4 import Conv, MobileNetV4, Universal


class MobileNetV4ConvSmall(MobileNetV4):
    """MobileNetV4-Conv-Small."""

    name = "mobilenet_v4_conv_small"
    title = "MobileNetV4-Conv-Small"
    published = (
        Published(
            1.0,
            224,
            3_774_024,
            "timm mobilenetv4_conv_small",
            3.8e6,
            0.2e9,
            "arXiv 2404.10518",
            note="the paper gives one digit",
        ),
    )
    rows = (
        Conv(3, 32, 2),
        Conv(1, 32, 1),
        Conv(3, 96, 2),
        Conv(1, 64, 1),
        Universal(5, 5, 3, 96, 2),
        *[Universal(0, 3, 2, 96)] * 4,
        Universal(3, 0, 4, 96),
        Universal(3, 3, 6, 128, 2),
        Universal(5, 5, 4, 128),
        Universal(0, 5, 4, 128),
        Universal(0, 5, 3, 128),
        *[Universal(0, 3, 4, 128)] * 2,
        Conv(1, 960, 1),
    )


PLUGINS: tuple[ModelFamily, ...] = (MobileNetV4ConvSmall(),)
