"""`bf16`: weights rounded to bfloat16, float32 inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.core.artifact import Format

from .base import BF16_ARITHMETIC, Calibration, Compression, FormatSupport


class Bf16(Compression):
    """Half the size with the range of fp32. ONNX Runtime's CPU kernels have no bf16: weights are cast back to fp32."""

    name = "bf16"
    description = "bfloat16 weights, half the size; computes in bf16 only on openvino-cpu-bf16"
    formats: Mapping[Format, FormatSupport] = {
        "onnx": FormatSupport("bf16 weights (Cast), fp32 compute", ("onnx",), {"rounding": "to nearest, ties to even"})
    }
    unsupported: Mapping[Format, str] = {"tflite": "ai-edge-quantizer writes no bfloat16"}
    faster_with = BF16_ARITHMETIC
    note = "only where the runtime computes in bf16 (openvino-cpu-bf16), else weights are cast back to fp32"
    stored = "weight-only"

    def build_onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        """Store every float tensor as bfloat16 with a Cast to float32 behind it; scalars stay."""
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        model = onnx.load(source)
        for weight in [w for w in model.graph.initializer if w.data_type == TensorProto.FLOAT and w.dims]:
            values = round_to_bf16(numpy_helper.to_array(weight))
            name = f"{weight.name}_bf16"
            stored = helper.make_tensor(name, TensorProto.BFLOAT16, weight.dims, values.tobytes(), raw=True)
            model.graph.initializer.remove(weight)
            model.graph.initializer.append(stored)
            cast = helper.make_node("Cast", [name], [weight.name], f"{weight.name}_cast", to=TensorProto.FLOAT)
            model.graph.node.insert(0, cast)
        out.write_bytes(model.SerializeToString(deterministic=True))


def round_to_bf16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return the bits of the nearest bfloat16 numbers, ties to even; a finite number stays finite or overflows."""
    bits = np.ascontiguousarray(values, "<f4").view("<u4")
    upward = ((bits >> 16) & 1) + 0x7FFF
    halves: NDArray[np.uint16] = ((bits + upward) >> 16).astype("<u2")
    return halves


PLUGINS: tuple[Compression, ...] = (Bf16(),)
