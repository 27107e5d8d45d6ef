"""EfficientNet-Lite1: EfficientNet-B1 without squeeze-excite, with ReLU6 (TensorFlow blog, 16 March 2020)."""

from __future__ import annotations

from suites.models.base import ModelFamily, Published
from suites.models.efficientnet import EfficientNet


class EfficientNetLite1(EfficientNet):
    """EfficientNet-Lite1."""

    name = "efficientnet_lite1"
    title = "EfficientNet-Lite1"
    resolutions = (32, 240)
    lite = True
    wider, deeper, dropout = 1.0, 1.1, 0.2
    published = (
        Published(
            1.0,
            240,
            5_416_680,
            "timm efficientnet_lite1",
            5.4e6,
            631e6,
            "README of tensorflow/tpu efficientnet/lite",
            note="the README counts more than convolutions and linear layers",
        ),
    )


PLUGINS: tuple[ModelFamily, ...] = (EfficientNetLite1(),)
