"""``int8-dynamic``: int8 weights; activations are quantised while running, so no calibration is needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.core.artifact import Format

from . import litert_quantizer, ort_quantizer
from .base import INT8_DOT_PRODUCT, Calibration, Compression, FormatSupport
from .litert_quantizer import quantize, recipe_rule, tensor_config
from .ort_quantizer import preprocessed_model


class Int8Dynamic(Compression):
    """All weights in .tflite, one scale a channel; in .onnx those of matrix products only.

    ONNX Runtime's dynamic convolution has one weight scale a tensor, which ruins depthwise nets, and is slower than
    float.
    """

    name = "int8-dynamic"
    description = "int8 weights, activations quantised at run time; .onnx: matrix products only, .tflite: all weights"
    formats: Mapping[Format, FormatSupport] = {
        "onnx": FormatSupport(
            "int8 matrix products, fp32 convolutions",
            ort_quantizer.TOOLS,
            {"op_types": ["MatMul"], "weight_type": "QInt8", "per_channel": True},
        ),
        "tflite": FormatSupport(
            "int8 weights per channel, activations int8 at run time",
            litert_quantizer.TOOLS,
            {"recipe": "dynamic_wi8_afp32"},
        ),
    }
    faster_with = INT8_DOT_PRODUCT
    note = "in nets of matrix products: convolutions gain nothing or lose"
    stored = "int8-dynamic"

    def build_onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        from onnxruntime.quantization import QuantType, quantize_dynamic

        with preprocessed_model(source) as model:
            quantize_dynamic(model, out, op_types_to_quantize=["MatMul"], weight_type=QuantType.QInt8, per_channel=True)

    def build_tflite(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        weights = tensor_config(8, symmetric=True, granularity="CHANNELWISE")
        recipe = [
            recipe_rule(
                "min_max_uniform_quantize",
                weight_tensor_config=weights,
                compute_precision="INTEGER",
                explicit_dequantize=False,
            )
        ]
        quantize(source, recipe, None, out)


PLUGINS: tuple[Compression, ...] = (Int8Dynamic(),)
