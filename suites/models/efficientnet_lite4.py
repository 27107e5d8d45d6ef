"""EfficientNet-Lite4: EfficientNet-B4 without squeeze-excite, with ReLU6 (TensorFlow blog, 16 March 2020)."""

from __future__ import annotations

from suites.models.base import ModelFamily, Published
from suites.models.efficientnet import EfficientNet


class EfficientNetLite4(EfficientNet):
    """EfficientNet-Lite4."""

    name = "efficientnet_lite4"
    title = "EfficientNet-Lite4"
    resolutions = (32, 300)
    lite = True
    wider, deeper, dropout = 1.4, 1.8, 0.3
    published = (
        Published(
            1.0,
            300,
            13_006_568,
            "timm efficientnet_lite4",
            13.0e6,
            2.64e9,
            "README of tensorflow/tpu efficientnet/lite",
            note="the README counts more than convolutions and linear layers",
        ),
    )


PLUGINS: tuple[ModelFamily, ...] = (EfficientNetLite4(),)
