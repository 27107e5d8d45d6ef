"""``int8-`` and ``int4-weight-only``: integer weights, one scale an output channel; computed in fp32."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import litert_quantizer
from .base import Calibration, Compression, FormatSupport
from .litert_quantizer import quantize, recipe_rule, tensor_config

OPSET = 21
"""The first ONNX operator set whose DequantizeLinear takes int4."""


class WeightOnly(Compression):
    """A smaller file and nothing else: weights are dequantised, when loading or at every inference.

    With 4 bits depthwise filters stay fp32 in both formats: LiteRT has no int4 for them, and they are few.
    """

    stored = "weight-only"
    note = "computes in fp32: saves space, and no time"

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.name = f"int{bits}-weight-only"
        self.description = f"int{bits} weights per channel, computed in fp32"
        what = f"int{bits} weights per channel" + (", depthwise ones fp32" if bits < 8 else "")
        self.formats = {
            "onnx": FormatSupport(f"{what} (DQ), fp32 compute", ("onnx",), {"bits": bits, "axis": "output"}),
            "tflite": FormatSupport(
                f"{what}, fp32 compute", litert_quantizer.TOOLS, {"recipe": f"weight_only_wi{bits}_afp32"}
            ),
        }

    def build_onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        import onnx

        model = onnx.version_converter.convert_version(onnx.load(source), OPSET)
        stored = {weight.name: weight for weight in model.graph.initializer}
        for name, axis in dict(_weights(model.graph, stored, depthwise=self.bits == 8)).items():
            values, scales = quantize_weights(onnx.numpy_helper.to_array(stored[name]), axis, self.bits)
            self._replace(model.graph, stored[name], values, scales, axis)
        out.write_bytes(model.SerializeToString(deterministic=True))

    def _replace(
        self, graph: Any, weight: Any, values: NDArray[np.int8], scales: NDArray[np.float32], axis: int
    ) -> None:
        """Put integers and a DequantizeLinear that has the weight's name in the place of the weight."""
        from onnx import TensorProto, helper, numpy_helper

        kind = TensorProto.INT8 if self.bits == 8 else TensorProto.INT4
        name = weight.name
        whole = helper.make_tensor(f"{name}_quantized", kind, values.shape, values.flatten())
        if self.bits == 8:
            whole = numpy_helper.from_array(values, f"{name}_quantized")
        graph.initializer.remove(weight)
        graph.initializer.extend([whole, numpy_helper.from_array(scales, f"{name}_scale")])
        names = [f"{name}_quantized", f"{name}_scale"]
        graph.node.insert(0, helper.make_node("DequantizeLinear", names, [name], f"{name}_dequantize", axis=axis))

    def build_tflite(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        weights = tensor_config(self.bits, symmetric=True, granularity="CHANNELWISE")
        recipe = [
            recipe_rule(
                "min_max_uniform_quantize",
                weight_tensor_config=weights,
                compute_precision="FLOAT",
                explicit_dequantize=True,
            )
        ]
        quantize(source, recipe, None, out)


def _weights(graph: Any, stored: dict[str, Any], depthwise: bool) -> Iterator[tuple[str, int]]:
    """Name of each stored weight of a convolution or matrix product, and the axis of its output channels."""
    for node in graph.node:
        if node.op_type not in {"Conv", "Gemm", "MatMul"} or node.input[1] not in stored:
            continue
        flags = {attribute.name: attribute.i for attribute in node.attribute}
        if flags.get("group", 1) == 1 or depthwise:
            yield node.input[1], 0 if node.op_type == "Conv" or flags.get("transB") else 1


def quantize_weights(
    weights: NDArray[np.float32], axis: int, bits: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Symmetric integers of ``bits`` and one scale for each place along ``axis``; a channel of zeros has scale 1."""
    levels = 2 ** (bits - 1) - 1
    others = tuple(i for i in range(weights.ndim) if i != axis)
    peak = np.abs(weights).max(axis=others, keepdims=True)
    scale = np.where(peak > 0, peak / levels, 1).astype(np.float32)
    return np.rint(weights / scale).astype(np.int8), scale.ravel()


PLUGINS: tuple[Compression, ...] = (WeightOnly(8), WeightOnly(4))
