"""EfficientNet-Lite3: EfficientNet-B3 without squeeze-excite, with ReLU6 (TensorFlow blog, 16 March 2020)."""

from __future__ import annotations

from suites.models.base import ModelFamily, Published
from suites.models.efficientnet import EfficientNet


class EfficientNetLite3(EfficientNet):
    """EfficientNet-Lite3."""

    name = "efficientnet_lite3"
    title = "EfficientNet-Lite3"
    resolutions = (32, 280)
    lite = True
    wider, deeper, dropout = 1.2, 1.4, 0.3
    published = (
        Published(
            1.0,
            280,
            8_197_096,
            "timm efficientnet_lite3",
            8.2e6,
            1.44e9,
            "README of tensorflow/tpu efficientnet/lite",
            note="the README counts more than convolutions and linear layers",
        ),
    )


PLUGINS: tuple[ModelFamily, ...] = (EfficientNetLite3(),)
