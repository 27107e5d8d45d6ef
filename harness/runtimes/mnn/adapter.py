"""MNN on the CPU: .mnn files, in fp32 or with the precision that MNN calls low."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.execution import Execution, OperatorProfile
from harness.core.quantity import Missing
from harness.core.verdict import Finding
from harness.runtimes.base import (
    Adapter,
    Batch,
    Capability,
    Options,
    Outputs,
    Session,
    SessionError,
    TensorSpec,
    import_library,
    version_of,
)
from harness.runtimes.errors import Hint, capture_output, explain_error
from harness.runtimes.flatbuffer import Table
from harness.runtimes.inputs import concrete_shape

PRECISIONS = ("normal", "high", "low", "low_bf16")
POWERS = ("normal", "high", "low")
"""Both by their numbers in BackendConfig of MNN/MNNForwardType.h."""
_BACKEND, _RESIZE_STATUS, _THREADS = 2, 3, 4
"""Codes of getSessionInfo: SessionInfoCode of MNN/Interpreter.hpp."""
_BACKENDS = {0: "CPU", 13: "CPU extension"}
"""MNNForwardType; the extension is the kernels for AVX2 and beyond, or for fp16 on Armv8.2."""
_ELEMENTS = {"Float": "float32", "Double": "float64", "Int": "int32", "Int64": "int64", "Uint8": "uint8"}


_NET_OUTPUTS = 4
"""Field of the table Net (schema/default/MNN.fbs of alibaba/MNN) with the names of the outputs."""


def output_names(path: Path) -> tuple[str, ...]:
    """Return the names of the outputs that a .mnn declares; none of a damaged file."""
    try:
        data = memoryview(path.read_bytes())
        return tuple(str(name, "utf-8") for name in Table.root(data).contents(_NET_OUTPUTS))
    except ValueError:
        return ()


class Failed(Exception):
    """A call of MNN that failed; the reason is what it printed."""


class MnnSession(Session):
    """Inputs are copied in by each inference: MNN computes on in their memory, so that a second one finds none.

    Outputs come through a tensor of the host, which alone turns a quantized net's into floats.
    """

    def __init__(self, library: Any, path: Path, configuration: Mapping[str, int], options: Options) -> None:
        self._library, self._path, self._configuration, self._options = library, path, configuration, options
        self._net = library.Interpreter(str(path))
        self._session = self._net.createSession({"backend": "CPU", "numThread": options.threads, **configuration})
        tensors = self._net.getSessionInputAll(self._session)
        self.inputs = tuple(self._spec(name, tensor) for name, tensor in tensors.items())
        self._resize(tensors)
        hosts = {name: self._host(tensor) for name, tensor in tensors.items()}
        self._views = {name: host.getNumpyData() for name, host in hosts.items()}
        self._copies = [(tensor.copyFrom, hosts[name]) for name, tensor in tensors.items()]
        self._run = self._net.runSession
        self._copy_inputs()
        if code := self._run(self._session):
            raise Failed(f"runSession returned {code}")
        self._outputs = self._net.getSessionOutputAll(self._session)
        self._check_batch()

    def _spec(self, name: str, tensor: Any) -> TensorSpec:
        """Describe an input; a first dimension of 1 is taken as the batch, since the interpreter can resize any."""
        shape = tuple(size if size > 0 else -1 for size in tensor.getShape())
        if self._options.batch > 1 and shape[:1] == (1,):
            shape = (-1, *shape[1:])
        return TensorSpec(name, shape, self._dtype(tensor))

    def _dtype(self, tensor: Any) -> str:
        kinds = {getattr(self._library, f"Halide_Type_{kind}"): dtype for kind, dtype in _ELEMENTS.items()}
        dtype = kinds.get(tensor.getDataType())
        if dtype is None:
            raise SessionError("an input or output has elements that no array can hold", "convert the net with others")
        return dtype

    def _resize(self, tensors: Mapping[str, Any]) -> None:
        """Give each input its shape; Failed where the model cannot be computed with them."""
        shapes = {spec.name: concrete_shape(spec, self._options) for spec in self.inputs}
        if any(tuple(tensors[name].getShape()) != shape for name, shape in shapes.items()):
            for name, shape in shapes.items():
                self._net.resizeTensor(tensors[name], shape)
            self._net.resizeSession(self._session)
        if status := self._session_integer(_RESIZE_STATUS):
            raise Failed(f"resizeSession ended in status {status}")

    def _check_batch(self) -> None:
        """Refuse a model with a fixed batch inside, which would compute on and mix up the images."""
        wrong = [name for name, tensor in self._outputs.items() if tensor.getShape()[:1] != (self._options.batch,)]
        if self._options.batch > 1 and wrong:
            raise SessionError(
                f"output '{wrong[0]}' does not grow with the batch: the model has a fixed batch inside", "--batch 1"
            )

    def _host(self, tensor: Any) -> Any:
        """Return a host tensor like one of the session, in the plain order of its dimensions."""
        library = self._library
        order, shape = tensor.getDimensionType(), tensor.getShape()
        plain = library.Tensor_DimensionType_Caffe if order == library.Tensor_DimensionType_Caffe_C4 else order
        return library.Tensor(shape, tensor.getDataType(), np.zeros(shape, self._dtype(tensor)), plain)

    def prepare(self, batch: Batch) -> None:
        """Copy into the tensors of the host."""
        for name, array in batch.items():
            np.copyto(self._views[name], array, casting="no")

    def infer(self) -> None:
        """Copy the inputs in and run; SessionError where MNN fails, since failing is fast."""
        self._copy_inputs()
        if code := self._run(self._session):
            raise SessionError(f"runSession returned {code}")

    def _copy_inputs(self) -> None:
        for copy, host in self._copies:
            copy(host)

    def fetch(self) -> Outputs:
        """Return copies of the outputs; quantized ones as the float32 they stand for."""
        return {name: self._fetched(tensor) for name, tensor in self._outputs.items()}

    def _fetched(self, tensor: Any) -> NDArray[Any]:
        host = self._host(tensor)
        tensor.copyToHostTensor(host)
        return np.array(host.getNumpyData())

    def info(self) -> dict[str, Any]:
        """Return the version, and backend and threads as the session answers them."""
        backend = int(self._net.getSessionInfo(self._session, _BACKEND))
        return {
            "library": "MNN",
            "version": version_of("MNN"),
            "model_version": self._net.getModelVersion(),
            "threads": self._session_integer(_THREADS),
            "backend": _BACKENDS.get(backend, str(backend)),
            "options": {
                "precision": PRECISIONS[self._configuration["precision"]],
                "power": POWERS[self._configuration.get("power", 0)],
            },
        }

    def _session_integer(self, code: int) -> int:
        """Return an integer of the session, which the binding returns as the bits of a float."""
        bits: int = struct.unpack("<i", struct.pack("<f", self._net.getSessionInfo(self._session, code)))[0]
        return bits

    def findings(self) -> tuple[Finding, ...]:
        """Add the outputs of the file that a session does not compute: another operator took their place."""
        lost = [name for name in output_names(self._path) if name not in self._outputs]
        if not lost:
            return super().findings()
        words = f"MNN gives no output {', '.join(lost)}: it is within an operator that was fused"
        return (*super().findings(), Finding("outputs", "warn", words, "compare it with cases that give all outputs"))

    def execution(self) -> Execution:
        """Read back precision from the operators that ran, and from the outputs where lower precision was requested."""
        from .operators import read_execution

        return read_execution(self._net, self._session, self._copy_inputs, self._float_precision())

    def _float_precision(self) -> str:
        """Return fp32 where the outputs equal, to the bit, those of a session at precision high."""
        precision = PRECISIONS[self._configuration["precision"]]
        if not precision.startswith("low"):
            return "fp32"
        plain = MnnSession(self._library, self._path, {**self._configuration, "precision": 1}, self._options)
        seeded = np.random.default_rng(0)
        batch = {name: seeded.random(view.shape).astype(view.dtype) for name, view in self._views.items()}
        outputs = []
        for session in (self, plain):
            session.prepare(batch)
            session.infer()
            outputs.append(session.fetch())
        same = all(np.array_equal(outputs[0][name], outputs[1][name]) for name in outputs[0])
        return "fp32" if same else "bf16" if precision.endswith("bf16") else "fp16"

    def profile(self, n: int) -> OperatorProfile | Missing:
        """Profile by MNN's callbacks before and after each operator."""
        from .operators import profile

        return profile(self._net, self._session, n, self._copy_inputs)


INSTALL = "pip install MNN"
_HINTS: tuple[Hint, ...] = (
    ("Invalid|open .* error", "the file is damaged or no .mnn: convert the net again"),
    (
        "need input content",
        "its shapes follow from the input's values, which no session of MNN does: another runtime",
    ),
    ("Don't support|not support|Create execution|unsupport", f"this MNN lacks the operator: {INSTALL} -U"),
    ("Compute Shape Error|shape", "give a shape that the net takes: --shape NAME=1x3x224x224"),
)


class Mnn(Adapter):
    """MNN's interpreter; `precision` is requested by MNN's name for it."""

    def __init__(self, name: str, precision: str, capability: Capability) -> None:
        self.name = name
        self.precision = precision
        self.capability = capability

    def load_library(self) -> None:
        """Import it, and keep the greeting it prints from the terminal."""
        with capture_output():
            import_library("MNN", INSTALL)

    def open(self, path: Path, options: Options) -> MnnSession:
        """Load, give the inputs their shapes, and run once with `options.threads` threads."""
        self.load_library()
        configuration = _configuration({"precision": self.precision, **options.settings})
        with capture_output() as printed:
            try:
                return MnnSession(import_library("MNN", INSTALL), path, configuration, options)
            except SessionError:
                raise
            except Exception as error:  # the binding raises Exception itself
                raise explain_error("MNN", RuntimeError(printed() or str(error)), _HINTS) from error


def _configuration(settings: Mapping[str, str]) -> dict[str, int]:
    """Return MNN's configuration in its numbers; SessionError for an option that it does not have."""
    known = {"precision": PRECISIONS, "power": POWERS}
    for key, word in settings.items():
        if word not in known.get(key, ()):
            choice = "; ".join(f"{name}={'|'.join(words)}" for name, words in known.items())
            raise SessionError(f"MNN takes no {key}={word}", f"it takes {choice}")
    return {key: known[key].index(word) for key, word in settings.items()}


def _capability(computes: Mapping[str, str], note: str, hint: str = "", by_default: bool = True) -> Capability:
    return Capability(("mnn",), ("MNN",), INSTALL, computes, hint, by_default=by_default, profiler=True, note=note)


_WIDENED = "fp32, weights widened when loading"
_WHERE_IT_CAN = "fp16 where the CPU computes in it (Armv8.2), else fp32"

CPU = Mnn(
    "mnn",
    "high",
    _capability({"fp32": "fp32", "fp16": _WIDENED, "int8": "int8", "weight-only": _WIDENED}, "fp32 requested"),
)
LOW = Mnn(
    "mnn-low",
    "low",
    _capability(
        {"fp32": _WHERE_IT_CAN, "fp16": _WHERE_IT_CAN, "int8": "int8", "weight-only": _WHERE_IT_CAN},
        "MNN's precision low requested",
        hint="fp16",
        by_default=False,
    ),
)

PLUGINS: tuple[Adapter, ...] = (CPU, LOW)
