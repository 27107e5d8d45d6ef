"""Tiny .tflite files by the FlatBuffers project's own writers: chains, state, signatures, Edge TPU packages.

Field numbers: tensorflow/compiler/mlir/lite/schema/schema.fbs of tensorflow/tensorflow; tflite/custom_op_data.cc and
executable/executable.fbs of google-coral/libedgetpu.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from flatbuffers import flexbuffers

FLOAT, INT8, RESOURCE = 0, 9, 13
ADD, DEQUANTIZE, LOGISTIC, MUL, SVDF, CUSTOM, SUB = 0, 6, 14, 18, 27, 32, 41
CALL_ONCE, VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE = 129, 142, 143, 144
STAND_ALONE, CACHING, EXECUTING = 0, 1, 2
SCALE = 1 / 256
"""Of every int8 tensor; what LOGISTIC's output must have."""
SHAPE = (1, 4)

Fields = Mapping[int, Any]
"""A table by field number: int, NumPy scalar or array, bytes, a table, or a list of bytes or tables."""


@dataclass(frozen=True)
class Op:
    """An operator of a chain, and the type of the tensor it puts out."""

    code: int
    out: int = INT8
    name: bytes = b""
    data: bytes = b""


@dataclass(frozen=True)
class Tensor:
    """A tensor of a graph; `values` make it a constant, `variable` a state that the interpreter keeps."""

    name: str = ""
    shape: tuple[int, ...] = SHAPE
    kind: int = FLOAT
    values: tuple[float, ...] = ()
    variable: bool = False


@dataclass(frozen=True)
class Node:
    """An operator by its code, with the places of its tensors; `options` is (type of BuiltinOptions, its table)."""

    code: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: tuple[int, Fields] | None = None


@dataclass(frozen=True)
class Graph:
    """A graph of a model; the places of its inputs and outputs among its tensors."""

    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Signature:
    """An entry point: the graph, and the tensors by the names they have in it."""

    name: str
    graph: int
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]


def model(*graphs: Graph, signatures: Sequence[Signature] = ()) -> bytes:
    """A model of these graphs, the first one being the primary."""
    codes = sorted({node.code for graph in graphs for node in graph.nodes})
    buffers: list[Fields] = [{}]
    tables = [
        {
            0: [_declared(tensor, buffers) for tensor in graph.tensors],
            1: np.int32(graph.inputs),
            2: np.int32(graph.outputs),
            3: [_node(node, codes) for node in graph.nodes],
        }
        for graph in graphs
    ]
    operators = [{0: np.int8(min(code, 127)), 2: np.int32(1), 3: np.int32(code)} for code in codes]
    entries = [_signature(signature) for signature in signatures]
    named = {7: entries} if entries else {}
    return finished({0: np.int32(3), 1: operators, 2: tables, 4: buffers, **named}, b"TFL3")


def _declared(tensor: Tensor, buffers: list[Fields]) -> Fields:
    if tensor.values:
        buffers.append({0: np.float32(tensor.values).tobytes()})
    place = len(buffers) - 1 if tensor.values else 0
    fields = {0: np.int32(tensor.shape), 1: np.int8(tensor.kind), 2: np.int32(place), 3: tensor.name.encode(), 4: {}}
    return {**fields, 5: np.uint8(1)} if tensor.variable else fields


def _node(node: Node, codes: Sequence[int]) -> Fields:
    fields = {0: np.int32(codes.index(node.code)), 1: np.int32(node.inputs), 2: np.int32(node.outputs)}
    return {**fields, 3: np.uint8(node.options[0]), 4: node.options[1]} if node.options else fields


def _signature(signature: Signature) -> Fields:
    sides = [
        [{0: name.encode(), 1: np.uint32(place)} for name, place in side.items()]
        for side in (signature.inputs, signature.outputs)
    ]
    return {0: sides[0], 1: sides[1], 2: signature.name.encode(), 4: np.uint32(signature.graph)}


def subtraction(*names: str) -> bytes:
    """a - b and logistic(a - b), its two inputs and two outputs having these names, '' for none."""
    graph = Graph(
        tuple(Tensor(name, (1, 4)) for name in names),
        (0, 1),
        (2, 3),
        (Node(SUB, (0, 1), (2,)), Node(LOGISTIC, (2,), (3,))),
    )
    return model(graph)


TWO = (
    Graph((Tensor("d_x", (1, 4)), Tensor("d_y", (1, 4))), (0,), (1,), (Node(ADD, (0, 0), (1,)),)),
    Graph((Tensor("s_x", (1, 2)), Tensor("s_y", (1, 2))), (0,), (1,), (Node(MUL, (0, 0), (1,)),)),
)
"""x + x for 4 numbers, and x * x for 2."""


def two_signatures(names: Sequence[str] = ("double", "square")) -> bytes:
    """The graphs of `TWO`, each under a name."""
    return model(*TWO, signatures=[Signature(name, place, {"x": 0}, {"y": 1}) for place, name in enumerate(names)])


MEMORY = Graph(
    (
        Tensor("x", (1, 1)),
        Tensor("feature", (1, 1), values=(1.0,)),
        Tensor("time", (1, 2), values=(10.0, 1.0)),
        Tensor("memory", (1, 2), variable=True),
        Tensor("y", (1, 1)),
    ),
    (0,),
    (4,),
    (Node(SVDF, (0, 1, 2, -1, 3), (4,), (6, {0: np.int32(1)})),),
)
"""SVDF with a memory of two: x + 10 times the x of the inference before."""


def variable_tensor() -> bytes:
    """`MEMORY` alone."""
    return model(MEMORY)


def resource_variable() -> bytes:
    """x plus the sum of all x before, in a variable that a graph of its own sets to 0 once."""
    handle = (111, {0: b"", 1: b"total"})
    tensors = (Tensor("x", (1, 1)), Tensor("handle", (1,), RESOURCE), Tensor("before", (1, 1)), Tensor("y", (1, 1)))
    nodes = (
        Node(CALL_ONCE, (), (), (103, {0: np.int32(1)})),
        Node(VAR_HANDLE, (), (1,), handle),
        Node(READ_VARIABLE, (1,), (2,), (112, {})),
        Node(ADD, (0, 2), (3,)),
        Node(ASSIGN_VARIABLE, (1, 3), (), (113, {})),
    )
    start = (Tensor("handle", (1,), RESOURCE), Tensor("zero", (1, 1), values=(0.0,)))
    once = (Node(VAR_HANDLE, (), (0,), handle), Node(ASSIGN_VARIABLE, (0, 1), (), (113, {})))
    return model(Graph(tensors, (0,), (3,), nodes), Graph(start, (), (), once))


def compiled(package: bytes) -> Op:
    """A part of the net that was compiled for the Edge TPU."""
    return Op(CUSTOM, INT8, b"edgetpu-custom-op", package)


def package(*executables: tuple[int, int], runtime: int = 13) -> bytes:
    """The data of a compiled operator for that runtime version, of executables as (kind, bytes of parameters)."""
    held = [finished({6: bytes(size), 13: np.int16(kind)}) for kind, size in executables]
    whole = finished({0: np.int32(runtime), 1: finished({0: held})}, b"DWN1")
    custom = flexbuffers.Builder()
    with custom.Map():
        custom.Int("1", 0)
        custom.String("4", _Raw(whole))
    return bytes(custom.Finish())


class _Raw(bytes):
    """The writer takes text alone, and asks it for its bytes."""

    def encode(self, _: str) -> bytes:
        return self


def chain(*operators: Op, start: int = INT8) -> bytes:
    """A model of these operators one behind the other, from an input 'x' of type `start`."""
    types = [start, *(one.out for one in operators)]
    names = [b"x", *(b"t%d" % number for number in range(1, len(types)))]
    graph = {
        0: [_tensor(name, kind) for name, kind in zip(names, types, strict=True)],
        1: np.int32([0]),
        2: np.int32([len(operators)]),
        3: [_operator(place, one) for place, one in enumerate(operators)],
    }
    codes = [{0: np.int8(one.code), 1: one.name, 2: np.int32(1), 3: np.int32(one.code)} for one in operators]
    return finished({0: np.int32(3), 1: codes, 2: [graph], 4: [{}]}, b"TFL3")


def _tensor(name: bytes, kind: int) -> Fields:
    zero_point = -128 if kind == INT8 else 0
    scaled = {2: np.float32([SCALE]), 3: np.int64([zero_point])} if kind == INT8 else {}
    return {0: np.int32(SHAPE), 1: np.int8(kind), 2: np.int32(0), 3: name, 4: scaled}


def _operator(place: int, one: Op) -> Fields:
    fields = {0: np.int32(place), 1: np.int32([place]), 2: np.int32([place + 1])}
    return {**fields, 5: one.data} if one.data else fields


def finished(fields: Fields, identifier: bytes | None = None) -> bytes:
    """A FlatBuffer with this root table."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(_table(builder, fields), identifier)
    return bytes(builder.Output())


def _table(builder: flatbuffers.Builder, fields: Fields) -> int:
    """Everything a table points to stands before it."""
    places = {number: _placed(builder, value) for number, value in fields.items() if not isinstance(value, np.generic)}
    builder.StartObject(max(fields, default=-1) + 1)
    for number, value in fields.items():
        if number in places:
            builder.PrependUOffsetTRelativeSlot(number, places[number], 0)
        else:
            getattr(builder, f"Prepend{type(value).__name__.title()}Slot")(number, value.item(), None)
    return int(builder.EndObject())


def _placed(builder: flatbuffers.Builder, value: Any) -> int:
    if isinstance(value, bytes):
        return int(builder.CreateString(value))
    if isinstance(value, np.ndarray):
        return int(builder.CreateNumpyVector(value))
    return _table(builder, value) if isinstance(value, Mapping) else _vector(builder, value)


def _vector(builder: flatbuffers.Builder, values: Sequence[bytes | Fields]) -> int:
    places = [_placed(builder, value) for value in values]
    builder.StartVector(4, len(places), 4)
    for place in reversed(places):
        builder.PrependUOffsetTRelative(place)
    return int(builder.EndVector())
