"""``int8-static``: int8 weights per channel and int8 activations, whose ranges calibration images give."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from harness.core.artifact import Format
from suites.compression import litert, ort
from suites.compression.base import INT8_DOT_PRODUCT, Calibration, Compression, Yield
from suites.compression.litert import quantise, rule, tensor
from suites.compression.ort import prepared, reader


class Int8Static(Compression):
    """Post-training static quantisation; unsigned activations in .onnx because x86 multiplies u8 by s8."""

    name = "int8-static"
    description = "int8 weights per channel, int8 activations with ranges from calibration images"
    yields: ClassVar[dict[Format, Yield]] = {
        "onnx": Yield(
            "int8 weights per channel, uint8 activations (QDQ), fp32 inputs and outputs",
            ort.TOOLS,
            {
                "format": "QDQ",
                "per_channel": True,
                "weights": "QInt8",
                "activations": "QUInt8",
                "ranges": "MinMax",
            },
        ),
        "tflite": Yield(
            "int8 weights per channel, int8 activations, fp32 inputs and outputs",
            litert.TOOLS,
            {"recipe": "static_wi8_ai8"},
        ),
    }
    needs_calibration = True
    pays_on = INT8_DOT_PRODUCT

    def _onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        from onnxruntime import quantization

        assert calibration is not None
        with prepared(source) as model:
            quantization.quantize_static(
                model,
                out,
                reader(model, calibration),
                quant_format=quantization.QuantFormat.QDQ,
                per_channel=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                calibrate_method=quantization.CalibrationMethod.MinMax,
            )

    def _tflite(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        config: dict[str, Any] = {
            "activation_tensor_config": tensor(8, symmetric=False),
            "weight_tensor_config": tensor(8, symmetric=True, granularity="CHANNELWISE"),
            "compute_precision": "INTEGER",
            "explicit_dequantize": False,
        }
        ends = [rule("no_quantize", operation=end) for end in ("INPUT", "OUTPUT")]
        quantise(source, [rule("min_max_uniform_quantize", **config), *ends], calibration, out)


SETTING = Int8Static()
