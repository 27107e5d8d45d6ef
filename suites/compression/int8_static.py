"""Static int8 quantization: int8 weights and activations, with ranges from calibration images.

``int8-static-io8`` also takes and returns 8-bit integers; the other settings keep float32 inputs and outputs.
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
from .litert_quantizer import quantize, static_rule

RANGES_REFUSED: Mapping[Format, str] = {"tflite": "ai-edge-quantizer takes ranges from minimum and maximum alone"}


class Int8Static(Compression):
    """Post-training static quantisation; unsigned activations in .onnx because x86 multiplies u8 by s8.

    ``ranges`` is how those of activations are found, see `ort_quantizer.ranges`; ``per_channel``: one weight
    scale an output channel, else one a tensor.
    """

    needs_calibration = True
    faster_with = INT8_DOT_PRODUCT
    stored = "int8"

    def __init__(self, name: str, description: str, *, per_channel: bool = True, ranges: str = "MinMax") -> None:
        self.name = name
        self.description = description
        self.per_channel = per_channel
        self.ranges = ranges
        self.formats = _yields(per_channel, ranges)
        self.unsupported = {} if "tflite" in self.formats else RANGES_REFUSED

    def build_onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        assert calibration is not None
        ort_quantizer.quantize_static(
            source, out, calibration, method=self.ranges, per_channel=self.per_channel, activations="QUInt8"
        )

    def build_tflite(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        quantize(
            source, [static_rule(per_channel=self.per_channel), *litert_quantizer.FLOAT_IO_RULES], calibration, out
        )


def _yields(per_channel: bool, ranges: str) -> Mapping[Format, FormatSupport]:
    weights = f"int8 weights per {'channel' if per_channel else 'tensor'}"
    parameters: dict[str, Any] = {
        "format": "QDQ",
        "per_channel": per_channel,
        "weights": "QInt8",
        "activations": "QUInt8",
        "ranges": ranges,
        **ort_quantizer.RANGE_PARAMETERS[ranges],
    }
    recipe = {"recipe": "static_wi8_ai8", "ranges": "MinMax"} | ({} if per_channel else {"granularity": "TENSORWISE"})
    made: dict[Format, FormatSupport] = {
        "onnx": FormatSupport(
            f"{weights}, uint8 activations (QDQ), fp32 inputs and outputs", ort_quantizer.TOOLS, parameters
        ),
        "tflite": FormatSupport(
            f"{weights}, int8 activations, fp32 inputs and outputs", litert_quantizer.TOOLS, recipe
        ),
    }
    return made if ranges == "MinMax" else {"onnx": made["onnx"]}


INT8_STATIC = Int8Static(
    "int8-static", "int8 weights per channel, int8 activations with ranges from calibration images"
)
INT8_STATIC_PER_TENSOR = Int8Static(
    "int8-static-per-tensor",
    "as int8-static with one weight scale a tensor: how much per-channel scales are worth",
    per_channel=False,
)
"""What older toolchains and some accelerators do; depthwise nets suffer, as their channels differ most."""
INT8_STATIC_ENTROPY = Int8Static(
    "int8-static-entropy", "as int8-static with ranges that lose least of the distribution (KL)", ranges="Entropy"
)
INT8_STATIC_PERCENTILE = Int8Static(
    "int8-static-percentile",
    f"as int8-static with ranges that {ort_quantizer.PERCENTILE} % of the values are in",
    ranges="Percentile",
)


class Int8StaticIo8(Compression):
    """What accelerators such as the Edge TPU ask for: no float anywhere.

    The harness quantises inputs before the timed part, with the scale of the model, which .tflite holds itself and
    .onnx in its metadata (`harness.runtimes.inputs`).
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
    note = "and has no first and last conversion: the program around it quantises the images instead"
    stored = "int8"

    def build_onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        import onnx

        with tempfile.TemporaryDirectory() as folder:
            static = Path(folder) / "static.onnx"
            INT8_STATIC.build(source, calibration, static)
            model = onnx.load(static)
        _integer_inputs(model)
        _integer_outputs(model)
        out.write_bytes(model.SerializeToString(deterministic=True))

    def build_tflite(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        quantize(source, [static_rule()], calibration, out)


def _integer_inputs(model: Any) -> None:
    """Take away the QuantizeLinear of each input: what it made is what the input now is."""
    for entry in model.graph.input:
        for node in [one for one in model.graph.node if one.op_type == "QuantizeLinear" and one.input[0] == entry.name]:
            _note_scale(model, entry.name, node)
            _rename(model.graph, node.output[0], entry.name)
            model.graph.node.remove(node)
            _make_uint8(entry)


def _integer_outputs(model: Any) -> None:
    """Take away the DequantizeLinear of each output: what it took is what the output now is."""
    for end in model.graph.output:
        for node in [one for one in model.graph.node if one.op_type == "DequantizeLinear" and end.name in one.output]:
            _note_scale(model, end.name, node)
            model.graph.node.remove(node)
            _rename(model.graph, node.input[0], end.name)
            _make_uint8(end)


def _note_scale(model: Any, name: str, node: Any) -> None:
    from onnx import numpy_helper

    stored = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    scale, zero_point = (stored[name].item() for name in node.input[1:3])
    model.metadata_props.add(key=key(name), value=with_quantization(scale, zero_point))


def _rename(graph: Any, old: str, new: str) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new


def _make_uint8(info: Any) -> None:
    from onnx import TensorProto

    info.type.tensor_type.elem_type = TensorProto.UINT8


PLUGINS: tuple[Compression, ...] = (
    INT8_STATIC,
    INT8_STATIC_PER_TENSOR,
    INT8_STATIC_ENTROPY,
    INT8_STATIC_PERCENTILE,
    Int8StaticIo8(),
)
