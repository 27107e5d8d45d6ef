"""``int8-static``: int8 weights per channel and int8 activations, whose ranges calibration images give."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from harness.core.artifact import Format
from suites.compression import litert, ort
from suites.compression.base import INT8_DOT_PRODUCT, Calibration, Compression, Yield
from suites.compression.litert import quantise, rule, tensor
from suites.compression.ort import prepared, reader


def _yields(per_channel: bool) -> Mapping[Format, Yield]:
    weights = f"int8 weights per {'channel' if per_channel else 'tensor'}"
    parameters: dict[str, Any] = {
        "format": "QDQ",
        "per_channel": per_channel,
        "weights": "QInt8",
        "activations": "QUInt8",
        "ranges": "MinMax",
    }
    recipe = {"recipe": "static_wi8_ai8"} | ({} if per_channel else {"granularity": "TENSORWISE"})
    return {
        "onnx": Yield(f"{weights}, uint8 activations (QDQ), fp32 inputs and outputs", ort.TOOLS, parameters),
        "tflite": Yield(f"{weights}, int8 activations, fp32 inputs and outputs", litert.TOOLS, recipe),
    }


class Int8Static(Compression):
    """Post-training static quantisation; unsigned activations in .onnx because x86 multiplies u8 by s8."""

    name = "int8-static"
    description = "int8 weights per channel, int8 activations with ranges from calibration images"
    per_channel: ClassVar[bool] = True
    """One scale an output channel, else one a weight tensor."""
    yields = _yields(per_channel=True)
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
                per_channel=self.per_channel,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                calibrate_method=quantization.CalibrationMethod.MinMax,
            )

    def _tflite(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        granularity = "CHANNELWISE" if self.per_channel else "TENSORWISE"
        config: dict[str, Any] = {
            "activation_tensor_config": tensor(8, symmetric=False),
            "weight_tensor_config": tensor(8, symmetric=True, granularity=granularity),
            "compute_precision": "INTEGER",
            "explicit_dequantize": False,
        }
        ends = [rule("no_quantize", operation=end) for end in ("INPUT", "OUTPUT")]
        quantise(source, [rule("min_max_uniform_quantize", **config), *ends], calibration, out)


class PerTensor(Int8Static):
    """What older toolchains and some accelerators do; depthwise nets suffer, as their channels differ most."""

    name = "int8-static-per-tensor"
    description = "as int8-static with one weight scale a tensor: how much per-channel scales are worth"
    per_channel = False
    yields = _yields(per_channel=False)


SETTING, PER_TENSOR = Int8Static(), PerTensor()
