"""OpenVINO on its devices. The precision is always requested, since by default a CPU with bf16 computes in it.

Properties and their values: docs.openvino.ai, 'Inference devices and modes'.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.artifact import files_of
from harness.runtimes.base import Adapter, Capability, Device, Options, SessionError
from harness.runtimes.errors import Hint, explain_error

from .session import MODE, PRECISION, STREAMS, THREADS, OpenVinoSession, short_version

if TYPE_CHECKING:
    import openvino as ov

_HINTS: tuple[Hint, ...] = (
    ("value_info type", "an input or output is no tensor: take onnxruntime-cpu, or export it (sklearn: zipmap=False)"),
    (
        r"No conversion rule found for operations: ([\w.-]+)",
        r"OpenVINO has no translation of the operator \1: export the model without it, or take another runtime",
    ),
    ("No conversion rule|not support|not implemented", "replace the operator, or try another runtime"),
    ("weights file|\\.bin", "an .xml needs its .bin beside it: copy both, or convert the net again"),
    ("ir version|Unsupported IR|opset", "written by a newer OpenVINO: pip install -U openvino"),
    ("parse|protobuf|onnx|Unable to read the model|empty", "the file is damaged or of another kind: export it again"),
    ("Option not found|property", "the option is not one of this device: see --runtime-option"),
)
_KERNELS = {
    "fp32": "fp32, as requested: the default is bf16 where the CPU has it",
    "fp16": "fp32: fp16 is storage",
    "int8": "int8",
    "int8-dynamic": "fp32",
    "weight-only": "fp32, weights dequantized",
}


class OpenVino(Adapter):
    """One device under one precision (in OpenVINO's words) and one performance hint."""

    def __init__(self, name: str, device: str, precision: str, capability: Capability, mode: str = "LATENCY") -> None:
        self.name = name
        self.device = device
        self.precision = precision
        self.mode = mode
        self.capability = capability

    def open(self, path: Path, options: Options) -> OpenVinoSession:
        """Read a model, give dynamic dimensions their sizes, and compile with `options.threads` threads."""
        self.load_library()
        import openvino as ov

        core = ov.Core()
        if self.device not in core.available_devices:
            raise self._no_device(core)
        try:
            with _without_links(path) as whole:
                return OpenVinoSession(core, core.read_model(whole), self.device, self.properties(options), options)
        except Exception as error:  # RuntimeError and openvino's own, which share no base
            raise explain_error("openvino", error, _HINTS) from error

    def properties(self, options: Options) -> dict[str, Any]:
        """Return the properties to request from the device, overridden by the user's."""
        threads = {THREADS: options.threads} if self.device == "CPU" else {}
        streams = {STREAMS: 1} if self.mode == "LATENCY" else {}
        return {PRECISION: self.precision, MODE: self.mode, **threads, **streams, **options.settings}

    def _no_device(self, core: ov.Core) -> SessionError:
        return SessionError(
            f"OpenVINO sees no {self.device} here, only {', '.join(core.available_devices)}",
            f"{self.capability.note}; let your user into the group render",
        )

    def probe(self) -> dict[str, Any]:
        """Return version and devices; SessionError where the device of this runtime is absent."""
        self.load_library()
        import openvino as ov

        core = ov.Core()
        devices = {name: core.get_property(name, "FULL_DEVICE_NAME") for name in core.available_devices}
        if self.device not in devices:
            raise self._no_device(core)
        types = core.get_property(self.device, "OPTIMIZATION_CAPABILITIES")
        return {"library": "openvino", "version": short_version(), "devices": devices, "optimised_for": sorted(types)}


def _capability(device: Device, hint: str, by_default: bool = False, note: str = "") -> Capability:
    floats = f"{hint}, or what the device has for it"
    computes = _KERNELS if hint == "fp32" else {**dict.fromkeys(_KERNELS, floats), "int8": f"int8, the rest {hint}"}
    return Capability(
        formats=("openvino", "onnx"),
        modules=("openvino",),
        install="pip install openvino",
        computes=computes,
        hint=hint,
        architectures=("x86_64", "aarch64", "arm64"),
        device=device,
        by_default=by_default,
        profiler=True,
        note=note,
        hardware_tested=device == "cpu",
        flush_denormals={"CPU_DENORMALS_OPTIMIZATION": "YES"} if device == "cpu" else {},
    )


_GPU_NOTE = "needs Intel's graphics: apt install intel-opencl-icd"
_NPU_NOTE = "needs an Intel Core Ultra and its NPU driver"

CPU = OpenVino("openvino-cpu", "CPU", "f32", _capability("cpu", "fp32", by_default=True))
CPU_BF16 = OpenVino("openvino-cpu-bf16", "CPU", "bf16", _capability("cpu", "bf16"))
CPU_FP16 = OpenVino("openvino-cpu-fp16", "CPU", "f16", _capability("cpu", "fp16"))
CPU_THROUGHPUT = OpenVino(
    "openvino-cpu-throughput", "CPU", "f32", _capability("cpu", "fp32", note="for the scenario Offline"), "THROUGHPUT"
)
GPU = OpenVino("openvino-gpu", "GPU", "f16", _capability("gpu", "fp16", note=_GPU_NOTE))
NPU = OpenVino("openvino-npu", "NPU", "f16", _capability("npu", "fp16", note=_NPU_NOTE))


@contextmanager
def _without_links(path: Path) -> Iterator[Path]:
    """Yield the model as plain files: OpenVINO refuses weights behind a link that leads out of the model's folder.

    The caches of huggingface_hub are made of such links. They are replaced by hard links in a temporary folder, or by
    copies where that is on another file system; the load time then includes the copying.
    """
    files = files_of(path)
    if path.is_dir() or len(files) == 1 or not any(file.is_symlink() for file in files):
        yield path
        return
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory(prefix="edgebench-") as folder:
        for file in files:
            plain = Path(folder, os.path.relpath(file, path.parent))
            plain.parent.mkdir(parents=True, exist_ok=True)
            try:
                plain.hardlink_to(file.resolve())
            except OSError:
                shutil.copyfile(file, plain)
        yield Path(folder, path.name)


PLUGINS: tuple[Adapter, ...] = (CPU, CPU_BF16, CPU_FP16, CPU_THROUGHPUT, GPU, NPU)
