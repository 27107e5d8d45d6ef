"""LiteRT's own profiler, through the C library in the wheel: its Python package has no way to it.

The graph is opened a second time as a 'compiled model' on the CPU, the API the profiler belongs to; kernels are the
interpreter's own (XNNPACK, and LiteRT's built-in ones for what XNNPACK does not take).

C signatures and event types: litert/c/internal/litert_runtime_c_api.h and litert/c/litert_profiler_event.h of
google-ai-edge/LiteRT. They are no stable interface, therefore `VERSIONS`; a profile runs in a process of its own.
"""

from __future__ import annotations

import ctypes
import importlib.util
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint64, c_void_p
from importlib.metadata import version
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from harness.core.execution import OperatorProfile, OperatorTiming
from harness.core.quantity import Missing
from harness.runtimes.operator_profile import Inference, summarise

VERSIONS = ((2, 3), (3, 0))
"""From the first to before the second: releases of ai-edge-litert whose C interface is the one used here."""
WARMUP = 3
XNNPACK, BUILT_IN = "XNNPACK", "LiteRT built-in"

_CPU = 1
_WRITE = 1
_INVOKE, _BUILT_IN_OPERATOR, _DELEGATED_OPERATOR = 1, 2, 8
_PROVIDERS = {_BUILT_IN_OPERATOR: BUILT_IN, _DELEGATED_OPERATOR: XNNPACK}
_US = 1000
_TENSOR_TYPE_BYTES = 256  # LiteRtRankedTensorType has 72; it is handed back as it came


class Event(ctypes.Structure):
    """ProfiledEventData: times in microseconds."""

    _fields_ = (
        ("tag", c_char_p),
        ("type", c_int),
        ("start_us", c_uint64),
        ("elapsed_us", c_uint64),
        ("memory", c_uint64 * 6),
        ("metadata", c_uint64 * 2),
        ("source", c_int),
    )


class ProfilerError(Exception):
    """A call of the C library that did not return 0."""


def profile(
    model: Path, threads: int, inputs: Mapping[str, NDArray[Any]], n: int, signature: int = 0
) -> OperatorProfile | Missing:
    """Profile `n` inferences of a signature; Missing where this installation cannot.

    Args:
        model: The .tflite file.
        threads: Threads of XNNPACK.
        inputs: Arrays by the names of their tensors.
        n: Inferences to profile.
        signature: The signature's place in the file.
    """
    library = _library()
    if isinstance(library, Missing):
        return library
    try:
        with ExitStack() as stack:
            compiled = _Compiled(ctypes.CDLL(str(library)), stack, model, threads, signature)
            compiled.fill(inputs)
            for _ in range(WARMUP):
                compiled.run()
            inferences = [_inference(compiled.profiled()) for _ in range(n)]
    except (ProfilerError, AttributeError) as error:  # ctypes: AttributeError for a function that is not there
        return Missing(f"LiteRT's profiler: {error}")
    if not any(inference.operators for inference in inferences):
        return Missing("LiteRT's profile names no operator")
    return summarise(XNNPACK, inferences)


def _library() -> Path | Missing:
    """Return the C library of the installed wheel, or why there is none to use."""
    spec = importlib.util.find_spec("ai_edge_litert")
    if spec is None or spec.origin is None:
        return Missing("only ai-edge-litert has a profiler; tflite-runtime has none")
    installed = version("ai-edge-litert")
    numbers = tuple(int(part) for part in re.findall(r"\d+", installed)[:2])
    if not VERSIONS[0] <= numbers < VERSIONS[1]:
        return Missing(f"ai-edge-litert {installed}: its profiler's interface is known from 2.3 to before 3.0")
    path = Path(spec.origin).parent / "libLiteRt.so"
    return path if path.is_file() else Missing(f"ai-edge-litert {installed} came without libLiteRt.so")


class _Compiled:
    """A compiled model with its profiler and buffers, freed by the `stack` in reverse order."""

    def __init__(self, library: ctypes.CDLL, stack: ExitStack, model: Path, threads: int, signature: int) -> None:
        self._library = library
        self._stack = stack
        self._environment = self._create("Environment", "LiteRtCreateEnvironment", c_int(0), None)
        self._model = self._create("Model", "LiteRtCreateModelFromFile", self._environment, c_char_p(bytes(model)))
        options = self._create("Options", "LiteRtCreateOptions")
        self._call("LiteRtSetOptionsHardwareAccelerators", options, c_int(_CPU))
        self._add(options, b"runtime_options_string", b"enable_profiling = true\n")
        self._add(options, b"xnnpack", b"num_threads = %d\n" % threads)
        self._self = self._create("CompiledModel", "LiteRtCreateCompiledModel", self._environment, self._model, options)
        self._profiler = self._get("LiteRtCompiledModelGetProfiler", self._self)
        self._place = c_size_t(signature)
        self._signature = self._get("LiteRtGetModelSignature", self._model, self._place)
        self._inputs = self._buffers("Input")
        self._outputs = self._buffers("Output")

    def _call(self, name: str, *arguments: Any) -> None:
        status = getattr(self._library, name)(*arguments)
        if status != 0:
            raise ProfilerError(f"{name} returned {status}")

    def _get(self, name: str, *arguments: Any) -> c_void_p:
        """Call a function and return the handle it writes to its last argument."""
        handle = c_void_p()
        self._call(name, *arguments, byref(handle))
        return handle

    def _create(self, kind: str, name: str, *arguments: Any) -> c_void_p:
        """Do the same for an object that is ours to destroy."""
        handle = self._get(name, *arguments)
        destroy = getattr(self._library, f"LiteRtDestroy{kind}")
        destroy.restype = None
        self._stack.callback(destroy, handle)
        return handle

    def _add(self, options: c_void_p, identifier: bytes, text: bytes) -> None:
        """Add options in TOML; the library frees the text with `free`."""
        libc = ctypes.CDLL(None)
        libc.strdup.restype = c_void_p
        free = ctypes.cast(libc.free, c_void_p)
        opaque = self._get("LiteRtCreateOpaqueOptions", c_char_p(identifier), c_void_p(libc.strdup(text)), free)
        self._call("LiteRtAddOpaqueOptions", options, opaque)

    def _buffers(self, side: str) -> dict[str, c_void_p]:
        """Return a buffer for each tensor of one side ('Input', 'Output'), by tensor name in the signature's order."""
        count = c_size_t()
        self._call(f"LiteRtGetNumSignature{side}s", self._signature, byref(count))
        return dict(self._buffer(side, c_size_t(index)) for index in range(count.value))

    def _buffer(self, side: str, index: c_size_t) -> tuple[str, c_void_p]:
        tensor = self._get(f"LiteRtGetSignature{side}TensorByIndex", self._signature, index)
        name = c_char_p()
        self._call("LiteRtGetTensorName", tensor, byref(name))
        kind = ctypes.create_string_buffer(_TENSOR_TYPE_BYTES)
        self._call("LiteRtGetRankedTensorType", tensor, kind)
        needs = self._get(f"LiteRtGetCompiledModel{side}BufferRequirements", self._self, self._place, index)
        make = "LiteRtCreateManagedTensorBufferFromRequirements"
        return (name.value or b"").decode(), self._create("TensorBuffer", make, self._environment, kind, needs)

    def fill(self, inputs: Mapping[str, NDArray[Any]]) -> None:
        """Copy the inputs in; ProfilerError when they are not those of the graph as it stands in the file."""
        for name, buffer in self._inputs.items():
            size = c_size_t()
            self._call("LiteRtGetTensorBufferPackedSize", buffer, byref(size))
            array = inputs.get(name)
            if array is None or array.nbytes != size.value:
                raise ProfilerError(f"input '{name}' has another shape than in the file, which cannot be profiled")
            memory = c_void_p()
            self._call("LiteRtLockTensorBuffer", buffer, byref(memory), c_int(_WRITE))
            ctypes.memmove(memory, array.tobytes(), array.nbytes)
            self._call("LiteRtUnlockTensorBuffer", buffer)

    def run(self) -> None:
        """Run one inference."""
        sides = [_array(self._inputs.values()), _array(self._outputs.values())]
        arguments = [argument for side in sides for argument in (c_size_t(len(side)), side)]
        self._call("LiteRtRunCompiledModel", self._self, self._place, *arguments)

    def profiled(self) -> list[Event]:
        """Return the events of one inference; their tags live until the next one."""
        self._call("LiteRtResetProfiler", self._profiler)
        self._call("LiteRtStartProfiler", self._profiler)
        self.run()
        self._call("LiteRtStopProfiler", self._profiler)
        count = c_int()
        self._call("LiteRtGetNumProfilerEvents", self._profiler, byref(count))
        events = (Event * count.value)()
        self._call("LiteRtGetProfilerEvents", self._profiler, count, ctypes.cast(events, POINTER(Event)))
        return list(events)


def _array(handles: Iterable[c_void_p]) -> ctypes.Array[c_void_p]:
    values = [handle.value for handle in handles]
    return (c_void_p * len(values))(*values)


def _inference(events: Sequence[Event]) -> Inference:
    """Collect the operators in order of execution; other events than operators and the whole invoke are ignored."""
    total_us = sum(event.elapsed_us for event in events if (event.type, event.tag) == (_INVOKE, b"Invoke"))
    kernels = [event for event in events if event.type in _PROVIDERS and b"Delegate" not in event.tag]
    return Inference(total_us * _US, [_timing(place, event) for place, event in enumerate(kernels)])


def _timing(place: int, event: Event) -> OperatorTiming:
    """Name an operator by place and kernel, since events carry no name that is unique across delegated parts.

    XNNPACK names a kernel like 'Fully Connected (NC, QS8, QC8W) GEMM': layout, type of the activations, of the weights.
    """
    kind = event.tag.decode("utf-8", "replace")
    dtype = re.search(r"\(\w+, ([A-Z]+\d+)", kind)
    name = f"{place}: {kind}"
    return OperatorTiming(
        name, kind, _PROVIDERS[event.type], float(event.elapsed_us * _US), 1.0, dtype[1] if dtype else ""
    )
