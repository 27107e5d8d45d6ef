"""`fp16`: weights rounded to half precision, float32 inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.core.artifact import Format

from .base import FP16_ARITHMETIC, Calibration, Compression, FormatSupport
from .litert_quantizer import TOOLS, quantize, recipe_rule, tensor_config


class Fp16(Compression):
    """Half the size. Whether anything computes in half precision depends on the runtime: most CPUs cast back."""

    name = "fp16"
    description = "half-precision weights, half the size; computes in fp16 only where processor and runtime do"
    formats: Mapping[Format, FormatSupport] = {
        "onnx": FormatSupport(
            "fp16 graph with fp32 inputs and outputs",
            ("onnxconverter-common", "onnx"),
            {"keep_io_types": True},
        ),
        "tflite": FormatSupport("fp16 weights, fp32 activations", TOOLS, {"algorithm": "float_casting"}),
    }
    faster_with = FP16_ARITHMETIC
    note = "only where the runtime has fp16 kernels, else weights are cast back to fp32"
    stored = "fp16"

    def build_onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        """Convert the whole graph to fp16, except inputs and outputs."""
        import onnx
        from onnxconverter_common.float16 import convert_float_to_float16

        onnx.save(convert_float_to_float16(onnx.load(source), keep_io_types=True), out)

    def build_tflite(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        """Store weights as fp16, with a DEQUANTIZE behind each."""
        rule = recipe_rule(
            "float_casting",
            weight_tensor_config=tensor_config(16, symmetric=True, dtype="FLOAT"),
            compute_precision="FLOAT",
            explicit_dequantize=True,
        )
        quantize(source, [rule], None, out)


PLUGINS: tuple[Compression, ...] = (Fp16(),)
