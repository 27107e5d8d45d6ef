"""ExecuTorch: .pte programs, lowered to XNNPACK when they were made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from harness.core.execution import Execution
from harness.core.verdict import Finding
from harness.runtimes.base import Adapter, Batch, Options, Outputs, Session, SessionError, TensorSpec, import_library
from harness.runtimes.capability import Capability
from harness.runtimes.errors import Hint, explain_error
from harness.runtimes.inputs import concrete_shape

from .executorch_program import told_by

INSTALL = "pip install executorch torch"
BACKEND = "XnnpackBackend"
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
        computes={"fp32": "fp32", "int8": "int8 (XNNPACK, quantised when the program is made)"},
        architectures=("x86_64", "aarch64", "arm64"),
        note="make the files with edgebench prepare",
    )

    def load_library(self) -> None:
        """Import the bindings, which import torch."""
        import_library(_BINDINGS, INSTALL)

    def open(self, path: Path, options: Options) -> ExecuTorchSession:
        """Load the method 'forward' with a thread pool of `options.threads`."""
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
        self._method = self._program.load_method("forward")
        meta = self._method.method_meta()
        self.inputs = tuple(_spec(meta.input_tensor_meta(place), place) for place in range(meta.num_inputs()))
        self._buffers = {spec.name: np.zeros(concrete_shape(spec, options), spec.dtype) for spec in self.inputs}
        self._tensors = [torch.from_numpy(buffer) for buffer in self._buffers.values()]
        self._method.set_inputs(self._tensors)
        self._execute = self._method.execute

    def prepare(self, batch: Batch) -> None:
        """Copy into the buffers, and the buffers into the method where it keeps inputs in memory of its own."""
        for name, array in batch.items():
            np.copyto(self._buffers[name], array, casting="no")
        self._method.set_inputs(self._tensors)

    def infer(self) -> None:
        """One execution."""
        self._execute()

    def fetch(self) -> Outputs:
        """Copies of the outputs, named by their place."""
        return {f"output{place}": each.numpy().copy() for place, each in enumerate(self._method.get_outputs())}

    def info(self) -> dict[str, Any]:
        """Version, backends of the wheel, and the size of the thread pool."""
        from importlib.metadata import version

        return {
            "library": "executorch",
            "version": version("executorch"),
            "backends": list(self._bindings._get_registered_backend_names()),
            "threads": self._bindings._threadpool_get_thread_count(),
        }

    def execution(self) -> Execution:
        """From the program file: what was lowered to which backend; kernels beside it are a finding."""
        found = told_by(self._path)
        portable = found.nodes.get("portable", 0)
        if not portable:
            return found
        words = f"{portable} instructions run on portable kernels, {found.nodes.get(BACKEND, 0)} on {BACKEND}"
        return found.having(Finding("fallback", "warn", words, "replace these operators in the net before lowering it"))


def _spec(info: Any, place: int) -> TensorSpec:
    dtype = _ELEMENTS.get(info.dtype())
    if dtype is None:
        raise SessionError(f"input {place} has element type {info.dtype()}, which cannot be fed from an array")
    return TensorSpec(f"input{place}", tuple(info.sizes()), dtype)


PLUGINS: tuple[Adapter, ...] = (ExecuTorch(),)
