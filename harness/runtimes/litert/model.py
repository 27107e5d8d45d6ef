"""What a .tflite file says of itself that LiteRT's interpreter does not: its signatures and its variables.

Field numbers: tensorflow/compiler/mlir/lite/schema/schema.fbs of tensorflow/tensorflow.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.runtimes.flatbuffer import Table

_IDENTIFIER = b"TFL3"
_MODEL_CODES, _MODEL_GRAPHS, _MODEL_SIGNATURES = 1, 2, 7
_CODE_BUILT_IN = 3
_GRAPH_TENSORS, _GRAPH_OPERATORS = 0, 3
_TENSOR_NAME, _TENSOR_IS_VARIABLE = 3, 5
_OPERATOR_CODE, _OPERATOR_OPTIONS = 0, 4
_SIGNATURE_KEY, _SIGNATURE_GRAPH = 2, 4
_VAR_HANDLE, _SHARED_NAME = 142, 1
"""BuiltinOperator of the operator that names a resource variable, and the field of its options with the name."""


@dataclass(frozen=True)
class Declarations:
    """The declarations of a .tflite file.

    Attributes:
        signatures: The place of the graph of each entry point, by its name and in the file's order; empty for a file
            with one graph and no name for it. The graph at place 0 is the primary one.
        variable_tensors: Names of tensors that keep their values between inferences, as those of SVDF and LSTM do, by
            the place of their graph.
        resources: Names of variables outside of the graph, which VAR_HANDLE opens.
    """

    signatures: Mapping[str, int] = field(default_factory=dict)
    variable_tensors: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    resources: tuple[str, ...] = ()

    def variables_of(self, place: int) -> tuple[str, ...]:
        """Return the variable tensors of a graph and of those that are no entry points, which it may call."""
        others = set(self.signatures.values()) - {place}
        return tuple(name for graph, names in self.variable_tensors.items() if graph not in others for name in names)


def declarations(path: Path) -> Declarations:
    """Read the declarations of a file; of one that is damaged there are none, and its runtime says what is wrong."""
    try:
        with path.open("rb") as file:  # the mapping goes with the last view of it
            return _read(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
    except (OSError, ValueError):  # ValueError: damaged, or empty and not mapped
        return Declarations()


def _read(data: memoryview) -> Declarations:
    if data[4:8] != _IDENTIFIER:
        return Declarations()
    model = Table.root(data)
    handles = {place for place, code in enumerate(model.tables(_MODEL_CODES)) if _is_handle(code)}
    graphs = list(model.tables(_MODEL_GRAPHS))
    variables = ((place, tuple(_variables(graph))) for place, graph in enumerate(graphs))
    return Declarations(
        {_text(one.content(_SIGNATURE_KEY)): one.number(_SIGNATURE_GRAPH) for one in model.tables(_MODEL_SIGNATURES)},
        {place: names for place, names in variables if names},
        tuple(dict.fromkeys(name for graph in graphs if handles for name in _resources(graph, handles))),
    )


def _is_handle(code: Table) -> bool:
    return code.number(_CODE_BUILT_IN) == _VAR_HANDLE


def _variables(graph: Table) -> Iterator[str]:
    for place, tensor in enumerate(graph.tables(_GRAPH_TENSORS)):
        if tensor.number(_TENSOR_IS_VARIABLE, width=1):
            yield _text(tensor.content(_TENSOR_NAME)) or f"tensor {place}"


def _resources(graph: Table, handles: set[int]) -> Iterator[str]:
    for operator in graph.tables(_GRAPH_OPERATORS):
        if operator.number(_OPERATOR_CODE) in handles:
            options = operator.table(_OPERATOR_OPTIONS)
            yield (_text(options.content(_SHARED_NAME)) if options else "") or "resource"


def _text(content: memoryview) -> str:
    return bytes(content).decode("utf-8", "replace")
