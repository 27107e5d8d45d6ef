"""LiteRT (TensorFlow Lite) with XNNPACK, without any delegate, or with a delegate library of the board's maker."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.core.execution import Execution, OperatorProfile
from harness.core.quantity import Missing
from harness.core.verdict import Finding
from harness.runtimes.base import (
    Adapter,
    Batch,
    Capability,
    Device,
    Options,
    Outputs,
    Session,
    SessionError,
    TensorSpec,
    import_library,
    installed,
    version_of,
)
from harness.runtimes.errors import explain_error
from harness.runtimes.inputs import concrete_shape
from harness.runtimes.outputs import named_arrays
from harness.runtimes.signatures import in_order

from .counts import BUILT_IN, DELEGATED, read_execution
from .graph import EntryGraph
from .hints import FLEX, HINTS, INSTALL
from .model import Declarations, declarations

if TYPE_CHECKING:
    from harness.runtimes.graph_counts import Counts


FLEX_MODULE = "tensorflow"
"""The only distribution whose interpreter has the Flex delegate, up to release 2.18."""

MODULES = ("ai_edge_litert", "tflite_runtime", "tensorflow")
"""Distributions with LiteRT's interpreter, the successor first; all have the same Python interface."""
_PACKAGE = {"tensorflow": "tensorflow.lite.python"}
NOT_PRIMARY = Missing("LiteRT's interpreter shows the nodes of the primary graph, and the signature has another")
NO_ARENA = Missing("LiteRT's interpreter has no function for the size of its arena")
LIBRARY = "library"
"""Key of `Options.settings` that holds a delegate library's path; the others are options of the delegate."""
_KERNELS = {
    "fp32": "fp32",
    "fp16": "fp32, weights widened when loading",
    "int8": "int8",
    "int8-dynamic": "int8, activations quantized while running",
    "weight-only": "fp32, weights dequantized",
}


class LiteRt(Adapter):
    """LiteRT's interpreter; `delegate` as LiteRT names what takes the nodes."""

    def __init__(self, name: str, delegate: str, capability: Capability) -> None:
        self.name = name
        self.delegate = delegate
        self.capability = capability

    def signatures(self, path: Path) -> tuple[str, ...]:
        """Return the names of the file's signatures, in the file's order."""
        return tuple(declarations(path).signatures)

    def load_library(self) -> None:
        """Import the interpreter's module."""
        _interpreter_module(self.module)

    def open(self, path: Path, options: Options) -> LiteRtSession:
        """Load the graph, give dynamic dimensions their sizes, allocate, with `options.threads` threads.

        A file with TensorFlow's own operators is opened by TensorFlow's interpreter, where that is installed.
        """
        try:
            return self._open(self.module, path, options)
        except SessionError as error:
            if self.module == FLEX_MODULE or not FLEX.search(str(error)) or not installed(FLEX_MODULE):
                raise
            return self._open(FLEX_MODULE, path, options)

    def _open(self, library: str, path: Path, options: Options) -> LiteRtSession:
        module = _interpreter_module(library)
        try:
            delegate = self._delegation(module, options.settings)
            new = partial(module.Interpreter, model_path=str(path), num_threads=options.threads, **delegate)
            return self.session(library, new, path, options)
        except Exception as error:  # the bindings raise ValueError, RuntimeError, SystemError, OSError
            raise explain_error(library, error, HINTS) from error

    def session(self, library: str, interpreter: Callable[[], Any], path: Path, options: Options) -> LiteRtSession:
        """Return the session around a new interpreter of the `library`."""
        return LiteRtSession(self, library, interpreter, path, options)

    def probe(self) -> dict[str, Any]:
        """Return library and version; SessionError where the delegate library is not given."""
        if self.delegate not in (XNNPACK_DELEGATE, NO_DELEGATE):
            raise self._no_library()
        return super().probe()

    def _no_library(self) -> SessionError:
        return SessionError(
            f"{self.name} needs the path of the delegate library of this board",
            f"--runtime-option {self.name}:{LIBRARY}=/path/to/delegate.so, or options in the target",
        )

    def _delegation(self, module: Any, settings: Mapping[str, str]) -> dict[str, Any]:
        """Return the interpreter's arguments for the delegate; without any it applies XNNPACK."""
        if self.delegate == XNNPACK_DELEGATE:
            return {}
        plain = {"experimental_op_resolver_type": module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES}
        if not self.delegate:
            return plain
        if LIBRARY not in settings:
            raise self._no_library()
        delegate_options = {key: value for key, value in settings.items() if key != LIBRARY}
        ctypes.CDLL(settings[LIBRARY])  # LiteRT's class gives no reason when this fails
        return {**plain, "experimental_delegates": [module.load_delegate(settings[LIBRARY], delegate_options)]}


def _interpreter_module(library: str) -> Any:
    return import_library(f"{_PACKAGE.get(library, library)}.interpreter", INSTALL)


class LiteRtSession(Session):
    """Inputs are copied into the interpreter's own tensors by prepare; infer is one invoke of its graph."""

    def __init__(
        self, runtime: LiteRt, library: str, interpreter: Callable[[], Any], path: Path, options: Options
    ) -> None:
        self._runtime, self._library = runtime, library
        self._new_interpreter = interpreter
        self._path = path
        self._options = options
        self._start()

    def _start(self) -> None:
        """Make an interpreter and allocate its tensors; its variables have their initial values."""
        self._interpreter = self._new_interpreter()
        self._graph = graph = EntryGraph(self._interpreter, self._options.signature)
        self.inputs = tuple(self._spec(name, detail, self._options.batch) for name, detail in graph.inputs.items())
        for detail, spec in zip(graph.inputs.values(), self.inputs, strict=True):
            shape = concrete_shape(spec, self._options)
            if shape != tuple(detail["shape"]):
                graph.resize(detail["index"], shape)
        graph.allocate()
        self._slots = {name: detail["index"] for name, detail in graph.inputs.items()}
        self._invoke = graph.invoke

    @staticmethod
    def _spec(name: str, detail: Mapping[str, Any], batch: int) -> TensorSpec:
        """Describe an input; a first dimension of 1 is taken as the batch, since the interpreter can resize any."""
        shape = tuple(int(size) for size in detail.get("shape_signature", detail["shape"]))
        if batch > 1 and shape[:1] == (1,):
            shape = (-1, *shape[1:])
        scale, zero_point = detail["quantization"]
        return TensorSpec(name, shape, np.dtype(detail["dtype"]).name, float(scale) or None, int(zero_point))

    def prepare(self, batch: Batch) -> None:
        """Copy into the interpreter's input tensors."""
        for name, array in batch.items():
            self._graph.set_tensor(self._slots[name], array)

    def infer(self) -> None:
        """Run the graph once."""
        self._invoke()

    def fetch(self) -> Outputs:
        """Return copies of the outputs; quantized ones as the float32 they stand for."""
        details = self._graph.outputs
        return named_arrays(list(details), [self._fetch_one(detail) for detail in details.values()])

    def _fetch_one(self, detail: Mapping[str, Any]) -> NDArray[Any]:
        array: NDArray[Any] = self._graph.get_tensor(detail["index"])
        scale, zero_point = detail["quantization"]
        return (array.astype(np.float32) - zero_point) * np.float32(scale) if scale else array

    @cached_property
    def _declared(self) -> Declarations:
        return declarations(self._path)

    @property
    def signatures(self) -> tuple[str, ...]:
        """Where none is asked for: the name of the primary graph, or what it is, then the other signatures."""
        declared = self._declared.signatures
        first = next((name for name, place in declared.items() if place == 0), "the primary graph")
        return in_order(tuple(declared), first, self._options)

    @property
    def state(self) -> tuple[str, ...]:
        """Names of its variable tensors and resource variables."""
        return (*self._declared.variables_of(self._graph.index), *self._declared.resources)

    def reset_state(self) -> None:
        """Reset the variable tensors where this graph alone has some; else all variables, by a new interpreter.

        The interpreter resets no resource variables, and fails where a graph that was not allocated has variables.
        """
        if not self.state:
            return
        if self._declared.resources or set(self._declared.variable_tensors) != {self._graph.index}:
            self._start()
        else:
            self._interpreter.reset_all_variables()

    def info(self) -> dict[str, Any]:
        """Return library and version, threads, and how many nodes the delegate became."""
        operators = [detail["op_name"] for detail in self._interpreter._get_ops_details()]
        return {
            "library": self._library,
            "version": version_of(self._library),
            "threads": self._options.threads,
            "options": dict(self._options.settings),
            "nodes": len(operators),
            "delegate_nodes": operators.count("DELEGATE"),
            **({"signature": self._options.signature} if self._options.signature else {}),
        }

    def counts(self) -> Counts | Missing:
        """Count the interpreter's nodes by the shapes of their tensors."""
        from .counts import counts

        return NOT_PRIMARY if self._graph.index else counts(self._interpreter)

    def execution(self) -> Execution:
        """Read back precision and nodes from the interpreter's nodes and the types of their tensors."""
        if self._graph.index:
            return Execution(effective=NOT_PRIMARY, arena_bytes=NO_ARENA)
        execution = replace(read_execution(self._interpreter), arena_bytes=NO_ARENA)
        if execution.nodes.get(DELEGATED) or not self._runtime.delegate:
            return execution
        words = (
            f"{self._runtime.delegate} took none of the {execution.nodes.get(BUILT_IN, 0)} nodes: built-in kernels ran"
        )
        remedy = f"{INSTALL}; a dynamic shape or an unusual operator can be the reason"
        return execution.with_findings(Finding("delegate", "warn", words, remedy))

    def profile(self, n: int) -> OperatorProfile | Missing:
        """Profile by the C library in ai-edge-litert, which always uses XNNPACK."""
        from .profiler import profile

        if self._runtime.delegate != XNNPACK_DELEGATE:
            return Missing("LiteRT's profiler is reached with XNNPACK alone: profile litert-xnnpack")
        tensors = [detail["name"] for side in (self._graph.inputs, self._graph.outputs) for detail in side.values()]
        if "" in tensors or len(set(tensors)) < len(tensors):
            return Missing("LiteRT's profiler looks tensors up by name, and in this file names are missing or repeat")
        signatures = list(self._declared.signatures)
        place = signatures.index(self._options.signature) if self._options.signature else 0
        inputs = {detail["name"]: self._graph.get_tensor(detail["index"]) for detail in self._graph.inputs.values()}
        return profile(self._path, self._options.threads, inputs, n, place)


XNNPACK_DELEGATE, NO_DELEGATE = "XNNPACK", ""


def _capability(by_default: bool = False, device: Device = "cpu", profiler: bool = False, note: str = "") -> Capability:
    return Capability(
        ("tflite",),
        MODULES,
        INSTALL,
        _KERNELS,
        device=device,
        by_default=by_default,
        profiler=profiler,
        note=note,
        hardware_tested=device == "cpu",
    )


XNNPACK = LiteRt("litert-xnnpack", XNNPACK_DELEGATE, _capability(by_default=True, profiler=True))
REFERENCE = LiteRt("litert-reference", NO_DELEGATE, _capability(note="LiteRT's built-in kernels, without XNNPACK"))
DELEGATE = LiteRt(
    "litert-delegate", "the delegate", _capability(device="any", note="a delegate library of the board's maker")
)
GPU = LiteRt(
    "litert-gpu",
    "the GPU delegate",
    _capability(device="gpu", note="needs libtensorflowlite_gpu_delegate.so, which no wheel brings"),
)

PLUGINS: tuple[Adapter, ...] = (XNNPACK, REFERENCE, DELEGATE, GPU)
