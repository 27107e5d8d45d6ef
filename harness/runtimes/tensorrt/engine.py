"""A TensorRT engine with one execution context, and precision and device of its layers.

The engine inspector lists layers as JSON objects with 'LayerType', 'ParameterType', 'TacticName' and, for each input,
'Format/Datatype', in which the element type stands among words: 'Row major linear FP32', 'Thirty-two wide channel
vectorized row major Int8 format' in TensorRT 8, 'Half' in 10.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.execution import Execution, effective_precision
from harness.core.quantity import Missing
from harness.core.verdict import Finding
from harness.runtimes.base import SessionError, TensorSpec


class Engine:
    """An engine with one execution context."""

    def __init__(self, trt: Any, runtime: Any, engine: Any, logger: Any) -> None:
        self._trt, self._runtime, self._engine, self._logger = trt, runtime, engine, logger
        self._context = engine.create_execution_context()
        if self._context is None:
            raise RuntimeError(logger.text() or "TensorRT made no execution context")
        self.enqueue: Callable[[int], bool] = self._context.execute_async_v3

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings of TensorRT from opening the engine."""
        return tuple(self._logger.warnings)

    def tensors(self, inputs: bool) -> tuple[TensorSpec, ...]:
        """Return the inputs or the outputs; a dynamic dimension is -1."""
        mode = self._trt.TensorIOMode.INPUT if inputs else self._trt.TensorIOMode.OUTPUT
        engine = self._engine
        names = [engine.get_tensor_name(place) for place in range(engine.num_io_tensors)]
        return tuple(
            TensorSpec(
                name, tuple(engine.get_tensor_shape(name)), dtype_of(self._trt, name, engine.get_tensor_dtype(name))
            )
            for name in names
            if engine.get_tensor_mode(name) == mode
        )

    def set_shape(self, name: str, shape: tuple[int, ...]) -> None:
        """Set the shape of an input; SessionError for one that the engine was not built for."""
        if not self._context.set_input_shape(name, shape):
            raise SessionError(f"the engine takes no {list(shape)} for '{name}'", "build it for that shape")

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of any tensor, once those of all inputs are set."""
        return tuple(self._context.get_tensor_shape(name))

    def bind(self, name: str, address: int) -> None:
        """Set the device address of a tensor."""
        self._context.set_tensor_address(name, address)

    def layers(self) -> list[Any]:
        """Return the engine inspector's layers: objects, or only names where the engine holds no more."""
        inspector = self._engine.create_engine_inspector()
        information = json.loads(inspector.get_engine_information(self._trt.LayerInformationFormat.JSON))
        layers: list[Any] = information["Layers"]
        return layers

    def report_layers(self, report: Callable[[str, float], None]) -> None:
        """Call `report` with name and milliseconds of every layer of an inference from now on."""
        self._watcher = _profiler(self._trt, report)
        self._context.profiler = self._watcher


def dtype_of(trt: Any, name: str, element: Any) -> str:
    """Return NumPy's name of a tensor's element type; SessionError where NumPy has none."""
    try:
        return str(np.dtype(trt.nptype(element)).name)
    except TypeError as error:
        raise SessionError(f"tensor '{name}' has type {element}, which NumPy does not have") from error


def _profiler(trt: Any, report: Callable[[str, float], None]) -> Any:
    class Watcher(trt.IProfiler):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProfiler.__init__(self)

        def report_layer_time(self, layer_name: str, ms: float) -> None:
            report(layer_name, ms)

    return Watcher()


Layer = Mapping[str, Any]
_PRECISIONS = (("int8", "int8"), ("bf16|bfloat16", "bf16"), ("fp16|half", "fp16"), ("fp32|float", "fp32"))
_ARITHMETIC = re.compile("conv|gemm|matmul|matrixmultiply|fullyconnected|dla", re.IGNORECASE)
_REARRANGING = re.compile("reformat|noop|shuffle|constant|signal|wait", re.IGNORECASE)


def execution(layers: Sequence[Any], asked_dla: bool) -> Execution:
    """Return precision and devices of an inspector's layers."""
    if any(not isinstance(each, dict) for each in layers):
        reason = "the engine keeps only the names of its layers: build it with --profilingVerbosity=detailed"
        return Execution(effective=Missing(reason))
    arithmetic = [each for each in layers if _ARITHMETIC.search(_kind(each)) and not _REARRANGING.search(_kind(each))]
    nodes: dict[str, int] = {}
    for layer in layers:
        nodes[device(layer)] = nodes.get(device(layer), 0) + 1
    ran = Execution(
        effective=effective_precision(precision(each) for each in arithmetic),
        evidence="types of the inputs of convolutions and matrix products, from TensorRT's engine inspector",
        nodes=nodes,
    )
    stayed = [each for each in layers if device(each) == "GPU" and not _REARRANGING.search(_kind(each))]
    if not asked_dla or not stayed:
        return ran
    words = f"{len(stayed)} layers run on the GPU, {nodes.get('DLA', 0)} on the DLA"
    return ran.with_findings(Finding("fallback", "warn", words, "gpu_fallback=0 names the layer that the DLA refuses"))


def device(layer: Layer) -> str:
    """Return 'GPU' or 'DLA'."""
    return "DLA" if "dla" in str(layer.get("LayerType", "")).lower() else "GPU"


def precision(layer: Layer) -> str:
    """Return the precision of the first input; tf32 where the kernel's name says so."""
    datatype = str(next((each.get("Format/Datatype", "") for each in layer.get("Inputs", ())), ""))
    matches = (name for pattern, name in _PRECISIONS if re.search(pattern, datatype, re.IGNORECASE))
    name = next(matches, datatype or "unknown")
    return "tf32" if name == "fp32" and "tf32" in str(layer.get("TacticName", "")) else name


def _kind(layer: Layer) -> str:
    return f"{layer.get('LayerType', '')} {layer.get('ParameterType', '')}"
