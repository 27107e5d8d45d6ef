"""Static int8 quantization: int8 weights and activations, with ranges from calibration images.

`int8-static-io8` also takes and returns 8-bit integers; the other settings have float32 inputs and outputs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.core.artifact import Format
from harness.runtimes.inputs import key, with_quantization

from . import litert_quantizer, ort_quantizer
from .base import INT8_DOT_PRODUCT, Calibration, Compression, FormatSupport


class Int8Static(Compression):
    """Post-training static quantization; activations in .onnx are unsigned, since x86 multiplies u8 by s8.

    Args:
        name: Name of the setting.
        description: One line for lists of settings.
        per_channel: Whether weights have one scale per output channel, not one per tensor.
        ranges: How the ranges of activations are determined: 'MinMax', 'Entropy' or 'Percentile', see
            `ort_quantizer.activation_ranges`.
    """

    needs_calibration = True
    faster_with = INT8_DOT_PRODUCT
    stored = "int8"

    def __init__(self, name: str, description: str, *, per_channel: bool = True, ranges: str = "MinMax") -> None:
        self.name = name
        self.description = description
        self.per_channel = per_channel
        self.ranges = ranges
        self.formats = _formats(per_channel, ranges)
        if "tflite" not in self.formats:
            self.unsupported = {"tflite": "ai-edge-quantizer takes ranges from minimum and maximum only"}

    def build_onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        """Quantize with ONNX Runtime's quantizer."""
        assert calibration is not None
        ort_quantizer.quantize_static(
            source, out, calibration, method=self.ranges, per_channel=self.per_channel, activations="QUInt8"
        )

    def build_tflite(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        """Quantize with the LiteRT quantizer."""
        recipe = [litert_quantizer.static_rule(per_channel=self.per_channel), *litert_quantizer.FLOAT_IO_RULES]
        litert_quantizer.quantize(source, recipe, calibration, out)


def _formats(per_channel: bool, ranges: str) -> Mapping[Format, FormatSupport]:
    weights = f"int8 weights per {'channel' if per_channel else 'tensor'}"
    parameters: dict[str, Any] = {
        "format": "QDQ",
        "per_channel": per_channel,
        "weights": "QInt8",
        "activations": "QUInt8",
        "ranges": ranges,
        **ort_quantizer.RANGE_PARAMETERS[ranges],
    }
    onnx = FormatSupport(
        f"{weights}, uint8 activations (QDQ), fp32 inputs and outputs", ort_quantizer.TOOLS, parameters
    )
    if ranges != "MinMax":
        return {"onnx": onnx}
    recipe = {"recipe": "static_wi8_ai8", "ranges": "MinMax"} | ({} if per_channel else {"granularity": "TENSORWISE"})
    tflite = FormatSupport(f"{weights}, int8 activations, fp32 inputs and outputs", litert_quantizer.TOOLS, recipe)
    return {"onnx": onnx, "tflite": tflite}


INT8_STATIC = Int8Static(
    "int8-static", "int8 weights per channel, int8 activations with ranges from calibration images"
)
INT8_STATIC_PER_TENSOR = Int8Static(
    "int8-static-per-tensor",
    "int8-static with one weight scale per tensor: shows what per-channel scales gain",
    per_channel=False,
)
"""What older toolchains and some accelerators do. Depthwise nets lose most, since their channels differ most."""
INT8_STATIC_ENTROPY = Int8Static(
    "int8-static-entropy", "int8-static with ranges of least Kullback-Leibler divergence", ranges="Entropy"
)
INT8_STATIC_PERCENTILE = Int8Static(
    "int8-static-percentile",
    f"int8-static with ranges that contain {ort_quantizer.PERCENTILE} % of the values",
    ranges="Percentile",
)


class Int8StaticIo8(Compression):
    """`int8-static` without any float, as accelerators such as the Edge TPU require.

    The harness quantizes inputs before the timed part by the model's scale. A .tflite holds it; an .onnx has it in its
    metadata (`harness.runtimes.inputs`).
    """

    name = "int8-static-io8"
    description = "int8-static with 8-bit integers as inputs and outputs: no float anywhere"
    formats: Mapping[Format, FormatSupport] = {
        "onnx": FormatSupport(
            "int8 weights per channel, uint8 activations (QDQ), uint8 inputs and outputs",
            ort_quantizer.TOOLS,
            {**INT8_STATIC.formats["onnx"].parameters, "ends": "uint8"},
        ),
        "tflite": FormatSupport(
            "int8 weights per channel, int8 activations, int8 inputs and outputs",
            litert_quantizer.TOOLS,
            {**INT8_STATIC.formats["tflite"].parameters, "ends": "int8"},
        ),
    }
    needs_calibration = True
    faster_with = INT8_DOT_PRODUCT
    note = "has no conversion of inputs and outputs: the program that calls it quantizes the images"
    stored = "int8"

    def build_onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        """Build `int8-static` and remove the conversions at its inputs and outputs."""
        import onnx

        with tempfile.TemporaryDirectory() as folder:
            static = Path(folder) / "static.onnx"
            INT8_STATIC.build(source, calibration, static)
            model = onnx.load(static)
        _make_inputs_integer(model)
        _make_outputs_integer(model)
        out.write_bytes(model.SerializeToString(deterministic=True))

    def build_tflite(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        """Quantize with the LiteRT quantizer, inputs and outputs too."""
        litert_quantizer.quantize(source, [litert_quantizer.static_rule()], calibration, out)


def _make_inputs_integer(model: Any) -> None:
    """Remove the QuantizeLinear of each input: its output becomes the input."""
    for info in model.graph.input:
        for node in [n for n in model.graph.node if n.op_type == "QuantizeLinear" and n.input[0] == info.name]:
            _add_scale_metadata(model, info.name, node)
            _rename(model.graph, node.output[0], info.name)
            model.graph.node.remove(node)
            _set_uint8(info)


def _make_outputs_integer(model: Any) -> None:
    """Remove the DequantizeLinear of each output: its input becomes the output."""
    for info in model.graph.output:
        for node in [n for n in model.graph.node if n.op_type == "DequantizeLinear" and info.name in n.output]:
            _add_scale_metadata(model, info.name, node)
            model.graph.node.remove(node)
            _rename(model.graph, node.input[0], info.name)
            _set_uint8(info)


def _add_scale_metadata(model: Any, name: str, node: Any) -> None:
    from onnx import numpy_helper

    constants = {constant.name: numpy_helper.to_array(constant) for constant in model.graph.initializer}
    scale, zero_point = (constants[name].item() for name in node.input[1:3])
    model.metadata_props.add(key=key(name), value=with_quantization(scale, zero_point))


def _rename(graph: Any, old: str, new: str) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name == old:
                    names[index] = new


def _set_uint8(info: Any) -> None:
    from onnx import TensorProto

    info.type.tensor_type.elem_type = TensorProto.UINT8


PLUGINS: tuple[Compression, ...] = (
    INT8_STATIC,
    INT8_STATIC_PER_TENSOR,
    INT8_STATIC_ENTROPY,
    INT8_STATIC_PERCENTILE,
    Int8StaticIo8(),
)
