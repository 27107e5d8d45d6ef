"""Facts of a float .onnx graph, and what is stripped from it before it ships."""

from __future__ import annotations

import math
from typing import Any

import onnx


def strip(model: onnx.ModelProto) -> onnx.ModelProto:
    """Remove, in place, what the exporter noted of its own run: source lines, doc strings, metadata."""
    for holder in (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output):
        holder.doc_string = ""
        del holder.metadata_props[:]
    for entry in (*model.graph.value_info, *model.graph.initializer):
        entry.doc_string = ""
        del entry.metadata_props[:]
    del model.functions[:]
    return model


def edge(model: onnx.ModelProto) -> int:
    """Height (and width) of the input in pixels."""
    return int(model.graph.input[0].type.tensor_type.shape.dim[2].dim_value)


def parameters(model: onnx.ModelProto) -> int:
    """Number of weights and biases of the convolutions and fully connected layers (batch normalisation folded in)."""
    sizes = {entry.name: math.prod(entry.dims) for entry in model.graph.initializer}
    return sum(sizes[name] for node in _weighted(model) for name in node.input[1:])


def macs(model: onnx.ModelProto) -> int:
    """Multiply-accumulates of convolutions and fully connected layers for one image: outputs times fan-in."""
    inferred = onnx.shape_inference.infer_shapes(_of_one_image(model)).graph
    values = (*inferred.value_info, *inferred.output)
    outputs = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}
    weights = {entry.name: entry.dims for entry in model.graph.initializer}
    return sum(math.prod(outputs[n.output[0]]) * math.prod(weights[n.input[1]][1:]) for n in _weighted(model))


def _weighted(model: onnx.ModelProto) -> list[Any]:
    return [node for node in model.graph.node if node.op_type in ("Conv", "Gemm")]


def _of_one_image(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose batch is 1, and which keeps no shapes inferred for another."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    for output in copy.graph.output:
        output.type.tensor_type.shape.dim[0].dim_value = 1
    del copy.graph.value_info[:]
    return copy
