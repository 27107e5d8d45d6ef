"""TorchScript, the format of the former PyTorch Mobile, on PyTorch's CPU kernels.

A .pt file holds a program: opening a stranger's runs what is in it. Shipped and prepared files are checked by hash.

An operator's time is the CPU time of its ATen kernel, without what it calls, by torch's profiler.
"""

from __future__ import annotations

import copy
import json
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.execution import Execution, OperatorProfile, OperatorTiming, effective_precision
from harness.core.quantity import Missing
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
    installed,
)
from harness.runtimes.errors import Hint, explain_error
from harness.runtimes.inputs import concrete_shape
from harness.runtimes.operator_profile import Inference, summarise
from harness.runtimes.outputs import named_arrays

from .arrays import to_array

if TYPE_CHECKING:
    import torch


SHAPES = "edgebench-inputs.json"
"""Name of a file within the .pt: shapes of the inputs by name, which TorchScript itself does not keep."""
INSTALL = "pip install torch"
_HINTS: tuple[Hint, ...] = (
    (
        r"Unknown builtin op: ((torchvision|torchaudio)::\w+)",
        r"\1 is an operator of \2: pip install \2, which is then loaded",
    ),
    (r"Unknown builtin op: aten::(\w+)", rf"this torch has no \1: {INSTALL} -U"),
    (r"Unknown builtin op: (\w+::\w+)", r"\1 is an operator of the model's own: export the model without it"),
    ("similar ops|NotImplemented", "the operator is not in this torch: export without it, or update"),
    ("version_|file format|newer", "the file is of another version of torch: export it again"),
    ("zip archive|constants|archive|PytorchStreamReader", "no TorchScript: save with torch.jit.save, not torch.save"),
    (
        "scalar type|dtype|size mismatch|shape|Given groups",
        "give the shape it was traced with: --shape input=1x3x224x224",
    ),
)
_PACKAGE_OPERATOR = re.compile("Unknown builtin op: (torchvision|torchaudio)::")
_ELEMENTS = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "float64": "fp64", "qint8": "int8"}
_ARITHMETIC = re.compile("conv|linear|mm$|matmul|lstm|gru")


class TorchScript(Adapter):
    """PyTorch's interpreter of TorchScript on the CPU."""

    name = "torchscript"
    capability = Capability(
        formats=("torchscript",),
        modules=("torch",),
        install=INSTALL,
        computes={"fp32": "fp32"},
        architectures=("x86_64", "aarch64", "arm64"),
        profiler=True,
        note="make the files with edgebench prepare; a .pt from a stranger is a program: open none",
    )

    def open(self, path: Path, options: Options) -> TorchScriptSession:
        """Load, freeze where that was not done, and run once with `options.threads` threads."""
        self.load_library()
        try:
            return self._session(path, options)
        except Exception as error:  # torch raises RuntimeError and its own kinds
            raise explain_error("torch", error, _HINTS) from error

    def _session(self, path: Path, options: Options) -> TorchScriptSession:
        """Return a session; with the operators of a package beside torch where the file has some of them."""
        try:
            return TorchScriptSession(path, options)
        except RuntimeError as error:
            found = _PACKAGE_OPERATOR.search(str(error))
            if found is None or not installed(found[1]):
                raise
            import_library(found[1], f"pip install {found[1]}")
            return TorchScriptSession(path, options)


class TorchScriptSession(Session):
    """The input tensor shares the memory of a buffer of ours; outputs are what the last call returned."""

    def __init__(self, path: Path, options: Options) -> None:
        import torch

        torch.set_num_threads(options.threads)
        self._options = options
        self._module, shapes = _load(path)
        self._state = _changed_attributes(self._module)
        self._initial = copy.deepcopy(self._module) if self._state else None
        self.inputs = _specs(self._module, {**shapes, **options.shapes}, options.batch)
        self._buffers = {spec.name: np.zeros(concrete_shape(spec, options), spec.dtype) for spec in self.inputs}
        self._shared = [torch.from_numpy(buffer) for buffer in self._buffers.values()]
        self._arguments = [tensor.clone() for tensor in self._shared] if self._state else self._shared
        self._output: Any = None
        self.infer()

    def prepare(self, batch: Batch) -> None:
        """Copy into the buffers that the tensors share."""
        for name, array in batch.items():
            np.copyto(self._buffers[name], array, casting="no")
        if self._state:  # the module may keep its input, which the next one must not overwrite
            self._arguments = [tensor.clone() for tensor in self._shared]

    def infer(self) -> None:
        """Call the module once."""
        self._output = self._module(*self._arguments)

    def fetch(self) -> Outputs:
        """Return copies of the outputs, named by their place; elements of a dictionary also by their key."""
        outputs = self._output if isinstance(self._output, (tuple, list)) else [self._output]
        names = [f"output{place}" for place in range(len(outputs))]
        return named_arrays(names, outputs, to_array)

    @property
    def state(self) -> tuple[str, ...]:
        """Names of the attributes that the module sets or changes in place."""
        return self._state

    def reset_state(self) -> None:
        """Go back to a copy of the module as it was loaded."""
        if self._initial is not None:
            self._module = copy.deepcopy(self._initial)

    def info(self) -> dict[str, Any]:
        """Return version, kernels of the build, and the number of threads that torch reports."""
        import torch

        return {
            "library": "torch",
            "version": torch.__version__,
            "build": " ".join(torch.__config__.show().split()),
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
            "threads": torch.get_num_threads(),
        }

    def execution(self) -> Execution:
        """Read back precision from the kernels of the loaded graph and the types of their weights."""
        nodes = list(self._module.inlined_graph.nodes())
        weights = [_weight(node) for node in nodes if _ARITHMETIC.search(node.kind())]
        return Execution(
            effective=effective_precision(_ELEMENTS.get(weight, weight) for weight in weights),
            evidence="types of the weights of the loaded graph's convolutions and matrix products",
            nodes={"ATen": sum(not node.kind().startswith("prim::") for node in nodes)},
        )

    def profile(self, n: int) -> OperatorProfile | Missing:
        """Profile by torch's profiler."""
        return profile(self.infer, n)


def _load(path: Path) -> tuple[torch.jit.ScriptModule, dict[str, tuple[int, ...]]]:
    """Return the module, frozen so that it cannot be trained, and the shapes of its inputs that the file holds."""
    import torch

    extra = {SHAPES: ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript as a whole is deprecated
        module = torch.jit.load(str(path), map_location="cpu", _extra_files=extra)
        if any(True for _ in module.parameters()):
            module = torch.jit.freeze(module.eval())
    shapes = json.loads(extra[SHAPES]) if extra[SHAPES] else {}
    return module, {name: tuple(shape) for name, shape in shapes.items()}


def _specs(module: Any, shapes: Mapping[str, tuple[int, ...]], batch: int) -> tuple[TensorSpec, ...]:
    """Return the module's inputs; a first dimension of 1 is the batch. SessionError for one without a shape."""
    specs: list[TensorSpec] = []
    for value in list(module.graph.inputs())[1:]:  # the first one is the module itself
        name = value.debugName().partition(".")[0]
        if name not in shapes and len(shapes) == 1 and not specs:
            name = next(iter(shapes))
        if name not in shapes:
            raise SessionError(
                f"TorchScript does not hold the shape of its input '{name}'", f"give it: --shape {name}=1x3x224x224"
            )
        shape = shapes[name]
        specs.append(TensorSpec(name, (-1, *shape[1:]) if shape[:1] == (1,) and batch > 1 else shape, "float32"))
    return tuple(specs)


_VIEWS = re.compile("^aten::(slice|select|view|reshape|narrow|transpose|permute|t|(un)?squeeze|expand|flatten|detach)$")
_IN_PLACE = re.compile("^aten::(.*[^_]_|append|extend|insert|pop|clear|_set_item|Delete)$")


def _changed_attributes(module: Any) -> tuple[str, ...]:
    """Return the names of the attributes that an inference leaves changed: those set, and those changed in place."""
    names = [name for node in _nodes(module.inlined_graph) if (name := _changed(node))]
    return tuple(dict.fromkeys(names))


def _nodes(block: Any) -> Iterator[Any]:
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _nodes(inner)


def _changed(node: Any) -> str:
    """Return the attribute that a node changes; '' for none."""
    if node.kind() == "prim::SetAttr":
        return str(node.s("name"))
    if not _IN_PLACE.match(node.kind()):
        return ""
    source = next(iter(node.inputs())).node()
    while _VIEWS.match(source.kind()):
        source = next(iter(source.inputs())).node()
    return str(source.s("name")) if source.kind() == "prim::GetAttr" else ""


def _weight(node: Any) -> str:
    """Return the type of the second operand, a constant of a frozen graph; quantized kernels name theirs."""
    if node.kind().startswith("quantized::"):
        return "qint8"
    tensors = [value.toIValue() for value in node.inputs() if value.node().kind() == "prim::Constant"]
    dtypes = [str(each.dtype).removeprefix("torch.") for each in tensors if hasattr(each, "dtype")]
    return next(iter(dtypes), "unknown")


PLUGINS: tuple[Adapter, ...] = (TorchScript(),)


WARMUP = 3
"""Inferences before those that count: the profiler itself warms up."""
PROVIDER = "ATen"


def profile(infer: Callable[[], None], n: int) -> OperatorProfile | Missing:
    """Profile `n` calls of `infer`."""
    for _ in range(WARMUP):
        _once(infer)
    inferences = [_once(infer) for _ in range(n)]
    if not any(inference.operators for inference in inferences):
        return Missing("torch's profile names no operator")
    return summarise(PROVIDER, inferences)


def _once(infer: Callable[[], None]) -> Inference:
    """Profile one inference; kernels are numbered in order, since their names repeat."""
    import torch

    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        before = time.perf_counter_ns()
        infer()
        total_ns = time.perf_counter_ns() - before
    kernels = [event for event in profiler.events() if event.name.startswith("aten::") and event.self_cpu_time_total]
    timings = [
        OperatorTiming(
            f"{place}: {event.name}", event.name.removeprefix("aten::"), PROVIDER, event.self_cpu_time_total * 1e3
        )
        for place, event in enumerate(kernels)
    ]
    return Inference(float(total_ns), timings)
