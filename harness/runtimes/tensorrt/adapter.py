"""TensorRT on NVIDIA's GPUs and DLAs: an engine built from an .onnx, or one that was built before.

Not yet run on hardware: written to NVIDIA's documentation and tested against a recorded imitation of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.runtimes.base import Adapter, Capability, Device, Options
from harness.runtimes.errors import Hint, explain_error

from .cuda import Cuda
from .library import Library
from .plan import EngineRecipe
from .session import REBUILD, TensorRtSession

INSTALL = "pip install 'tensorrt<11'"
_HINTS: tuple[Hint, ...] = (
    ("incompatible device|expecting compute|different models of devices", REBUILD),
    ("version of TensorRT|version tag|library version|serializationVersion", REBUILD),
    ("magic ?tag|deserializ|corrupt", "the file is no engine, or damaged: give the .onnx"),
    ("out of ?memory|insufficient memory", "close other programs, or set workspace_mib lower"),
    ("any implementation|no implementation", "set workspace_mib higher, or fp16=1; on a DLA gpu_fallback=1"),
    ("DLA", "the DLA refuses a layer: gpu_fallback=1, or the runtime tensorrt"),
    ("CUDA init|CUDA driver|no CUDA", "driver and CUDA do not fit: take both from one JetPack"),
)


class TensorRt(Adapter):
    """One device under one set of options; those of the user come last."""

    def __init__(self, name: str, capability: Capability, settings: Mapping[str, str]) -> None:
        self.name = name
        self.capability = capability
        self._settings = settings

    def open(self, path: Path, options: Options) -> TensorRtSession:
        """Open the engine, built before or now."""
        self.load_library()
        plan = EngineRecipe.of({**self._settings, **options.settings})
        try:
            return TensorRtSession(path, plan, options)
        except Exception as error:  # the binding raises RuntimeError, TypeError and its own
            raise explain_error("tensorrt", error, _HINTS) from error

    def probe(self) -> dict[str, Any]:
        """Versions of TensorRT and CUDA, and the GPU. SessionError: not usable, and why."""
        self.load_library()
        gpu = Cuda().gpu()
        facts = {"device": gpu.name, "compute_capability": gpu.capability, "cuda": gpu.runtime, "driver": gpu.driver}
        return {"library": "tensorrt", "version": Library().version, **facts}


def _capability(unit: Device, hint: str, computes: Mapping[str, str], by_default: bool = False) -> Capability:
    return Capability(
        formats=("onnx", "tensorrt"),
        modules=("tensorrt",),
        install=INSTALL,
        computes=computes,
        hint=hint,
        architectures=("x86_64", "aarch64"),
        device=unit,
        by_default=by_default,
        profiler=True,
        note="on a Jetson it comes with JetPack; builds an engine when it first opens a net",
        hardware_tested=False,
    )


_FLOAT = {"fp32": "fp32", "fp16": "fp16"}
_HALF = {"fp32": "fp16 where that is faster", "fp16": "fp16"}

GPU = TensorRt("tensorrt", _capability("gpu", "", {**_FLOAT, "int8": "int8, the rest fp32"}, by_default=True), {})
GPU_FP16 = TensorRt(
    "tensorrt-fp16", _capability("gpu", "fp16", {**_HALF, "int8": "int8, the rest fp16"}), {"fp16": "1"}
)
DLA = TensorRt(
    "tensorrt-dla",
    _capability("dla", "fp16", {"fp32": "fp16", "fp16": "fp16", "int8": "int8 where the DLA takes it, the rest fp16"}),
    {"fp16": "1", "dla_core": "0"},
)

PLUGINS: tuple[Adapter, ...] = (GPU, GPU_FP16, DLA)
