"""A tensorrt and a CUDA runtime that record what is asked of them, with names, arguments and words of the real ones.

Of the Python API of TensorRT 8.5 to 10 it has what is documented and used, no attribute more: a misspelt one fails. An
.onnx is here a JSON object {"inputs": {name: shape}, "layers": [[type, element type], ...], "errors": [...]}; the net
doubles its input. Device memory is apart from the host's, so that a copy that is missing shows.
"""

from __future__ import annotations

import ctypes
import enum
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.runtimes.tensorrt import cuda

WORDS = {2: b"out of memory", 35: b"CUDA driver version is insufficient for CUDA runtime version",
         100: b"no CUDA-capable device is detected"}  # fmt: skip


class Fake:
    """The machine: its versions, its GPU, and every call in order as (name, argument...)."""

    def __init__(self, version: str = "10.3.0", compute: str = "8.7", dlas: int = 1) -> None:
        self.version, self.compute, self.dlas = version, compute, dlas
        self.calls: list[tuple[Any, ...]] = []
        self.failing: dict[str, int] = {}
        self.no_kernel = False
        self.detailed = True

    def called(self, name: str) -> list[tuple[Any, ...]]:
        return [call[1:] for call in self.calls if call[0] == name]

    def install(self, patch: pytest.MonkeyPatch) -> Fake:
        patch.setitem(sys.modules, "tensorrt", module(self))
        patch.setattr(cuda, "load", lambda: cudart(self))
        return self


def cudart(fake: Fake) -> SimpleNamespace:
    """libcudart: functions that return a code."""
    held: list[Any] = []

    def function(name: str, act: Any = lambda *_: None) -> Any:
        def call(*arguments: Any) -> int:
            fake.calls.append((name,))
            if not fake.failing.get(name):
                act(*arguments)
            return fake.failing.get(name, 0)

        return call

    def allocate(pointer: Any, size: Any, *_: Any) -> None:
        held.append(ctypes.create_string_buffer(size.value + 64))
        pointer._obj.value = ctypes.addressof(held[-1])

    def put(value: int) -> Any:
        def act(pointer: Any, *_: Any) -> None:
            pointer._obj.value = value

        return act

    def attribute(pointer: Any, number: int, _: int) -> None:
        major, minor = fake.compute.split(".")
        pointer._obj.value = {75: int(major), 76: int(minor), 16: 8}[number]

    def name(properties: Any, _: int) -> None:
        properties.value = b"Orin"

    def words(code: int) -> bytes:
        return WORDS[code]

    return SimpleNamespace(
        cudaSetDevice=function("cudaSetDevice"),
        cudaStreamCreate=function("cudaStreamCreate", put(77)),
        cudaGetDeviceProperties=function("cudaGetDeviceProperties", name),
        cudaDeviceGetAttribute=function("cudaDeviceGetAttribute", attribute),
        cudaRuntimeGetVersion=function("cudaRuntimeGetVersion", put(12060)),
        cudaDriverGetVersion=function("cudaDriverGetVersion", put(12020)),
        cudaMalloc=function("cudaMalloc", allocate),
        cudaHostAlloc=function("cudaHostAlloc", allocate),
        cudaMemcpyAsync=function(
            "cudaMemcpyAsync", lambda to, source, size, *_: ctypes.memmove(to, source, size.value)
        ),
        cudaStreamSynchronize=function("cudaStreamSynchronize"),
        cudaGetErrorString=words,
    )


def module(fake: Fake) -> ModuleType:
    """The package tensorrt of that machine."""
    trt = ModuleType("tensorrt")
    trt.__dict__.update(
        __version__=fake.version,
        ILogger=ILogger,
        IProfiler=IProfiler,
        NetworkDefinitionCreationFlag=enum.IntEnum("NetworkDefinitionCreationFlag", {"EXPLICIT_BATCH": 0}),
        BuilderFlag=enum.Enum("BuilderFlag", ["FP16", "INT8", "TF32", "GPU_FALLBACK"]),
        MemoryPoolType=enum.Enum("MemoryPoolType", ["WORKSPACE"]),
        DeviceType=enum.Enum("DeviceType", ["GPU", "DLA"]),
        DataType=DataType,
        LayerType=LayerType,
        TensorIOMode=enum.Enum("TensorIOMode", ["NONE", "INPUT", "OUTPUT"]),
        ProfilingVerbosity=enum.Enum("ProfilingVerbosity", ["LAYER_NAMES_ONLY", "NONE", "DETAILED"]),
        LayerInformationFormat=enum.Enum("LayerInformationFormat", ["ONELINE", "JSON"]),
        nptype=lambda element: {"FLOAT": np.float32, "HALF": np.float16, "INT8": np.int8}[element.name],
        init_libnvinfer_plugins=lambda logger, namespace: True,
        Builder=lambda logger: Builder(fake, logger),
        OnnxParser=lambda network, logger: OnnxParser(network),
        Runtime=lambda logger: Runtime(fake, trt, logger),
    )
    return trt


DataType = enum.Enum("DataType", ["FLOAT", "HALF", "INT8"])
LayerType = enum.Enum("LayerType", ["CONVOLUTION", "QUANTIZE", "CAST"])


class ILogger:
    Severity = enum.Enum("Severity", ["INTERNAL_ERROR", "ERROR", "WARNING", "INFO", "VERBOSE"])


class IProfiler:
    pass


class Builder:
    def __init__(self, fake: Fake, logger: Any) -> None:
        self._fake, self._logger = fake, logger
        self.num_DLA_cores = fake.dlas

    def create_network(self, flags: int) -> Network:
        assert flags == 1
        self._fake.calls.append(("create_network",))
        return Network()

    def create_builder_config(self) -> Config:
        return Config(self._fake)

    def create_optimization_profile(self) -> SimpleNamespace:
        return SimpleNamespace(set_shape=lambda *shapes: self._fake.calls.append(("set_shape", *shapes)))

    def build_serialized_network(self, network: Network, config: Config) -> memoryview | None:
        self._fake.calls.append(("build",))
        if self._fake.no_kernel:
            self._logger.log(ILogger.Severity.ERROR, "Error Code 10: Could not find any implementation for node conv1.")
            return None
        told = {"version": self._fake.version, "compute": self._fake.compute, **network.net}
        return memoryview(json.dumps(told).encode())


class Network:
    net: dict[str, Any]

    @property
    def num_inputs(self) -> int:
        return len(self.net["inputs"])

    def get_input(self, place: int) -> SimpleNamespace:
        name, shape = list(self.net["inputs"].items())[place]
        return SimpleNamespace(name=name, shape=shape, dtype=DataType.FLOAT)

    @property
    def num_layers(self) -> int:
        return len(self.net["layers"])

    def get_layer(self, place: int) -> SimpleNamespace:
        kind, element = self.net["layers"][place]
        output = SimpleNamespace(dtype=DataType[element])
        return SimpleNamespace(type=LayerType[kind], num_outputs=1, get_output=lambda place: output)


class OnnxParser:
    def __init__(self, network: Network) -> None:
        self._network = network
        self._errors: list[str] = []

    def parse_from_file(self, path: str) -> bool:
        self._network.net = json.loads(Path(path).read_text("utf-8"))
        self._errors = self._network.net.get("errors", [])
        return not self._errors

    @property
    def num_errors(self) -> int:
        return len(self._errors)

    def get_error(self, place: int) -> SimpleNamespace:
        return SimpleNamespace(desc=lambda: self._errors[place], node_operator=lambda: "NonZero")


class Config:
    """Records what is set on it: attributes too."""

    def __init__(self, fake: Fake) -> None:
        object.__setattr__(self, "_fake", fake)

    def __setattr__(self, name: str, value: Any) -> None:
        assert name in ("profiling_verbosity", "default_device_type", "DLA_core")
        self._fake.calls.append((name, getattr(value, "name", value)))

    def set_flag(self, flag: Any) -> None:
        self._fake.calls.append(("set_flag", flag.name))

    def clear_flag(self, flag: Any) -> None:
        self._fake.calls.append(("clear_flag", flag.name))

    def set_memory_pool_limit(self, pool: Any, size: int) -> None:
        self._fake.calls.append(("set_memory_pool_limit", pool.name, size))

    def add_optimization_profile(self, profile: Any) -> int:
        return 0

    def create_timing_cache(self, blob: bytes) -> bytes:
        self._fake.calls.append(("create_timing_cache", blob))
        return blob

    def set_timing_cache(self, cache: bytes, ignore_mismatch: bool) -> bool:
        return not ignore_mismatch

    def get_timing_cache(self) -> SimpleNamespace:
        return SimpleNamespace(serialize=lambda: memoryview(b"timings"))


class Runtime:
    DLA_core = -1

    def __init__(self, fake: Fake, trt: ModuleType, logger: Any) -> None:
        self._fake, self._trt, self._logger = fake, trt, logger

    def deserialize_cuda_engine(self, data: bytes) -> Engine | None:
        self._fake.calls.append(("deserialize", self.DLA_core))
        told = json.loads(data) if data.startswith(b"{") else None
        if refused := self._refused(told):
            self._logger.log(ILogger.Severity.ERROR, refused)
            return None
        return Engine(self._fake, self._trt, told)

    def _refused(self, told: Any) -> str:
        """In the words of TensorRT's log."""
        if told is None:
            return "Serialization assertion magicTagRead == kMAGIC_TAG failed.Magic tag does not match"
        if told["version"] != self._fake.version:
            return "Serialization assertion stdVersionRead == serializationVersion failed.Version tag does not match."
        if told["compute"] != (own := self._fake.compute):
            what = f"expecting compute {own} got compute {told['compute']}, please rebuild."
            return f"The engine plan file is generated on an incompatible device, {what}"
        return ""


class Engine:
    num_io_tensors = 2

    def __init__(self, fake: Fake, trt: Any, told: dict[str, Any]) -> None:
        self._fake, self._trt, self._told = fake, trt, told
        ((self._input, self._shape),) = told["inputs"].items()

    def get_tensor_name(self, place: int) -> str:
        return (self._input, "y")[place]

    def get_tensor_mode(self, name: str) -> Any:
        return self._trt.TensorIOMode.INPUT if name == self._input else self._trt.TensorIOMode.OUTPUT

    def get_tensor_shape(self, name: str) -> list[int]:
        return list(self._shape)

    def get_tensor_dtype(self, name: str) -> DataType:
        return DataType.FLOAT

    def create_execution_context(self) -> Context:
        return Context(self._fake, self._input)

    def create_engine_inspector(self) -> SimpleNamespace:
        layers = self._told.get("inspected", [])
        if not self._fake.detailed:
            layers = [each["Name"] for each in layers]
        return SimpleNamespace(get_engine_information=lambda _: json.dumps({"Layers": layers, "Bindings": []}))


class Context:
    profiler: Any = None

    def __init__(self, fake: Fake, name: str) -> None:
        self._fake, self._input = fake, name
        self._addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self._shape = shape
        return shape[0] <= 8

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self._shape

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        assert stream_handle == 77
        size = int(np.prod(self._shape))
        source, target = (
            np.frombuffer((ctypes.c_float * size).from_address(self._addresses[name]), np.float32)
            for name in (self._input, "y")
        )
        np.multiply(source, 2, out=target)
        self._fake.calls.append(("execute_async_v3",))
        if self.profiler is not None:
            self.profiler.report_layer_time("conv1", 0.5)
            self.profiler.report_layer_time("{ForeignNode[fc]}", 0.25)
        return True
