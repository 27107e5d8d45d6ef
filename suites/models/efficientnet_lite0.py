"""EfficientNet-Lite0: EfficientNet-B0 without squeeze-excite, with ReLU6 (TensorFlow blog, 16 March 2020)."""

from __future__ import annotations

from suites.models.base import ModelFamily, Published
from suites.models.efficientnet import EfficientNet


class EfficientNetLite0(EfficientNet):
    """EfficientNet-Lite0; below width 1, where nothing is published, stem and head shrink as B0's do."""

    name = "efficientnet_lite0"
    title = "EfficientNet-Lite0"
    resolutions = (32, 224)
    lite = True
    published = (
        Published(
            1.0,
            224,
            4_652_008,
            "timm efficientnet_lite0",
            4.7e6,
            407e6,
            "README of tensorflow/tpu efficientnet/lite",
            note="the README counts more than convolutions and linear layers",
        ),
    )


PLUGINS: tuple[ModelFamily, ...] = (EfficientNetLite0(),)
