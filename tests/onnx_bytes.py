"""Tiny ONNX files written byte by byte, so that tests need no onnx package.

Protocol Buffers wire format and the field numbers of onnx.proto3 (ModelProto, GraphProto, NodeProto, ValueInfoProto,
TypeProto.Tensor, TensorShapeProto): github.com/onnx/onnx, onnx/onnx.proto3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FLOAT, UINT8, INT32, INT64, STRING, BOOL = 1, 2, 6, 7, 8, 9
Shape = Sequence[int | str]


def model(operator: str, inputs: Mapping[str, tuple[int, Shape]], output: tuple[int, Shape], domain: str = "") -> bytes:
    """A model of one node: `inputs` by name and `output` ('y') with element type and shape; str dimensions are free."""
    node = b"".join(_text(1, name) for name in inputs) + _text(2, "y") + _text(4, operator)
    node += _text(7, domain) if domain else b""
    graph = _bytes(1, node) + _text(2, "g")
    graph += b"".join(_bytes(11, _value_info(name, *spec)) for name, spec in inputs.items())
    graph += _bytes(12, _value_info("y", *output))
    opset = _bytes(8, _text(1, "") + _int(2, 13))
    opset += _bytes(8, _text(1, domain) + _int(2, 1)) if domain else b""
    return _int(1, 8) + _bytes(7, graph) + opset


@dataclass(frozen=True)
class External:
    """Weights of a network that lie in a file beside it."""

    location: str
    shape: Sequence[int]
    element: int = FLOAT


def network(
    nodes: Sequence[tuple[str, Sequence[str], Sequence[str], Mapping[str, int | Sequence[int]]]],
    inputs: Mapping[str, tuple[int, Shape]],
    outputs: Mapping[str, tuple[int, Shape]],
    weights: Mapping[str, NDArray[Any] | External] | None = None,
) -> bytes:
    """A model of several nodes (operator, inputs, outputs, attributes of whole numbers) with its weights."""
    graph = b"".join(_bytes(1, _node(*node)) for node in nodes) + _text(2, "g")
    graph += b"".join(_bytes(5, _tensor(name, values)) for name, values in (weights or {}).items())
    graph += b"".join(_bytes(11, _value_info(name, *spec)) for name, spec in inputs.items())
    graph += b"".join(_bytes(12, _value_info(name, *spec)) for name, spec in outputs.items())
    return _int(1, 8) + _bytes(7, graph) + _bytes(8, _text(1, "") + _int(2, 17))


def _node(
    operator: str, inputs: Sequence[str], outputs: Sequence[str], attributes: Mapping[str, int | Sequence[int]]
) -> bytes:
    node = b"".join(_text(1, name) for name in inputs) + b"".join(_text(2, name) for name in outputs)
    node += _text(4, operator)
    for name, value in attributes.items():
        several = not isinstance(value, int)
        numbers = b"".join(_int(8, one) for one in value) if not isinstance(value, int) else _int(3, value)
        node += _bytes(5, _text(1, name) + numbers + _int(20, 7 if several else 2))
    return node


def _tensor(name: str, values: NDArray[Any] | External) -> bytes:
    shape = values.shape
    tensor = b"".join(_int(1, size) for size in shape)
    if isinstance(values, External):
        entry = _bytes(13, _text(1, "location") + _text(2, values.location))
        return tensor + _int(2, values.element) + _text(8, name) + entry + _int(14, 1)
    return tensor + _int(2, INT64 if values.dtype == np.int64 else FLOAT) + _text(8, name) + _bytes(9, values.tobytes())


def colours(
    order: Sequence[int], batch: int | str = 1, edge: int | str = 16, location: str = ""
) -> tuple[bytes, bytes]:
    """A net whose class k is scored by the mean of colour channel order[k], and the bytes of its weights.

    The weights are in the file `location` where it is given, else in the model.
    """
    weight = np.zeros((3, 3, 1, 1), np.float32)
    weight[np.arange(3), list(order)] = 1
    data = network(
        [
            ("GlobalAveragePool", ["x"], ["p"], {}),
            ("Conv", ["p", "w"], ["c"], {}),
            ("Flatten", ["c"], ["y"], {}),
        ],
        {"x": (FLOAT, (batch, 3, edge, edge))},
        {"y": (FLOAT, (batch, 3))},
        {"w": External(location, weight.shape) if location else weight},
    )
    return data, weight.tobytes()


def described(data: bytes, metadata: Mapping[str, str]) -> bytes:
    """The model with these entries in its metadata."""
    return data + b"".join(_bytes(14, _text(1, key) + _text(2, value)) for key, value in metadata.items())


def _value_info(name: str, element: int, shape: Shape) -> bytes:
    dimensions = b"".join(_bytes(1, _text(2, d) if isinstance(d, str) else _int(1, d)) for d in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _int(1, element) + _bytes(2, dimensions)))


def _int(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def slowed(data: bytes, output: str, pairs: int) -> bytes:
    """The model with `pairs` pairs of Neg behind its only `output`: slower, and every figure it computes the same.

    The node that made the output makes another name of the same length, so that no length in the file changes; what
    is appended is merged into the graph, as Protocol Buffers do with a message that comes twice.
    """
    before = output[:-1] + ("_" if output[-1] != "_" else "-")
    name, place = output.encode(), data.index(_text(2, output))
    data = data[:place] + _text(2, before) + data[place + len(name) + 2 :]
    names = [before, *(f"{output}/{number}" for number in range(2 * pairs - 1)), output]
    nodes = [_text(1, a) + _text(2, b) + _text(4, "Neg") for a, b in pairwise(names)]
    return data + _bytes(7, b"".join(_bytes(1, node) for node in nodes))


def onnx_with_weights(path: Path, location: str, weights: bytes = b"\0" * 16) -> Path:
    """An .onnx that keeps one tensor in the file `location` beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nodes = [("Add", ["x", "w"], ["y"], {})]
    shape = {"x": (FLOAT, (1, 4))}, {"y": (FLOAT, (1, 4))}
    path.write_bytes(network(nodes, *shape, {"w": External(location, (1, 4))}))
    if ".." not in location:
        (path.parent / location).parent.mkdir(exist_ok=True)
        (path.parent / location).write_bytes(weights)
    return path
