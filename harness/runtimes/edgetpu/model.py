"""What a .tflite file says of the Edge TPU: whether it was compiled for it, its memory and its runtime version.

The compiler puts what it takes into custom operators; the data of one is a FlexBuffer whose string '4' is a package of
executables. Fields: tensorflow/compiler/mlir/lite/schema/schema.fbs of tensorflow/tensorflow; tflite/custom_op_data.cc,
executable/executable.fbs and driver/package_registry.cc of google-coral/libedgetpu.
"""

from __future__ import annotations

import mmap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.quantity import Missing
from harness.runtimes.base import SessionError
from harness.runtimes.flatbuffer import DamagedBuffer, Table, flexible_string

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
"""Types of a quantized net's tensors: int32 (bias, shape), uint8, int64, bool, int8."""
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
