"""A model on TensorRT. An inference copies inputs to the device, runs the engine, and copies outputs back."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.artifact import FORMATS, sha256_of
from harness.core.execution import Execution, OperatorProfile, OperatorTiming
from harness.core.quantity import Missing
from harness.core.verdict import Finding
from harness.runtimes.base import Batch, Options, Outputs, Session, SessionError
from harness.runtimes.inputs import concrete_shape
from harness.runtimes.operator_profile import Inference, summarise

from .cuda import Cuda
from .engine import Engine, device, execution
from .library import Library
from .plan import EngineCache, EngineRecipe

REBUILD = "an engine runs only on the kind of GPU and the TensorRT that built it: give the .onnx"


class TensorRtSession(Session):
    """Inputs and outputs lie in page-locked memory, their copies on the device at addresses that stay."""

    def __init__(self, path: Path, plan: EngineRecipe, options: Options) -> None:
        self._plan, self._options = plan, options
        self._cuda = Cuda()
        self._gpu = self._cuda.gpu()
        self._library = Library()
        self._engine, self._origin = self._opened(path)
        self.inputs = self._engine.tensors(inputs=True)
        for spec in self.inputs:
            self._engine.set_shape(spec.name, concrete_shape(spec, options))
        every = (*self.inputs, *self._engine.tensors(inputs=False))
        self._host = {spec.name: self._cuda.host_array(self._engine.shape(spec.name), spec.dtype) for spec in every}
        self._device = {name: self._cuda.allocate(array.nbytes) for name, array in self._host.items()}
        for name, address in self._device.items():
            self._engine.bind(name, address)
        input_names = {spec.name for spec in self.inputs}
        self._copies_in = [self._cuda.to_device(self._device[name], self._host[name]) for name in input_names]
        self._copies_out = [
            self._cuda.to_host(array, self._device[name])
            for name, array in self._host.items()
            if name not in input_names
        ]
        self._enqueue = partial(self._engine.enqueue, self._cuda.stream)
        self._finish = self._cuda.finisher()
        self.infer()

    def _opened(self, path: Path) -> tuple[Engine, str]:
        """Return the engine, and where it came from."""
        if path.suffix in FORMATS["tensorrt"].suffixes:
            return self._library.open(path.read_bytes(), self._plan.dla_core), "the file given"
        cache = EngineCache()
        key = self._plan.key(sha256_of(path), self._options, self._library.version, self._gpu)
        origin = "cached by an earlier build"
        data = cache.engine(key)
        if data is None:
            before = time.perf_counter()
            data = self._built(path, cache)
            origin = f"built in {time.perf_counter() - before:.1f} s"
            cache.keep(key, data)
        return self._library.open(data, self._plan.dla_core), origin

    def _built(self, path: Path, cache: EngineCache) -> bytes:
        """Build an engine; the builder, which holds much memory, is gone when this returns."""
        network = self._library.parsed(path)
        shapes = {spec.name: concrete_shape(spec, self._options) for spec in network.inputs}
        timings = cache.timings(self._library.version, self._gpu)
        built = network.build(self._plan, shapes, timings.read_bytes() if timings.is_file() else b"")
        if built.timings:
            cache.keep_timings(timings, built.timings)
        return built.engine

    def prepare(self, batch: Batch) -> None:
        """Copy into the page-locked inputs."""
        for name, array in batch.items():
            np.copyto(self._host[name], array, casting="no")

    def infer(self) -> None:
        """Copy in, run, copy out, wait."""
        check = self._cuda.check
        for copy in self._copies_in:
            check(copy(), "cudaMemcpyAsync")
        if not self._enqueue():
            raise SessionError("TensorRT did not start the inference")
        for copy in self._copies_out:
            check(copy(), "cudaMemcpyAsync")
        check(self._finish(), "cudaStreamSynchronize")

    def fetch(self) -> Outputs:
        """Return copies of the page-locked outputs."""
        input_names = {spec.name for spec in self.inputs}
        return {name: array.copy() for name, array in self._host.items() if name not in input_names}

    def info(self) -> dict[str, Any]:
        """Return versions, the GPU, the plan, and where the engine came from."""
        return {
            "library": "tensorrt",
            "version": self._library.version,
            "device": self._gpu.name,
            "cuda": self._gpu.runtime,
            "driver": self._gpu.driver,
            "threads": self._options.threads,
            "options": {key: str(value) for key, value in vars(self._plan).items()},
            "engine": self._origin,
        }

    def execution(self) -> Execution:
        """Read back precision from the engine inspector, with TensorRT's warnings."""
        ran = execution(self._engine.layers(), self._plan.dla_core is not None)
        elsewhere = [words for words in self._engine.warnings if "different models of devices" in words]
        return ran.with_findings(*(Finding("engine", "warn", words, REBUILD) for words in elsewhere[:1]))

    def profile(self, n: int) -> OperatorProfile | Missing:
        """Profile by TensorRT's profiler, which runs the layers one by one; the context is not timed after it."""
        layers = {each["Name"]: each for each in self._engine.layers() if isinstance(each, dict)}
        timings: list[OperatorTiming] = []

        def report(name: str, ms: float) -> None:
            layer = layers.get(name, {})
            timings.append(OperatorTiming(name, str(layer.get("LayerType", name)), device(layer), ms * 1e6))

        self._engine.report_layers(report)
        inferences = []
        for _ in range(n):
            timings = []
            before = time.perf_counter_ns()
            self.infer()
            inferences.append(Inference(float(time.perf_counter_ns() - before), timings))
        return summarise("DLA" if self._plan.dla_core is not None else "GPU", inferences)
