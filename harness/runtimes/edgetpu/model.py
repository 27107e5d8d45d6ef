"""What a .tflite file says of the Edge TPU: whether it was compiled for it, its memory and its runtime version.

The file is read as FlatBuffers and FlexBuffers in place: slices of a mapped file add nothing to a measured process's
memory, and need no generated code. Layout: github.com/google/flatbuffers, docs/source/internals.md.

The compiler puts what it takes into custom operators; the data of one is a FlexBuffer whose string '4' is a package of
executables. Fields: tensorflow/compiler/mlir/lite/schema/schema.fbs of tensorflow/tensorflow; tflite/custom_op_data.cc,
executable/executable.fbs and driver/package_registry.cc of google-coral/libedgetpu.
"""

from __future__ import annotations

import mmap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.quantity import Missing
from harness.runtimes.base import SessionError

_OFFSET = 4
"""Bytes of an offset, of a vector's length, and of the numbers read here."""
_STRING = 5
"""FlexBuffers' type of a string of bytes."""


class DamagedBuffer(ValueError):
    """Something in it points outside it."""


class Table:
    """One table at `place` of `data`; its fields by their number in the schema."""

    def __init__(self, data: memoryview, place: int) -> None:
        self._data = data
        self._place = place
        self._fields = place - _number(data, place, _OFFSET, signed=True)
        self._size = _number(data, self._fields, 2)
        if self._size < _OFFSET:
            raise DamagedBuffer(f"no table at {place}")

    @classmethod
    def root(cls, data: memoryview) -> Table:
        """Return the root table of a buffer."""
        return cls(data, _number(data, 0, _OFFSET))

    def number(self, field: int, width: int = _OFFSET) -> int:
        """Return an unsigned number of `width` bytes; 0, the schemas' default, where it is not stored."""
        place = self._stored(field)
        return _number(self._data, place, width) if place else 0

    def numbers(self, field: int) -> Iterator[int]:
        """Return a vector of unsigned numbers of 4 bytes; empty where it is not stored."""
        return (_number(self._data, place, _OFFSET) for place in self._elements(field))

    def content(self, field: int) -> memoryview:
        """Return the bytes of a string or byte vector; empty where it is not stored."""
        place = self._stored(field)
        return _counted(self._data, self._target(place)) if place else self._data[:0]

    def contents(self, field: int) -> Iterator[memoryview]:
        """Return the bytes of each string of a vector."""
        return (_counted(self._data, self._target(place)) for place in self._elements(field))

    def tables(self, field: int) -> Iterator[Table]:
        """Return a vector of tables."""
        return (Table(self._data, self._target(place)) for place in self._elements(field))

    def table(self, field: int) -> Table | None:
        """Return a table; None where it is not stored."""
        place = self._stored(field)
        return Table(self._data, self._target(place)) if place else None

    def _stored(self, field: int) -> int:
        """Return where a field's value is, 0 where it is left out."""
        entry = _OFFSET + 2 * field
        if entry >= self._size:
            return 0
        offset = _number(self._data, self._fields + entry, 2)
        return self._place + offset if offset else 0

    def _target(self, place: int) -> int:
        return place + _number(self._data, place, _OFFSET)

    def _elements(self, field: int) -> Iterator[int]:
        """Return the places of a vector's elements of 4 bytes each."""
        stored = self._stored(field)
        if not stored:
            return
        start = self._target(stored)
        count = _number(self._data, start, _OFFSET)
        _number(self._data, start + _OFFSET * count, _OFFSET)  # the last one, before a damaged count is gone through
        yield from range(start + _OFFSET, start + _OFFSET * (count + 1), _OFFSET)


def flexible_string(data: memoryview, key: bytes) -> memoryview:
    """Return the string that a FlexBuffer's map holds under `key`; DamagedBuffer without one.

    A map is a vector whose values' types follow it; before it stand its size, and before that the width and place of
    its vector of keys.
    """
    width = _number(data, len(data) - 1, 1)
    place = _behind(data, len(data) - 2 - width, width)
    width = 1 << (_number(data, len(data) - 2, 1) & 3)
    keys = _behind(data, place - 3 * width, width)
    key_width = _number(data, place - 2 * width, width)
    size = _number(data, place - width, width)
    for number in range(size):
        name = _behind(data, keys + number * key_width, key_width)
        if data[name : name + len(key) + 1] != key + b"\0":
            continue
        kind = _number(data, place + size * width + number, 1)
        if kind >> 2 == _STRING:
            counter = 1 << (kind & 3)
            return _counted(data, _behind(data, place + number * width, width) - counter, counter)
    raise DamagedBuffer(f"no string under {key!r}")


def _behind(data: memoryview, place: int, width: int) -> int:
    """Return the place that a FlexBuffer's offset points back to."""
    return place - _number(data, place, width)


def _counted(data: memoryview, place: int, width: int = _OFFSET) -> memoryview:
    """Return the bytes that follow their count, which stands at `place`."""
    start, count = place + width, _number(data, place, width)
    if start + count > len(data):
        raise DamagedBuffer(f"{count} bytes at {start} of {len(data)}")
    return data[start : start + count]


def _number(data: memoryview, place: int, width: int, signed: bool = False) -> int:
    if width not in (1, 2, 4, 8) or not 0 <= place <= len(data) - width:
        raise DamagedBuffer(f"{width} bytes at {place} of {len(data)}")
    return int.from_bytes(data[place : place + width], "little", signed=signed)


CUSTOM_OPERATOR = "edgetpu-custom-op"
_IDENTIFIER = b"TFL3"

_MODEL_CODES, _MODEL_GRAPHS = 1, 2
_CODE_CUSTOM = 1
_GRAPH_TENSORS, _GRAPH_INPUTS, _GRAPH_OUTPUTS, _GRAPH_OPERATORS = 0, 1, 2, 3
_TENSOR_TYPE = 1
_OPERATOR_CODE, _OPERATOR_CUSTOM = 0, 5
_PACKAGE_RUNTIME, _PACKAGE_EXECUTABLES = 0, 1
_EXECUTABLES = 0
_EXECUTABLE_PARAMETERS, _EXECUTABLE_KIND = 6, 13
_STAND_ALONE, _CACHING, _EXECUTING = 0, 1, 2

_TAKEN = frozenset({2, 3, 4, 6, 9})
"""Types of a quantised net's tensors: int32 (bias, shape), uint8, int64, bool, int8."""
_TYPES: Mapping[int, str] = {0: "float32", 1: "float16", 7: "int16", 10: "float64", 17: "int4", 18: "bfloat16"}


@dataclass(frozen=True)
class Parameters:
    """Those that stay in the Edge TPU's memory from one inference to the next, and those sent to it in each."""

    on_chip_bytes: int
    streamed_bytes: int


@dataclass(frozen=True)
class Partition:
    """One part of a net that was compiled to run on the Edge TPU as a whole.

    `min_runtime` is the least runtime version (10 to 14 so far) that can load it.
    """

    parameters: Parameters | Missing
    min_runtime: int | Missing


@dataclass(frozen=True)
class Net:
    """A .tflite file: the parts of it that were compiled, none where it was not.

    `unfit` counts by type the tensors of other than 8 bits. Inputs and outputs are not among them: float ones are
    converted on the host.
    """

    partitions: tuple[Partition, ...]
    unfit: Mapping[str, int]

    @property
    def parameters(self) -> Parameters | Missing:
        """Parameters of all partitions; Missing where those of one are."""
        known = [part.parameters for part in self.partitions if isinstance(part.parameters, Parameters)]
        unknown = [part.parameters for part in self.partitions if isinstance(part.parameters, Missing)]
        if unknown:
            return unknown[0]
        return Parameters(sum(each.on_chip_bytes for each in known), sum(each.streamed_bytes for each in known))

    @property
    def min_runtime(self) -> int | Missing:
        """The highest runtime version that a partition needs; Missing where that of one is."""
        known = [part.min_runtime for part in self.partitions if isinstance(part.min_runtime, int)]
        unknown = [part.min_runtime for part in self.partitions if isinstance(part.min_runtime, Missing)]
        return unknown[0] if unknown else max(known)


def read(path: Path) -> Net:
    """Look into a .tflite file; SessionError where it is none or is damaged."""
    try:
        with path.open("rb") as file:  # the mapping goes with the last view of it
            return _net(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
    except (OSError, ValueError) as error:  # ValueError: also an empty file, which cannot be mapped
        raise SessionError(f"{path.name} is damaged or no .tflite: {error}", "export or compile it again") from None


def _net(data: memoryview) -> Net:
    if data[4:8] != _IDENTIFIER:
        raise DamagedBuffer(f"bytes 4 to 8 are not {_IDENTIFIER.decode()}")
    model = Table.root(data)
    names = enumerate(code.content(_CODE_CUSTOM) for code in model.tables(_MODEL_CODES))
    ours = {place for place, name in names if name == CUSTOM_OPERATOR.encode()}
    partitions: list[Partition] = []
    unfit: Counter[str] = Counter()
    for graph in model.tables(_MODEL_GRAPHS):
        operators = [one for one in graph.tables(_GRAPH_OPERATORS) if one.number(_OPERATOR_CODE) in ours]
        partitions += [_partition(one.content(_OPERATOR_CUSTOM)) for one in operators]
        unfit += _unfit(graph)
    return Net(tuple(partitions), dict(unfit))


def _unfit(graph: Table) -> Counter[str]:
    ends = {*graph.numbers(_GRAPH_INPUTS), *graph.numbers(_GRAPH_OUTPUTS)}
    types = (tensor.number(_TENSOR_TYPE, width=1) for tensor in graph.tables(_GRAPH_TENSORS))
    inner = [kind for place, kind in enumerate(types) if place not in ends and kind not in _TAKEN]
    return Counter(_TYPES.get(kind, f"type {kind}") for kind in inner)


def _partition(options: memoryview) -> Partition:
    """Read a compiled part's package; Missing values where it has not the form known here."""
    try:
        package = Table.root(flexible_string(options, b"4"))
        least = package.number(_PACKAGE_RUNTIME)
        executables = Table.root(package.content(_PACKAGE_EXECUTABLES)).contents(_EXECUTABLES)
        parameters = _parameters([Table.root(each) for each in executables])
    except DamagedBuffer as error:
        unknown = Missing(f"the Edge TPU's package in the file is not of the known form: {error}")
        return Partition(unknown, unknown)
    return Partition(parameters, least or Missing("the Edge TPU's package in the file names no runtime version"))


def _parameters(executables: Sequence[Table]) -> Parameters | Missing:
    """Sum the parameters of the executables that libedgetpu runs.

    The only one there is, or the one that stands alone, is sent with all its parameters; of two, one fills the chip's
    memory and the other brings what found no place there.
    """
    sizes = {one.number(_EXECUTABLE_KIND, width=2): len(one.content(_EXECUTABLE_PARAMETERS)) for one in executables}
    if len(executables) == 1:
        return Parameters(0, sum(sizes.values()))
    if sizes.keys() == {_CACHING, _EXECUTING}:
        return Parameters(sizes[_CACHING], sizes[_EXECUTING])
    if sizes.keys() == {_STAND_ALONE, _CACHING, _EXECUTING}:
        return Parameters(0, sizes[_STAND_ALONE])
    return Missing(f"executables of the kinds {sorted(sizes)} in one package")
