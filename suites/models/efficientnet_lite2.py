"""EfficientNet-Lite2: EfficientNet-B2 without squeeze-excite, with ReLU6 (TensorFlow blog, 16 March 2020)."""

from __future__ import annotations

from suites.models.base import ModelFamily, Published
from suites.models.efficientnet import EfficientNet


class EfficientNetLite2(EfficientNet):
    """EfficientNet-Lite2."""

    name = "efficientnet_lite2"
    title = "EfficientNet-Lite2"
    resolutions = (32, 260)
    lite = True
    wider, deeper, dropout = 1.1, 1.2, 0.3
    published = (
        Published(
            1.0,
            260,
            6_092_072,
            "timm efficientnet_lite2",
            6.1e6,
            899e6,
            "README of tensorflow/tpu efficientnet/lite",
            note="the README counts more than convolutions and linear layers",
        ),
    )


PLUGINS: tuple[ModelFamily, ...] = (EfficientNetLite2(),)
