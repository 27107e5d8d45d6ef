"""The files beside an .onnx that belong to it, read from the graph without the `onnx` package.

An ONNX model may keep tensors in other files (external data): a TensorProto whose `data_location` is EXTERNAL names the
file in `external_data` under the key 'location', relative to the folder of the model. Field numbers are those of
onnx/onnx.proto.

A node EPContext holds a part of the net that ONNX Runtime compiled for an accelerator: where its `embed_mode` is 0, in
the file that `ep_cache_context` names (EP Context Design in ONNX Runtime's documentation).
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from .protobuf import Buffer, fields, varint

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
_OPERATOR, _ATTRIBUTE = 4, 5
_NAME, _INTEGER, _TEXT = 1, 3, 4
"""Fields of NodeProto, and of AttributeProto."""


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
    if message == "node":
        yield from _compiled(data, start, end)
    known = _MESSAGES[message]
    for field, first, behind in fields(data, start, end):
        if field in known:
            yield from _tensors(data, first, behind, known[field])


def _compiled(data: Buffer, start: int, end: int) -> Iterator[str]:
    """Yield the file of a part that was compiled for an accelerator, where it is not in the graph itself."""
    places = list(fields(data, start, end))
    if not any(field == _OPERATOR and bytes(data[i:j]) == b"EPContext" for field, i, j in places):
        return
    context, embedded = "", True
    for _, first, behind in (place for place in places if place[0] == _ATTRIBUTE):
        held = {field: (i, j) for field, i, j in fields(data, first, behind)}
        name = bytes(data[slice(*held[_NAME])]) if _NAME in held else b""
        if name == b"ep_cache_context" and _TEXT in held:
            context = bytes(data[slice(*held[_TEXT])]).decode("utf-8", "replace")
        elif name == b"embed_mode" and _INTEGER in held:
            embedded = varint(data, held[_INTEGER][0])[0] != 0
    if context and not embedded:
        yield context


def _location(data: Buffer, start: int, end: int) -> Iterator[str]:
    """Yield the location of a tensor that is external."""
    location, external = "", False
    for field, first, behind in fields(data, start, end):
        if field == _DATA_LOCATION:
            external = varint(data, first)[0] == _EXTERNAL
        elif _MESSAGES["tensor"].get(field) == "entry":
            entry = {key: str(data[i:j], "utf-8") for key, i, j in fields(data, first, behind)}
            location = entry.get(_VALUE, "") if entry.get(_KEY) == "location" else location
    if external and location:
        yield location
