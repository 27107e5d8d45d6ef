"""`int8-dynamic`: int8 weights; activations are quantized at run time, so no calibration is needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.core.artifact import Format

from . import litert_quantizer, ort_quantizer
from .base import INT8_DOT_PRODUCT, Calibration, Compression, FormatSupport


class Int8Dynamic(Compression):
    """All weights in .tflite, with one scale per channel; only those of matrix products in .onnx.

    ONNX Runtime's dynamic convolution has one weight scale per tensor, which ruins depthwise nets, and is slower than
    the float convolution.
    """

    name = "int8-dynamic"
    description = "int8 weights, activations quantized at run time; .onnx: matrix products only, .tflite: all weights"
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
    note = "in nets of matrix products: convolutions gain nothing or become slower"
    stored = "int8-dynamic"

    def build_onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        """Quantize the matrix products with ONNX Runtime's quantizer."""
        from onnxruntime.quantization import QuantType, quantize_dynamic

        with ort_quantizer.preprocessed_model(source) as model:
            quantize_dynamic(model, out, op_types_to_quantize=["MatMul"], weight_type=QuantType.QInt8, per_channel=True)

    def build_tflite(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        """Quantize all weights with the LiteRT quantizer."""
        rule = litert_quantizer.recipe_rule(
            "min_max_uniform_quantize",
            weight_tensor_config=litert_quantizer.tensor_config(8, symmetric=True, granularity="CHANNELWISE"),
            compute_precision="INTEGER",
            explicit_dequantize=False,
        )
        litert_quantizer.quantize(source, [rule], None, out)


PLUGINS: tuple[Compression, ...] = (Int8Dynamic(),)
