"""Parameters, MACs, precision and delegated nodes of a .tflite, from the nodes and tensors of the interpreter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.core.execution import Execution, effective_precision
from harness.core.quantity import Missing
from harness.runtimes.graph_counts import (
    Counts,
    Graph,
    Node,
    Rule,
    Rules,
    by_filter,
    by_filter_of_inputs,
    by_rows,
    count,
)

_NOT_TOLD = (
    *("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM", "SVDF"),
    *("RNN", "UNIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_RNN"),
    *("IF", "WHILE", "CALL", "CONV_3D_TRANSPOSE"),
    *("STABLEHLO_CONVOLUTION", "STABLEHLO_DOT_GENERAL", "STABLEHLO_COMPOSITE", "STABLEHLO_WHILE"),
)

RULES: Rules = {
    "CONV_2D": Rule((1, 2), by_filter(1)),
    "DEPTHWISE_CONV_2D": Rule((1, 2), by_filter(1, 1, 3)),
    "CONV_3D": Rule((1, 2), by_filter(1, 0, 4)),
    "TRANSPOSE_CONV": Rule((1, 3), by_filter_of_inputs(2, 1, 0, 3)),
    "FULLY_CONNECTED": Rule((1, 2), by_filter(1)),
    "BATCH_MATMUL": Rule((0, 1), by_rows),
    "EMBEDDING_LOOKUP": Rule((1,)),
    "GATHER": Rule((0,)),
    "PRELU": Rule((1,)),
    "ADD": Rule((0, 1), least=2),
    **dict.fromkeys(_NOT_TOLD),
    "custom.TFLite_Detection_PostProcess": Rule(),
}
"""Places of weights and MACs by operator; filters lie as in lite/kernels: [out, h, w, in], depthwise [1, h, w, out]."""


def counts(interpreter: Any) -> Counts | Missing:
    """Count the graph of an interpreter whose tensors are allocated; what a delegate added to it is left out."""
    tensors = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    nodes = [_node(each) for each in interpreter._get_ops_details() if each["op_name"] != "DELEGATE"]
    computed = {name for node in nodes for name in node.outputs}
    inputs = {str(detail["index"]) for detail in interpreter.get_input_details()}
    shapes = {str(place): tuple(int(edge) for edge in each["shape"]) for place, each in tensors.items()}
    constants = {str(place): _weight(each) for place, each in tensors.items() if str(place) not in computed | inputs}
    return count(Graph(nodes, shapes, constants), RULES)


def _node(details: dict[str, Any]) -> Node:
    """Convert an operator; one that is not built in has a name in other than capitals."""
    kind = details["op_name"]
    inputs, outputs = (tuple(str(i) if i >= 0 else "" for i in details[side]) for side in ("inputs", "outputs"))
    return Node(kind if kind.isupper() else f"custom.{kind}", inputs, outputs)


def _weight(tensor: dict[str, Any]) -> bool:
    """Return whether a constant is a weight: integers of more than a byte without a scale are shapes and axes."""
    wide = np.dtype(tensor["dtype"]).kind in "iu" and np.dtype(tensor["dtype"]).itemsize > 1
    return not wide or bool(len(tensor["quantization_parameters"]["scales"]))


BUILT_IN, DELEGATED = "graph nodes", "delegate partitions"
"""Nodes of the graph as it stands in the file, and the parts of it that a delegate computed one node of."""

_ARITHMETIC = frozenset(
    {"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "CONV_3D", "FULLY_CONNECTED", "BATCH_MATMUL"}
)
_ELEMENTS = {"float32": "fp32", "float16": "fp16", "int8": "int8", "uint8": "int8", "int16": "int16"}


def read_execution(interpreter: Any) -> Execution:
    """Return precision and nodes of an interpreter whose tensors are allocated."""
    nodes = interpreter._get_ops_details()
    types = {each["index"]: np.dtype(each["dtype"]).name for each in interpreter.get_tensor_details()}
    kernels = [node for node in nodes if node["op_name"] in _ARITHMETIC]
    return Execution(
        effective=effective_precision(
            _precision([types.get(int(i), "") for i in node["inputs"][:2]]) for node in kernels
        ),
        evidence="types of the inputs and weights of the interpreter's convolutions and matrix products",
        nodes=dict(Counter(DELEGATED if node["op_name"] == "DELEGATE" else BUILT_IN for node in nodes)),
    )


def _precision(pair: Sequence[str]) -> str:
    """Return what a kernel multiplies: integer weights with float inputs are multiplied as integers (dynamic range)."""
    dtype = next((name for name in pair[::-1] if name.startswith(("int", "uint"))), pair[0])
    return _ELEMENTS.get(dtype, dtype or "unknown")
