"""``int8-static-io8``: as ``int8-static``, and inputs and outputs are 8-bit integers too."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.core.artifact import Format
from harness.runtimes.inputs import key, with_quantization

from . import litert, ort
from .base import INT8_DOT_PRODUCT, Calibration, Compression, Yield
from .int8_static import SETTING as STATIC
from .litert import quantise, static_rule


class Int8Io8(Compression):
    """What accelerators such as the Edge TPU ask for: no float anywhere.

    The harness quantises inputs before the timed part, with the scale of the model, which .tflite holds itself and
    .onnx in its metadata (`harness.runtimes.inputs`).
    """

    name = "int8-static-io8"
    description = "int8-static with 8-bit integers as inputs and outputs: no float anywhere"
    yields: Mapping[Format, Yield] = {
        "onnx": Yield(
            "int8 weights per channel, uint8 activations (QDQ), uint8 inputs and outputs",
            ort.TOOLS,
            {**STATIC.yields["onnx"].parameters, "ends": "uint8"},
        ),
        "tflite": Yield(
            "int8 weights per channel, int8 activations, int8 inputs and outputs",
            litert.TOOLS,
            {**STATIC.yields["tflite"].parameters, "ends": "int8"},
        ),
    }
    needs_calibration = True
    pays_on = INT8_DOT_PRODUCT
    note = "and has no first and last conversion: the program around it quantises the images instead"
    stored = "int8"

    def _onnx(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        import onnx

        with tempfile.TemporaryDirectory() as folder:
            static = Path(folder) / "static.onnx"
            STATIC.build(source, calibration, static)
            model = onnx.load(static)
        _integer_inputs(model)
        _integer_outputs(model)
        out.write_bytes(model.SerializeToString(deterministic=True))

    def _tflite(self, source: Path, calibration: Calibration | None, out: Path) -> None:
        quantise(source, [static_rule()], calibration, out)


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


PLUGINS: tuple[Compression, ...] = (Int8Io8(),)
