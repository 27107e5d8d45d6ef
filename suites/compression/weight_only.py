"""`int8-weight-only` and `int4-weight-only`: integer weights with one scale per output channel, computed in fp32."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import litert_quantizer
from .base import Calibration, Compression, FormatSupport

INT4_OPSET = 21
"""The first ONNX operator set whose DequantizeLinear takes int4."""


class WeightOnly(Compression):
    """A smaller file and nothing else: weights are dequantized when the model is loaded or at every inference.

    With 4 bits depthwise filters stay fp32 in both formats: LiteRT has no int4 for them, and they are few.
    """

    stored = "weight-only"
    note = "computes in fp32: saves space, and no time"

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.name = f"int{bits}-weight-only"
        self.description = f"int{bits} weights per channel, computed in fp32"
        weights = f"int{bits} weights per channel" + (", depthwise ones fp32" if bits < 8 else "")
        recipe = {"recipe": f"weight_only_wi{bits}_afp32"}
        self.formats = {
            "onnx": FormatSupport(f"{weights} (DQ), fp32 compute", ("onnx",), {"bits": bits, "axis": "output"}),
            "tflite": FormatSupport(f"{weights}, fp32 compute", litert_quantizer.TOOLS, recipe),
        }

    def build_onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        """Store the weights as integers, with a DequantizeLinear behind each."""
        import onnx

        model = onnx.version_converter.convert_version(onnx.load(source), INT4_OPSET)
        constants = {constant.name: constant for constant in model.graph.initializer}
        for name, axis in dict(_weights(model.graph, constants, depthwise=self.bits == 8)).items():
            integers, scales = quantize_weights(onnx.numpy_helper.to_array(constants[name]), axis, self.bits)
            self._replace(model.graph, constants[name], integers, scales, axis)
        out.write_bytes(model.SerializeToString(deterministic=True))

    def _replace(
        self, graph: Any, weight: Any, integers: NDArray[np.int8], scales: NDArray[np.float32], axis: int
    ) -> None:
        """Replace a weight by integers and a DequantizeLinear whose output has the weight's name."""
        from onnx import TensorProto, helper, numpy_helper

        name = weight.name
        if self.bits == 8:
            tensor = numpy_helper.from_array(integers, f"{name}_quantized")
        else:
            tensor = helper.make_tensor(f"{name}_quantized", TensorProto.INT4, integers.shape, integers.flatten())
        graph.initializer.remove(weight)
        graph.initializer.extend([tensor, numpy_helper.from_array(scales, f"{name}_scale")])
        names = [f"{name}_quantized", f"{name}_scale"]
        graph.node.insert(0, helper.make_node("DequantizeLinear", names, [name], f"{name}_dequantize", axis=axis))

    def build_tflite(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        """Quantize the weights with the LiteRT quantizer."""
        rule = litert_quantizer.recipe_rule(
            "min_max_uniform_quantize",
            weight_tensor_config=litert_quantizer.tensor_config(self.bits, symmetric=True, granularity="CHANNELWISE"),
            compute_precision="FLOAT",
            explicit_dequantize=True,
        )
        litert_quantizer.quantize(source, [rule], None, out)


def _weights(graph: Any, constants: dict[str, Any], depthwise: bool) -> Iterator[tuple[str, int]]:
    """Yield name and output-channel axis of every constant weight of a convolution or matrix product."""
    for node in graph.node:
        if node.op_type not in {"Conv", "Gemm", "MatMul"} or node.input[1] not in constants:
            continue
        attributes = {attribute.name: attribute.i for attribute in node.attribute}
        if attributes.get("group", 1) == 1 or depthwise:
            yield node.input[1], 0 if node.op_type == "Conv" or attributes.get("transB") else 1


def quantize_weights(
    weights: NDArray[np.float32], axis: int, bits: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return symmetric integers of `bits` bits and one scale per index of `axis`; a channel of zeros has scale 1."""
    max_level = 2 ** (bits - 1) - 1
    other_axes = tuple(i for i in range(weights.ndim) if i != axis)
    peak = np.abs(weights).max(axis=other_axes, keepdims=True)
    scale = np.where(peak > 0, peak / max_level, 1).astype(np.float32)
    return np.rint(weights / scale).astype(np.int8), scale.ravel()


PLUGINS: tuple[Compression, ...] = (WeightOnly(8), WeightOnly(4))
