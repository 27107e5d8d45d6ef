"""The files beside an .onnx that hold its weights, read from the graph without the `onnx` package.

An ONNX model may keep tensors in other files (external data): a TensorProto whose `data_location` is EXTERNAL names the
file in `external_data` under the key 'location', relative to the folder of the model. Field numbers are those of
onnx/onnx.proto; https://protobuf.dev/programming-guides/encoding describes the encoding.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

_MESSAGES: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}
"""Fields that lead to tensors, by message: ModelProto, GraphProto, NodeProto, ..."""
_DATA_LOCATION, _EXTERNAL = 14, 1
_KEY, _VALUE = 1, 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

Buffer = memoryview


def external_files(model: Path) -> list[Path]:
    """Return the files that an .onnx keeps weights in, in their order of appearance, whether they exist or not.

    The list is empty for a file that is no ONNX model: what opens it says what is wrong with it.
    """
    status = model.stat()
    return [model.parent / location for location in _locations(model, status.st_mtime_ns, status.st_size)]


@lru_cache(maxsize=64)
def _locations(model: Path, modified_ns: int, size: int) -> tuple[str, ...]:
    if size == 0:
        return ()
    with model.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        view = memoryview(data)
        try:
            return tuple(dict.fromkeys(_tensors(view, 0, size, "model")))
        except (ValueError, IndexError):
            return ()
        finally:
            view.release()


def _tensors(data: Buffer, start: int, end: int, message: str) -> Iterator[str]:
    """Yield the location of every external tensor in a message."""
    if message == "tensor":
        yield from _location(data, start, end)
        return
    known = _MESSAGES[message]
    for field, first, behind in _fields(data, start, end):
        if field in known:
            yield from _tensors(data, first, behind, known[field])


def _location(data: Buffer, start: int, end: int) -> Iterator[str]:
    """Yield the location of a tensor that is external."""
    location, external = "", False
    for field, first, behind in _fields(data, start, end):
        if field == _DATA_LOCATION:
            external = _varint(data, first)[0] == _EXTERNAL
        elif _MESSAGES["tensor"].get(field) == "entry":
            entry = {key: str(data[i:j], "utf-8") for key, i, j in _fields(data, first, behind)}
            location = entry.get(_VALUE, "") if entry.get(_KEY) == "location" else location
    if external and location:
        yield location


def _fields(data: Buffer, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and end of the value of each field; ValueError where the bytes are no message."""
    place = start
    while place < end:
        tag, place = _varint(data, place)
        kind, first = tag & 7, place
        if kind == _VARINT:
            _, place = _varint(data, place)
        elif kind == _BYTES:
            length, first = _varint(data, place)
            place = first + length
        elif kind in (_FIXED64, _FIXED32):
            place += 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if place > end:
            raise ValueError("the field is longer than its message")
        yield tag >> 3, first, place


def _varint(data: Buffer, place: int) -> tuple[int, int]:
    """Return the number at `place`, seven bits per byte, and the place behind it."""
    number = shift = 0
    while True:
        byte = data[place]
        number |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return number, place
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
