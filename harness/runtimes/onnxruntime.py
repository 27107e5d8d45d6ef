"""ONNX Runtime, one instance an execution provider."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.operators import OperatorProfile
from harness.core.quantity import Missing

from .base import Batch, Options, Outputs, SessionError, Support, TensorSpec, concrete_shape, library_support

if TYPE_CHECKING:
    import onnxruntime as ort

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(int16)": "int16",
    "tensor(uint16)": "uint16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(uint32)": "uint32",
    "tensor(uint64)": "uint64",
    "tensor(bool)": "bool",
}


class OnnxRuntime:
    """ONNX Runtime with one execution provider, in ONNX Runtime's own name ('CPUExecutionProvider')."""

    module = "onnxruntime"
    formats = frozenset({"onnx"})

    def __init__(self, name: str, provider: str) -> None:
        self.name = name
        self.provider = provider

    def support(self, suffix: str) -> Support:
        """Known format and installed library; whether the provider is in this build shows when opening."""
        return library_support(self.module, self.formats, suffix, "pip install onnxruntime")

    def load_library(self) -> None:
        """Import onnxruntime."""
        import onnxruntime  # noqa: F401

    def open(self, path: Path, options: Options) -> OnnxSession:
        """Load the graph with every optimisation, sequential execution and `options.threads` intra-op threads."""
        import onnxruntime as ort

        settings = session_options(options)
        if self.provider not in ort.get_available_providers():
            raise SessionError(f"this onnxruntime has no {self.provider}, only {ort.get_available_providers()}")
        try:
            session = ort.InferenceSession(str(path), settings, providers=[self.provider])
            return OnnxSession(session, path, self.provider, options)
        except SessionError:
            raise
        except Exception as error:  # onnxruntime's exceptions share no base but Exception
            raise SessionError(f"onnxruntime cannot run it: {error}") from error


def session_options(options: Options) -> ort.SessionOptions:
    """Sequential execution with every optimisation (the default), `options.threads` intra-op threads."""
    import onnxruntime as ort

    settings = ort.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3
    if not options.shapes:  # a batch known beforehand lets the optimiser plan memory once
        settings.add_free_dimension_override_by_name("batch", options.batch)
    return settings


class OnnxSession:
    """Inputs are bound once to buffers of our own, outputs to the device: infer is one call without copies."""

    def __init__(self, session: ort.InferenceSession, path: Path, provider: str, options: Options) -> None:
        import onnxruntime as ort

        self._session = session
        self._path = path
        self._provider = provider
        self._options = options
        self.inputs = tuple(self._spec(node) for node in session.get_inputs())
        self._binding = session.io_binding()
        self._buffers: dict[str, Any] = {}
        for spec in self.inputs:
            zeros = np.zeros(concrete_shape(spec, options), spec.dtype)
            self._buffers[spec.name] = ort.OrtValue.ortvalue_from_numpy(zeros)
            self._binding.bind_ortvalue_input(spec.name, self._buffers[spec.name])
        self._outputs = [node.name for node in session.get_outputs()]
        for name in self._outputs:
            self._binding.bind_output(name)

    @staticmethod
    def _spec(node: Any) -> TensorSpec:
        if node.type not in _DTYPES:
            raise SessionError(f"input '{node.name}' has type {node.type}, which cannot be fed from an array")
        shape = tuple(-1 if size is None else size for size in node.shape)
        return TensorSpec(node.name, shape, _DTYPES[node.type])

    def prepare(self, batch: Batch) -> None:
        """Copy into the bound input buffers."""
        for name, array in batch.items():
            self._buffers[name].update_inplace(np.ascontiguousarray(array))

    def infer(self) -> None:
        """One run on the bound buffers."""
        self._session.run_with_iobinding(self._binding)

    def fetch(self) -> Outputs:
        """Copies of the outputs."""
        return dict(zip(self._outputs, self._binding.copy_outputs_to_cpu(), strict=True))

    def info(self) -> dict[str, Any]:
        """Version, build, providers in force and threads."""
        import onnxruntime as ort

        return {
            "library": "onnxruntime",
            "version": ort.__version__,
            "build": ort.get_build_info(),
            "providers": self._session.get_providers(),
            "threads": self._options.threads,
        }

    def profile(self, n: int) -> OperatorProfile | Missing:
        """By ONNX Runtime's profiler, which is on or off for a session's whole life."""
        from .onnxruntime_profile import profile

        return profile(self._path, session_options(self._options), self._provider, self._buffers, n)


CPU = OnnxRuntime("onnxruntime-cpu", "CPUExecutionProvider")
