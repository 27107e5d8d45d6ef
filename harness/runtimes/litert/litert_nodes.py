"""What LiteRT's interpreter tells of its nodes: how many a delegate took, and what the others multiply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.core.execution import Execution, effective

BUILT_IN, DELEGATED = "graph nodes", "delegate partitions"
"""Nodes of the graph as it stands in the file, and the parts of it that a delegate made one node of."""

_ARITHMETIC = frozenset(
    {"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "CONV_3D", "FULLY_CONNECTED", "BATCH_MATMUL"}
)
_ELEMENTS = {"float32": "fp32", "float16": "fp16", "int8": "int8", "uint8": "int8", "int16": "int16"}


def told_by(interpreter: Any) -> Execution:
    """Precision and nodes of an interpreter whose tensors are allocated."""
    nodes = interpreter._get_ops_details()
    types = {each["index"]: np.dtype(each["dtype"]).name for each in interpreter.get_tensor_details()}
    kernels = [node for node in nodes if node["op_name"] in _ARITHMETIC]
    return Execution(
        effective=effective(_precision([types.get(int(i), "") for i in node["inputs"][:2]]) for node in kernels),
        evidence="types of the inputs and weights of the interpreter's convolutions and matrix products",
        nodes=dict(Counter(DELEGATED if node["op_name"] == "DELEGATE" else BUILT_IN for node in nodes)),
    )


def _precision(pair: Sequence[str]) -> str:
    """What a kernel multiplies: integer weights beside float inputs are multiplied as integers (dynamic range)."""
    narrow = next((name for name in pair[::-1] if name.startswith(("int", "uint"))), pair[0])
    return _ELEMENTS.get(narrow, narrow or "unknown")
