"""MobileNetV4-Conv-Medium (arXiv 2404.10518)."""

from __future__ import annotations

from suites.models.base import ModelFamily, Published
from suites.models.mobilenet_v4 import Conv, Fused, MobileNetV4, Universal


class MobileNetV4ConvMedium(MobileNetV4):
    """MobileNetV4-Conv-Medium."""

    name = "mobilenet_v4_conv_medium"
    title = "MobileNetV4-Conv-Medium"
    published = (
        Published(
            1.0,
            256,
            9_715_512,
            "timm mobilenetv4_conv_medium",
            9.2e6,
            1.0e9,
            "arXiv 2404.10518",
            note="the paper states 5 % fewer parameters than timm's net has, and two digits of the MACs",
        ),
    )
    rows = (
        Fused(3, 4, 48, 2),
        Universal(3, 5, 4, 80, 2),
        Universal(3, 3, 2, 80),
        Universal(3, 5, 6, 160, 2),
        *[Universal(3, 3, 4, 160)] * 2,
        Universal(3, 5, 4, 160),
        Universal(3, 3, 4, 160),
        Universal(3, 0, 4, 160),
        Universal(0, 0, 2, 160),
        Universal(3, 0, 4, 160),
        Universal(5, 5, 6, 256, 2),
        Universal(5, 5, 4, 256),
        *[Universal(3, 5, 4, 256)] * 2,
        Universal(0, 0, 4, 256),
        Universal(3, 0, 4, 256),
        Universal(3, 5, 2, 256),
        Universal(5, 5, 4, 256),
        *[Universal(0, 0, 4, 256)] * 2,
        Universal(5, 0, 2, 256),
        Conv(1, 960, 1),
    )


PLUGINS: tuple[ModelFamily, ...] = (MobileNetV4ConvMedium(),)
