"""LiteRT (TensorFlow Lite): ai-edge-litert, or the older tflite-runtime where only that is installed."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.operators import OperatorProfile
from harness.core.quantity import Missing

from .base import Batch, Options, Outputs, SessionError, Support, TensorSpec, concrete_shape, library_support

_LIBRARIES = ("ai_edge_litert", "tflite_runtime")


class LiteRt:
    """LiteRT's interpreter on the CPU, with XNNPACK where the library applies it."""

    formats = frozenset({"tflite"})

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def module(self) -> str:
        """The first installed of the two libraries; the successor when there is none."""
        installed = (name for name in _LIBRARIES if library_support(name, self.formats, "tflite", "").ok)
        return next(installed, _LIBRARIES[0])

    def support(self, suffix: str) -> Support:
        """Known format and one of the libraries installed."""
        return library_support(self.module, self.formats, suffix, "pip install ai-edge-litert")

    def load_library(self) -> None:
        """Import the interpreter's module."""
        self._interpreter_module()

    def _interpreter_module(self) -> Any:
        return importlib.import_module(f"{self.module}.interpreter")

    def open(self, path: Path, options: Options) -> LiteRtSession:
        """Load the graph, give dynamic dimensions their sizes, allocate, with `options.threads` threads."""
        module = self._interpreter_module()
        try:
            interpreter = module.Interpreter(model_path=str(path), num_threads=options.threads)
            return LiteRtSession(interpreter, self.module, path, options)
        except SessionError:
            raise
        except Exception as error:  # the bindings raise ValueError, RuntimeError, SystemError
            raise SessionError(f"{self.module} cannot run it: {error}") from error


class LiteRtSession:
    """Inputs are copied into the interpreter's own tensors by prepare; infer is `invoke` alone."""

    def __init__(self, interpreter: Any, library: str, path: Path, options: Options) -> None:
        self._interpreter = interpreter
        self._library = library
        self._path = path
        self._options = options
        self.inputs = tuple(self._spec(detail, options.batch) for detail in interpreter.get_input_details())
        for detail, spec in zip(interpreter.get_input_details(), self.inputs, strict=True):
            shape = concrete_shape(spec, options)
            if shape != tuple(detail["shape"]):
                interpreter.resize_tensor_input(detail["index"], shape)
        interpreter.allocate_tensors()
        self._slots = {detail["name"]: detail["index"] for detail in interpreter.get_input_details()}
        self._outputs = {detail["name"]: detail for detail in interpreter.get_output_details()}
        self._invoke = interpreter.invoke

    @staticmethod
    def _spec(detail: dict[str, Any], batch: int) -> TensorSpec:
        """A first dimension of 1 is taken as the batch, since the interpreter can resize any."""
        shape = tuple(int(size) for size in detail.get("shape_signature", detail["shape"]))
        if batch > 1 and shape[:1] == (1,):
            shape = (-1, *shape[1:])
        scale, zero_point = detail["quantization"]
        return TensorSpec(detail["name"], shape, np.dtype(detail["dtype"]).name, float(scale) or None, int(zero_point))

    def prepare(self, batch: Batch) -> None:
        """Copy into the interpreter's input tensors."""
        for name, array in batch.items():
            self._interpreter.set_tensor(self._slots[name], array)

    def infer(self) -> None:
        """One invoke."""
        self._invoke()

    def fetch(self) -> Outputs:
        """Copies of the outputs; quantised ones as the float32 they stand for."""
        return {name: self._fetch_one(detail) for name, detail in self._outputs.items()}

    def _fetch_one(self, detail: dict[str, Any]) -> NDArray[Any]:
        array: NDArray[Any] = self._interpreter.get_tensor(detail["index"])
        scale, zero_point = detail["quantization"]
        return (array.astype(np.float32) - zero_point) * np.float32(scale) if scale else array

    def info(self) -> dict[str, Any]:
        """Version, threads, and how many nodes XNNPACK took: none means it silently did not apply."""
        operators = [detail["op_name"] for detail in self._interpreter._get_ops_details()]
        version = importlib.import_module("importlib.metadata").version(self._library.replace("_", "-"))
        return {
            "library": self._library,
            "version": version,
            "threads": self._options.threads,
            "nodes": len(operators),
            "delegate_nodes": operators.count("DELEGATE"),
        }

    def profile(self, n: int) -> OperatorProfile | Missing:
        """By the C library that ai-edge-litert brings along."""
        from .litert_profile import profile

        inputs = {name: self._interpreter.get_tensor(index) for name, index in self._slots.items()}
        return profile(self._path, self._options.threads, inputs, n)


XNNPACK = LiteRt("litert-xnnpack")
