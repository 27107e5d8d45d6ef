"""The Python package tensorrt, which no other module imports.

The API by tensor names, which 8.5 (JetPack 5.1) brought and 10 (JetPack 6) left alone; TensorRT 11 takes no precision
flags and knows no Jetson. docs.nvidia.com/deeplearning/tensorrt: 'Python API Reference'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.runtimes.base import SessionError, TensorSpec

from .engine import Engine, dtype_of
from .plan import EngineRecipe

OLDEST, TOO_NEW = (8, 5), (11, 0)
_SHOWN = 5
"""Errors of the parser that are shown."""


@dataclass(frozen=True)
class Built:
    """A serialised engine, and the timings of all kernels tried so far."""

    engine: bytes
    timings: bytes


class Library:
    """TensorRT with a log of its messages; SessionError for a version that this adapter does not support."""

    def __init__(self) -> None:
        import tensorrt as trt

        self.version: str = trt.__version__
        number = tuple(int(part) for part in self.version.split(".")[:2])
        if not OLDEST <= number < TOO_NEW:
            raise SessionError(
                f"TensorRT {self.version} has another interface", "8.5 to 10 are known: JetPack 5.1 and 6"
            )
        self._trt = trt
        self.logger = _logger(trt)
        trt.init_libnvinfer_plugins(self.logger, "")

    def parsed(self, path: Path) -> Network:
        """Parse an .onnx; SessionError with the operators that the parser refuses."""
        trt = self._trt
        builder = trt.Builder(self.logger)
        explicit = 1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH)
        network = builder.create_network(explicit)
        parser = trt.OnnxParser(network, self.logger)
        if not parser.parse_from_file(str(path)):
            errors = [_parser_error(parser.get_error(place)) for place in range(parser.num_errors)]
            words = "; ".join(errors[:_SHOWN]) or self.logger.text()
            raise SessionError(
                f"TensorRT's ONNX parser refuses it: {words}", "replace the operator, or try another runtime"
            )
        return Network(trt, self.logger, builder, network, parser)

    def open(self, data: bytes, dla_core: int | None) -> Engine:
        """Load a serialised engine; RuntimeError with TensorRT's message where it refuses it."""
        runtime = self._trt.Runtime(self.logger)
        if dla_core is not None:
            runtime.DLA_core = dla_core
        engine = runtime.deserialize_cuda_engine(data)
        if engine is None:
            raise RuntimeError(self.logger.text() or "TensorRT cannot read the engine")
        return Engine(self._trt, runtime, engine, self.logger)


class Network:
    """A parsed net, which holds on to what it was parsed with."""

    def __init__(self, trt: Any, logger: Any, builder: Any, network: Any, parser: Any) -> None:
        self._trt, self._logger, self._builder, self._network, self._parser = trt, logger, builder, network, parser

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The inputs of the network."""
        tensors = [self._network.get_input(place) for place in range(self._network.num_inputs)]
        return tuple(
            TensorSpec(each.name, tuple(each.shape), dtype_of(self._trt, each.name, each.dtype)) for each in tensors
        )

    def build(self, plan: EngineRecipe, shapes: Mapping[str, tuple[int, ...]], timings: bytes) -> Built:
        """Build an engine for inputs of these shapes; RuntimeError with TensorRT's message where it fails."""
        config = self._config(plan, shapes)
        if plan.timing_cache:
            config.set_timing_cache(config.create_timing_cache(timings), ignore_mismatch=False)
        engine = self._builder.build_serialized_network(self._network, config)
        if engine is None:
            raise RuntimeError(self._logger.text() or "TensorRT built no engine")
        return Built(bytes(engine), bytes(config.get_timing_cache().serialize()) if plan.timing_cache else b"")

    def _config(self, plan: EngineRecipe, shapes: Mapping[str, tuple[int, ...]]) -> Any:
        trt, config = self._trt, self._builder.create_builder_config()
        config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
        config.clear_flag(trt.BuilderFlag.TF32)  # on unless it is cleared
        for flag in self._flags(plan):
            config.set_flag(getattr(trt.BuilderFlag, flag))
        if plan.workspace_mib is not None:
            config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, plan.workspace_mib << 20)
        if plan.dla_core is not None:
            self._on_dla(config, plan)
        if dynamic := [spec.name for spec in self.inputs if -1 in spec.shape]:
            profile = self._builder.create_optimization_profile()
            for name in dynamic:
                profile.set_shape(name, *[shapes[name]] * 3)  # least, usual and most
            config.add_optimization_profile(profile)
        return config

    def _flags(self, plan: EngineRecipe) -> list[str]:
        """Return the builder flags: those of the plan, and those that the model's element types need."""
        trt, network = self._trt, self._network
        layers = [network.get_layer(place) for place in range(network.num_layers)]
        halves = any(each.num_outputs and each.get_output(0).dtype == trt.DataType.HALF for each in layers)
        flags = {
            "FP16": plan.fp16 or halves,
            "INT8": any(each.type == trt.LayerType.QUANTIZE for each in layers),
            "TF32": plan.tf32,
            "GPU_FALLBACK": plan.dla_core is not None and plan.gpu_fallback,
        }
        return [flag for flag, wanted in flags.items() if wanted]

    def _on_dla(self, config: Any, plan: EngineRecipe) -> None:
        cores = self._builder.num_DLA_cores
        if plan.dla_core not in range(cores):
            raise SessionError(
                f"there is no DLA core {plan.dla_core} here: {cores} in all", "take the runtime tensorrt"
            )
        config.default_device_type = self._trt.DeviceType.DLA
        config.DLA_core = plan.dla_core


def _parser_error(error: Any) -> str:
    """Return the parser's message, with the operator where this version names it."""
    operator = error.node_operator() if hasattr(error, "node_operator") else ""
    return f"{operator}: {error.desc()}" if operator else str(error.desc())


def _logger(trt: Any) -> Any:
    class Log(trt.ILogger):  # type: ignore[misc]
        """Collects errors and warnings, prints nothing."""

        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []
            self.warnings: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR):
                self.errors.append(message)
            elif severity == trt.ILogger.Severity.WARNING:
                self.warnings.append(message)

        def text(self) -> str:
            return " ".join(self.errors)

    return Log()
