"""`int16x8`: int16 activations and int8 weights, for nets that lose their accuracy with 8-bit activations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.core.artifact import Format

from . import litert_quantizer, ort_quantizer
from .base import Calibration, Compression, FormatSupport


class Int16x8(Compression):
    """Only DSPs and NPUs have fast kernels for it; on a CPU it shows what the 8 bits of the activations cost."""

    name = "int16x8"
    description = "int8 weights per channel, int16 activations with ranges from calibration images"
    formats: Mapping[Format, FormatSupport] = {
        "onnx": FormatSupport(
            "int8 weights per channel, int16 activations (QDQ), fp32 inputs and outputs",
            ort_quantizer.TOOLS,
            {"format": "QDQ", "per_channel": True, "weights": "QInt8", "activations": "QInt16", "ranges": "MinMax"},
        ),
        "tflite": FormatSupport(
            "int8 weights per channel, int16 activations, fp32 inputs and outputs",
            litert_quantizer.TOOLS,
            {"recipe": "static_wi8_ai16"},
        ),
    }
    needs_calibration = True
    note = "for its accuracy: DSPs and NPUs have fast kernels for it, CPUs do not"
    stored = "weight-only"

    def build_onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        """Quantize with ONNX Runtime's quantizer."""
        assert calibration is not None
        ort_quantizer.quantize_static(source, out, calibration, method="MinMax", per_channel=True, activations="QInt16")

    def build_tflite(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        """Quantize with the LiteRT quantizer."""
        recipe = [litert_quantizer.static_rule(activation_bits=16), *litert_quantizer.FLOAT_IO_RULES]
        litert_quantizer.quantize(source, recipe, calibration, out)


PLUGINS: tuple[Compression, ...] = (Int16x8(),)
