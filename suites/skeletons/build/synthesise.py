"""Give a float .onnx net synthetic weights under which activations keep unit variance from layer to layer.

The weights follow ``suites.skeletons.weights``; each tensor's scale is set by running pictures up to that layer
(layer-sequential unit variance, Mishkin and Matas 2016, arXiv:1511.06422). A convolution is linear in its weights, so
one run a layer suffices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import numpy_helper

from suites.skeletons.manifest import Tensor
from suites.skeletons.weights import encode, integers, short_scale

BIAS = 0.25
"""Bias of every channel, in standard deviations of the layer's output.

Not 0, which some compilers drop from the graph; alike for all channels, so that it needs no room in what is shipped.
"""

_WEIGHTED = ("Conv", "Gemm")
_INTEGER_STD = 52.0

Feeds = Sequence[NDArray[np.float32]]


def synthesise(model: onnx.ModelProto, seed: int, feeds: Feeds) -> list[Tensor]:
    """Replace weights and biases of ``model`` in place; the table of tensors, in the order of the graph.

    ``feeds`` are single inputs of the net. Raises ValueError where batch normalisation was left unfolded.
    """
    constants = {entry.name: entry for entry in model.graph.initializer}
    tensors: list[Tensor] = []
    for node in model.graph.node:
        if node.op_type == "BatchNormalization":
            raise ValueError(f"{node.name}: fold batch normalisation into the convolutions before")
        if node.op_type in _WEIGHTED:
            tensors.append(_fill_layer(model, node, constants, seed, len(tensors), feeds))
    return tensors


def _fill_layer(
    model: onnx.ModelProto, node: Any, constants: dict[str, Any], seed: int, index: int, feeds: Feeds
) -> Tensor:
    weight = constants[node.input[1]]
    shape = tuple(weight.dims)
    drawn = integers(seed, index, shape)
    trial = short_scale(1 / (_INTEGER_STD * math.sqrt(math.prod(shape[1:]))))
    _set(weight, drawn, trial)
    _set_bias(constants, node, 0.0)
    deviation = float(np.std(run_to(model, node.output[0], feeds)))
    scale = short_scale(trial / deviation)
    _set(weight, drawn, scale)
    _set_bias(constants, node, BIAS)
    return Tensor(shape, scale)


def _set(entry: Any, drawn: NDArray[np.int8], scale: float) -> None:
    raw = encode(drawn, "float32", scale, range(drawn.ndim))
    entry.CopyFrom(numpy_helper.from_array(np.frombuffer(raw, np.float32).reshape(drawn.shape), entry.name))


def _set_bias(constants: dict[str, Any], node: Any, value: float) -> None:
    if len(node.input) > 2:
        entry = constants[node.input[2]]
        entry.CopyFrom(numpy_helper.from_array(np.full(tuple(entry.dims), value, np.float32), entry.name))


def run_to(model: onnx.ModelProto, name: str, feeds: Feeds) -> NDArray[np.float32]:
    """Values of the tensor ``name`` for each feed; the rest of the net is not run."""
    part = onnx.ModelProto()
    part.CopyFrom(model)
    del part.graph.output[:]
    part.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(part.SerializeToString(), options, providers=["CPUExecutionProvider"])
    entry = model.graph.input[0].name
    return np.concatenate([session.run(None, {entry: feed})[0] for feed in feeds])
