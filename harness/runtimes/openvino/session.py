"""A model compiled by OpenVINO: its inputs set in place, run synchronously, its execution graph read back.

The execution graph is `CompiledModel.get_runtime_model`, whose nodes have 'runtimePrecision' and 'layerType'. The
performance counters have one entry per node of it, of the last inference, in microseconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.core.execution import Execution, OperatorProfile, OperatorTiming, effective_precision
from harness.core.quantity import Missing
from harness.core.verdict import Finding
from harness.runtimes import inputs
from harness.runtimes.base import Batch, Options, Outputs, Session, SessionError, TensorSpec
from harness.runtimes.inputs import concrete_shape
from harness.runtimes.operator_profile import Inference, summarise
from harness.runtimes.outputs import named_arrays, unique_names

if TYPE_CHECKING:
    import openvino as ov

    from harness.runtimes.graph_counts import Counts


WARMUP = 3
"""Inferences before those that count: the first ones allocate."""


def profile(request: ov.InferRequest, device: str, n: int) -> OperatorProfile | Missing:
    """Profile `n` inferences of a request whose inputs are set and whose model was compiled with PERF_COUNT."""
    for _ in range(WARMUP):
        request.infer()
    inferences = [_inference(request, device) for _ in range(n)]
    if not any(inference.operators for inference in inferences):
        return Missing("OpenVINO's counters name no operator")
    return summarise(device, inferences)


def _inference(request: ov.InferRequest, device: str) -> Inference:
    """Run one inference; `latency` is OpenVINO's own figure for it, in milliseconds."""
    request.start_async()
    request.wait()
    executed = [each for each in request.get_profiling_info() if str(each.status).endswith("EXECUTED")]
    return Inference(request.latency * 1e6, [_timing(each, device) for each in executed if each.real_time])


def _timing(counter: ov.ProfilingInfo, device: str) -> OperatorTiming:
    """Convert a counter; the kernel's name ends in its precision: 'brgconv_avx512_f32', 'jit_gemm_i8'."""
    dtype = counter.exec_type.rpartition("_")[2]
    spent: timedelta = counter.real_time
    return OperatorTiming(counter.node_name, counter.node_type, device, spent.total_seconds() * 1e9, dtype=dtype)


PRECISION, THREADS = "INFERENCE_PRECISION_HINT", "INFERENCE_NUM_THREADS"
STREAMS, MODE = "NUM_STREAMS", "PERFORMANCE_HINT"
_READ_BACK = (PRECISION, THREADS, STREAMS, MODE, "EXECUTION_DEVICES", "ENABLE_CPU_PINNING")
_TYPES = {
    "float32": "fp32",
    "float16": "fp16",
    "bfloat16": "bf16",
    "f32": "fp32",
    "f16": "fp16",
    "f64": "fp64",
    "i8": "int8",
    "u8": "int8",
    "i4": "int4",
}
"""OpenVINO's names of element types, in the hint and in the execution graph, as ours; bf16 is the same."""
_ARITHMETIC = frozenset({"Convolution", "Deconvolution", "FullyConnected", "MatMul", "RNNSeq", "RNNCell"})
_EXECUTED_NEVER = frozenset({"Const", "Input", "Output", "Constant", "Parameter", "Result"})


class OpenVinoSession(Session):
    """Inputs are tensors of our own, set once: infer is one call without copies."""

    def __init__(
        self, core: ov.Core, model: ov.Model, device: str, properties: Mapping[str, Any], options: Options
    ) -> None:
        self._core, self._model, self._device, self._options = core, model, device, options
        self._properties = dict(properties)
        self._metadata = _metadata(model)
        names = _names(model.inputs, "input")
        self.inputs = tuple(self._spec(port, name) for port, name in zip(model.inputs, names, strict=True))
        self._output_names = _names(model.outputs, "output")
        for port, name in zip(model.outputs, self._output_names, strict=True):
            _check_type(port, f"output '{name}'", (*_HELD, *_CONVERTED), "add a Convert to f32 to the model")
        shapes = {port: concrete_shape(spec, options) for port, spec in zip(model.inputs, self.inputs, strict=True)}
        if shapes and model.is_dynamic():
            model.reshape(shapes)
        self._compiled = core.compile_model(model, device, self._properties)
        self._buffers = {
            spec.name: np.zeros(tuple(port.shape), spec.dtype)
            for port, spec in zip(self._compiled.inputs, self.inputs, strict=True)
        }
        self._request = self._with_inputs(self._compiled)
        # the binding below the Python class, since that one copies every output: a fifth of a small net's inference
        self._infer = partial(_binding().infer, self._request, {}, share_outputs=True, decode_strings=False)

    def _with_inputs(self, compiled: ov.CompiledModel) -> ov.InferRequest:
        import openvino as ov

        request = compiled.create_infer_request()
        for place, buffer in enumerate(self._buffers.values()):
            request.set_input_tensor(place, ov.Tensor(buffer, shared_memory=True))
        return request

    def _spec(self, port: Any, name: str) -> TensorSpec:
        _check_type(port, f"input '{name}'", _HELD, "export the model without the step that takes it")
        shape = tuple(-1 if size.is_dynamic else size.get_length() for size in port.partial_shape)
        dtype = np.dtype(port.element_type.to_dtype()).name
        return TensorSpec(name, shape, dtype, *inputs.read_quantization(self._metadata, name))

    def prepare(self, batch: Batch) -> None:
        """Copy into the buffers that the request reads."""
        for name, array in batch.items():
            np.copyto(self._buffers[name], array, casting="no")

    def infer(self) -> None:
        """Run one synchronous inference, in the calling thread."""
        self._infer()

    def fetch(self) -> Outputs:
        """Return copies of the outputs; integers with a scale as the float32 they stand for."""
        tensors = [self._request.get_output_tensor(place) for place in range(len(self._output_names))]
        arrays = named_arrays(self._output_names, list(map(_array, tensors)))
        return {
            name: inputs.dequantize(array, *inputs.read_quantization(self._metadata, name))
            for name, array in arrays.items()
        }

    @property
    def state(self) -> tuple[str, ...]:
        """Names of the variables that ReadValue and Assign keep."""
        return tuple(variable.name for variable in self._request.query_state())

    def reset_state(self) -> None:
        """Set the variables to their initial values."""
        if self.state:
            self._request.reset_state()

    def info(self) -> dict[str, Any]:
        """Return version, device, the properties requested and those the compiled model answers."""
        import openvino as ov

        properties = {key: self._property(key) for key in _READ_BACK}
        return {
            "library": "openvino",
            "version": short_version(),
            "build": ov.__version__,
            "device": self._core.get_property(self._device, "FULL_DEVICE_NAME"),
            "threads": self._options.threads,
            "asked": {key: str(value) for key, value in self._properties.items()},
            "options": {key: value for key, value in properties.items() if value},
            "inference_precision": properties[PRECISION],
        }

    def _property(self, key: str) -> str:
        """Return a property of the compiled model as text, '' where the device has none of that name."""
        try:
            value = self._compiled.get_property(key)
        except RuntimeError:
            return ""
        name = value.get_type_name() if hasattr(value, "get_type_name") else str(value)
        return _TYPES.get(name, name)

    def execution(self) -> Execution:
        """Read back precision and nodes from the compiled model's execution graph."""
        nodes = [_rt_info(node) for node in self._compiled.get_runtime_model().get_ordered_ops()]
        run = [node for node in nodes if node.get("layerType") not in _EXECUTED_NEVER]
        arithmetic = [node for node in run if node.get("layerType") in _ARITHMETIC]
        execution = Execution(
            effective=effective_precision(_precision(node.get("runtimePrecision", "unknown")) for node in arithmetic),
            evidence=f"runtimePrecision in the execution graph; {PRECISION} answers {self._property(PRECISION)}",
            nodes={self._device: len(run)},
        )
        slow = sum(node.get("primitiveType", "").startswith("ref") for node in arithmetic)
        words = f"{slow} of {len(arithmetic)} convolutions and matrix products run on reference kernels"
        remedy = "try another precision or layout"
        return execution.with_findings(Finding("kernels", "warn", words, remedy)) if slow else execution

    def counts(self) -> Counts | Missing:
        """Count the model as OpenVINO read it, before it was compiled."""
        from .counts import counts

        return counts(self._model)

    def constants(self) -> Iterator[NDArray[np.float32]]:
        """Yield the fp32 constants of the model as OpenVINO read it."""
        for node in self._model.get_ops():
            if node.get_type_name() == "Constant" and node.get_element_type().to_string() in ("f32", "float32"):
                yield node.data

    def profile(self, n: int) -> OperatorProfile | Missing:
        """Profile by OpenVINO's counters, which are on or off for a compiled model's whole life."""
        properties = {**self._properties, "PERF_COUNT": True}
        compiled = self._core.compile_model(self._model, self._device, properties)
        return profile(self._with_inputs(compiled), self._device, n)


_HELD = ("f16", "f32", "f64", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "boolean")
"""Element types that an array has; for others OpenVINO gives one of the same size, whose numbers are others."""
_CONVERTED = ("bf16", "string")
"""Element types of outputs that `_array` converts."""


def _check_type(port: Any, what: str, types: Sequence[str], remedy: str) -> None:
    kind = port.element_type.get_type_name()
    if kind not in types:
        raise SessionError(f"{what} has type {kind}, which no array can hold", remedy)


def _array(tensor: Any) -> NDArray[Any]:
    """Return a copy of an output: bf16 as the fp32 of the same value, text as str."""
    kind = tensor.element_type.get_type_name()
    if kind == "string":
        return np.array(tensor.str_data)
    array = np.array(tensor.data)
    return (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32) if kind == "bf16" else array


def _names(ports: Sequence[Any], kind: str) -> list[str]:
    """Return a unique name per port: a port may have several names or none, and outputs may share theirs."""
    return unique_names([next(iter(sorted(port.names)), "") for port in ports], kind)


def _metadata(model: ov.Model) -> dict[str, str]:
    """Return the metadata of the .onnx that the model was read or converted from."""
    info = model.get_rt_info()
    return {key: str(value.value) for key, value in info["framework"].items()} if "framework" in dict(info) else {}


def short_version() -> str:
    """Return '2026.4.1' of '2026.4.1-22982-e213a147257-releases/2026/4'."""
    import openvino as ov

    return str(ov.__version__).partition("-")[0]


def _binding() -> Any:
    from openvino._pyopenvino import InferRequest

    return InferRequest


def _rt_info(node: Any) -> dict[str, str]:
    return {key: value.astype(str) for key, value in node.rt_info.items()}


def _precision(name: str) -> str:
    return _TYPES.get(name, name)
