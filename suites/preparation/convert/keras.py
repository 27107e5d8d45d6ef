"""Keras files and TensorFlow SavedModels: the net of an .onnx built again in Keras."""

from __future__ import annotations

import warnings
from typing import ClassVar

from harness.core.artifact import Format, Layout
from harness.runtimes.tensorflow.adapter import SAVED_MODEL

from .base import ConversionRequest, Converter
from .keras_net import keras_model


class Keras(Converter):
    """.keras, the format of Keras 3. fp32 only: Keras' CPU kernels know no other type that is any faster."""

    format: ClassVar[Format] = "keras"
    layout: ClassVar[Layout] = "NHWC"
    tools = ("keras", "onnx")
    extra = "tensorflow"
    own_settings = frozenset({"fp32"})

    def convert(self, order: ConversionRequest) -> None:
        """Write .keras."""
        SAVED_MODEL.load_library()  # Keras on TensorFlow, whatever the user's own configuration says
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # TensorFlow's own
            keras_model(order.source).save(order.out)


class SavedModel(Converter):
    """A SavedModel with one signature, as Keras exports it for serving."""

    format: ClassVar[Format] = "savedmodel"
    layout: ClassVar[Layout] = "NHWC"
    tools = ("keras", "onnx")
    extra = "tensorflow"
    own_settings = frozenset({"fp32"})

    def convert(self, order: ConversionRequest) -> None:
        """Write the folder."""
        SAVED_MODEL.load_library()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            keras_model(order.source).export(order.out, verbose=False)
