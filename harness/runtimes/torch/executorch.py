"""ExecuTorch: .pte programs, lowered to XNNPACK when they were made.

Precision and nodes are read from the file with executorch's own deserialiser and schemas (exir/schema.py,
backends/xnnpack/serialization/schema.fbs).
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.execution import Execution, effective_precision
from harness.core.quantity import Missing
from harness.core.verdict import Finding
from harness.runtimes.base import (
    Adapter,
    Batch,
    Capability,
    Options,
    Outputs,
    Session,
    SessionError,
    TensorSpec,
    import_library,
)
from harness.runtimes.errors import Hint, explain_error
from harness.runtimes.inputs import concrete_shape
from harness.runtimes.outputs import named_arrays
from harness.runtimes.signatures import chosen, in_order

from .arrays import to_array
from .methods import methods

FORWARD = "forward"
BACKEND = "XnnpackBackend"
PORTABLE = "portable"
"""Instructions that call a kernel of ExecuTorch's own library instead of a backend."""
_WEIGHTED = ("XNNConv2d", "XNNDepthwiseConv2d", "XNNFullyConnected", "XNNConvTranspose2d", "XNNBatchMatrixMultiply")
_PROGRAM_ELEMENTS = {
    "fp32": "fp32",
    "fp16": "fp16",
    "qint8": "int8",
    "qcint8": "int8",
    "qdint8": "int8",
    "qcint4": "int4",
}


def read_execution(path: Path, method: str) -> Execution:
    """Return precision and nodes of a method of the program."""
    program, plan = _program(path, method)
    names = [delegate.id for delegate in plan.delegates]
    calls = [type(one.instr_args).__name__ for chain in plan.chains for one in chain.instructions]
    graphs = [graph for each in plan.delegates if each.id == BACKEND for graph in _graphs(program, each)]
    nodes = Counter({PORTABLE: calls.count("KernelCall")})
    nodes[BACKEND] = sum(len(graph["xnodes"]) for graph in graphs)
    nodes.update(Counter(name for name in names if name != BACKEND))
    return Execution(
        effective=effective_precision(each for graph in graphs for each in _precisions(graph))
        if graphs
        else Missing(f"nothing in it is lowered to {BACKEND}"),
        evidence="types of the weights in the program's XNNPACK graphs",
        nodes={name: n for name, n in nodes.items() if n},
        arena_bytes=_arena(sum(plan.non_const_buffer_sizes), names),
    )


def _program(path: Path, method: str) -> tuple[Any, Any]:
    """Return the program and the plan of one of its methods."""
    from executorch.exir._serialize._program import deserialize_pte_binary

    program = deserialize_pte_binary(path.read_bytes()).program
    return program, next(plan for plan in program.execution_plan if plan.name == method)


def mutable_buffers(path: Path, method: str) -> tuple[str, ...]:
    """Return the names of the buffers that a method changes: in planned memory, with a value to start from."""
    return _mutable([value.val for value in _program(path, method)[1].values])


def _mutable(values: Sequence[Any]) -> tuple[str, ...]:
    planned = [value for value in values if getattr(value, "allocation_info", None) is not None]
    named = [(value, getattr(value.extra_tensor_info, "fully_qualified_name", None)) for value in planned]
    return tuple(str(name or "buffer") for value, name in named if name or value.data_buffer_idx)


def _arena(planned: int, delegates: Sequence[str]) -> int | Missing:
    """Return the memory that the program plans; Missing where a delegate holds more of its own."""
    if not delegates:
        return planned
    return Missing(f"the program plans {planned:,} bytes; {', '.join(sorted(set(delegates)))} holds more of its own")


def _graphs(program: Any, delegate: Any) -> Iterator[dict[str, Any]]:
    """Yield the graph in a delegate's payload; bytes 10 to 14 and 14 to 18 of its header 'XH00' locate it."""
    from executorch.exir._serialize._flatbuffer import _flatc_decompile

    payload = bytes(program.backend_delegate_data[delegate.processed.index].data)
    start, size = (int.from_bytes(payload[at : at + 4], "little") for at in (10, 14))
    schema = resources.files("executorch.backends.xnnpack.serialization") / "schema.fbs"
    with tempfile.TemporaryDirectory(prefix="edgebench-pte-") as folder, resources.as_file(schema) as rules:
        data = Path(folder) / "graph.bin"
        data.write_bytes(payload[start : start + size])
        _flatc_decompile(folder, str(rules), str(data))
        yield json.loads((Path(folder) / "graph.json").read_text(encoding="utf-8"))


def _precisions(graph: Mapping[str, Any]) -> Iterator[str]:
    """Yield the type of the weights of each convolution and matrix product."""
    values = dict(_typed(value["xvalue_union"]) for value in graph["xvalues"])
    for node in graph["xnodes"]:
        if node["xnode_union_type"] in _WEIGHTED:
            operands = node["xnode_union"]
            name = values.get(operands.get("filter_id", operands.get("input2_id")), "unknown")
            yield _PROGRAM_ELEMENTS.get(name, name)


def _typed(value: Mapping[str, Any]) -> tuple[int, str]:
    """Return identity and element type of a tensor; a quantized one wraps a plain one."""
    tensor = value.get("tensor_value", value)
    return tensor.get("id_out", 0), str(tensor.get("datatype", "unknown")).removeprefix("xnn_datatype_")


INSTALL = "pip install executorch torch"

_BINDINGS = "executorch.extension.pybindings.portable_lib"
_HINTS: tuple[Hint, ...] = (
    ("0x:?23", "the file is damaged or no .pte, or of another version: make it again with edgebench prepare"),
    ("0x:?14|operator", "the operator is in no kernel library of this wheel: export without it"),
    ("0x:?(20|30|32)|backend", "it was lowered to a backend that this wheel lacks: lower it to XNNPACK"),
)
"""By the codes of executorch/runtime/core/error.h: InvalidProgram, OperatorMissing, NotFound and Delegate..."""
_ELEMENTS = {
    0: "uint8",
    1: "int8",
    2: "int16",
    3: "int32",
    4: "int64",
    5: "float16",
    6: "float32",
    7: "float64",
    11: "bool",
}
"""ScalarType of executorch/runtime/core/portable_type/scalar_type.h, as NumPy names them."""


class ExecuTorch(Adapter):
    """ExecuTorch's Python bindings."""

    name = "executorch"
    capability = Capability(
        formats=("executorch",),
        modules=("executorch",),
        install=INSTALL,
        computes={"fp32": "fp32", "int8": "int8 (XNNPACK, quantized when the program is made)"},
        architectures=("x86_64", "aarch64", "arm64"),
        note="make the files with edgebench prepare",
    )

    def signatures(self, path: Path) -> tuple[str, ...]:
        """Return the program's methods."""
        return methods(path)

    def load_library(self) -> None:
        """Import the bindings, which import torch."""
        import_library(_BINDINGS, INSTALL)

    def open(self, path: Path, options: Options) -> ExecuTorchSession:
        """Load a method with a thread pool of `options.threads`."""
        bindings = import_library(_BINDINGS, INSTALL)
        try:
            return ExecuTorchSession(bindings, path, options)
        except Exception as error:  # the bindings raise RuntimeError with a code
            raise explain_error("executorch", error, _HINTS) from error


class ExecuTorchSession(Session):
    """Inputs are set once on tensors that share our buffers; infer is `execute` alone."""

    def __init__(self, bindings: Any, path: Path, options: Options) -> None:
        import torch

        bindings._unsafe_reset_threadpool(options.threads)
        self._bindings, self._path, self._options = bindings, path, options
        self._program = bindings._load_program(str(path))  # the method reads its memory
        self._available = methods(path)
        self._name = chosen(self._available, options, FORWARD)
        self._method = self._program.load_method(self._name)
        meta = self._method.method_meta()
        self.inputs = tuple(_spec(meta.input_tensor_meta(place), place) for place in range(meta.num_inputs()))
        self._buffers = {spec.name: np.zeros(concrete_shape(spec, options), spec.dtype) for spec in self.inputs}
        self._tensors = [torch.from_numpy(buffer) for buffer in self._buffers.values()]
        self._method.set_inputs(self._tensors)
        self._execute = self._method.execute

    @property
    def signatures(self) -> tuple[str, ...]:
        """Where none is asked for: the method that runs, then the others."""
        return in_order(self._available, self._name, self._options)

    @cached_property
    def state(self) -> tuple[str, ...]:
        """Names of the mutable buffers."""
        return mutable_buffers(self._path, self._name)

    def reset_state(self) -> None:
        """Load the method anew where it has mutable buffers: they keep their values as long as it lives."""
        if self.state:
            self._method = self._program.load_method(self._name)
            self._method.set_inputs(self._tensors)
            self._execute = self._method.execute

    def prepare(self, batch: Batch) -> None:
        """Copy into the buffers, and the buffers into the method where it keeps inputs in memory of its own."""
        for name, array in batch.items():
            np.copyto(self._buffers[name], array, casting="no")
        self._method.set_inputs(self._tensors)

    def infer(self) -> None:
        """Execute the method once."""
        self._execute()

    def fetch(self) -> Outputs:
        """Return copies of the outputs, named by their place."""
        outputs = self._method.get_outputs()
        names = [f"output{place}" for place in range(len(outputs))]
        return named_arrays(names, outputs, to_array)

    def info(self) -> dict[str, Any]:
        """Return version, backends of the wheel, and the size of the thread pool."""
        from importlib.metadata import version

        return {
            "library": "executorch",
            "version": version("executorch"),
            "backends": list(self._bindings._get_registered_backend_names()),
            "threads": self._bindings._threadpool_get_thread_count(),
            **({"signature": self._options.signature} if self._options.signature else {}),
        }

    def execution(self) -> Execution:
        """Read back what was lowered to which backend from the file; kernels beside it are a finding."""
        execution = read_execution(self._path, self._name)
        portable = execution.nodes.get(PORTABLE, 0)
        if not portable:
            return execution
        words = f"{portable} instructions run on portable kernels, {execution.nodes.get(BACKEND, 0)} on {BACKEND}"
        remedy = "replace these operators in the model before lowering it"
        return execution.with_findings(Finding("fallback", "warn", words, remedy))


def _spec(info: Any, place: int) -> TensorSpec:
    dtype = _ELEMENTS.get(info.dtype())
    if dtype is None:
        raise SessionError(f"input {place} has element type {info.dtype()}, which no array can hold")
    return TensorSpec(f"input{place}", tuple(info.sizes()), dtype)


PLUGINS: tuple[Adapter, ...] = (ExecuTorch(),)
