"""Tiny .tflite files as edgetpu_compiler writes them, by the FlatBuffers project's own writers.

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

FLOAT, INT8 = 0, 9
DEQUANTIZE, LOGISTIC, CUSTOM = 6, 14, 32
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


def compiled(package: bytes) -> Op:
    """A part of the net that was compiled for the Edge TPU."""
    return Op(CUSTOM, INT8, b"edgetpu-custom-op", package)


def package(*executables: tuple[int, int], runtime: int = 13) -> bytes:
    """The data of a compiled operator for that runtime version, of executables as (kind, bytes of parameters)."""
    held = [_finished({6: bytes(size), 13: np.int16(kind)}) for kind, size in executables]
    whole = _finished({0: np.int32(runtime), 1: _finished({0: held})}, b"DWN1")
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
    return _finished({0: np.int32(3), 1: codes, 2: [graph], 4: [{}]}, b"TFL3")


def _tensor(name: bytes, kind: int) -> Fields:
    zero_point = -128 if kind == INT8 else 0
    scaled = {2: np.float32([SCALE]), 3: np.int64([zero_point])} if kind == INT8 else {}
    return {0: np.int32(SHAPE), 1: np.int8(kind), 2: np.int32(0), 3: name, 4: scaled}


def _operator(place: int, one: Op) -> Fields:
    fields = {0: np.int32(place), 1: np.int32([place]), 2: np.int32([place + 1])}
    return {**fields, 5: one.data} if one.data else fields


def _finished(fields: Fields, identifier: bytes | None = None) -> bytes:
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
