"""ncnn on the CPU: .param and .bin, one image at a time, one Extractor per inference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.execution import Execution, OperatorProfile
from harness.core.quantity import Missing
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
from harness.runtimes.inputs import concrete_shape

from . import graph
from .graph import Layer, channels_into

_DIMENSIONS = (2, 3, 4, 5)
"""Ranks of an input, with the batch of one that ncnn leaves out."""


class Failed(Exception):
    """A call of ncnn that failed; the reason is what it printed."""


def checked(code: int, call: str) -> None:
    """Raise Failed for any other code than 0."""
    if code != 0:
        raise Failed(f"{call} returned {code}")


class NcnnSession(Session):
    """Inputs are ncnn's own memory, which `prepare` fills through views; an inference is one new Extractor.

    Memory of NumPy's would not do: ncnn looks for a reference count behind it where the first layer works in place.
    """

    def __init__(self, library: Any, net: Any, layers: Sequence[Layer], options: Options) -> None:
        self._library, self._net, self._layers = library, net, layers
        self.inputs = tuple(_spec(layers, each, options) for each in layers if each.type == "Input")
        mats = {spec.name: library.Mat(concrete_shape(spec, options)[:0:-1]) for spec in self.inputs}
        self._views = {name: np.array(mat, copy=False) for name, mat in mats.items()}
        for view in self._views.values():
            view[...] = 0
        place = dict(zip(net.input_names(), net.input_indexes(), strict=True))
        self._sources = [(place[name], mat) for name, mat in mats.items()]
        self._results = [(index, library.Mat()) for index in net.output_indexes()]
        self._extractor = net.create_extractor
        for index, mat in self._results:
            checked(self._new_extractor().extract(index, mat), f"extract '{net.blobs()[index].name}'")

    def prepare(self, batch: Batch) -> None:
        """Copy into ncnn's memory."""
        for name, array in batch.items():
            np.copyto(self._views[name], array[0], casting="no")

    def infer(self) -> None:
        """Run one Extractor for all outputs; SessionError where it fails, since failing is fast."""
        extractor = self._new_extractor()
        for index, mat in self._results:
            if code := extractor.extract(index, mat):
                raise SessionError(f"extract returned {code}")

    def fetch(self) -> Outputs:
        """Return copies of the outputs, with a batch of one; an output without any value is empty."""
        return {
            name: _array(mat)[np.newaxis]
            for name, (_, mat) in zip(self._net.output_names(), self._results, strict=True)
        }

    def _new_extractor(self) -> Any:
        extractor = self._extractor()
        for index, mat in self._sources:
            extractor.input(index, mat)
        return extractor

    def info(self) -> dict[str, Any]:
        """Return version, threads, and every option of the model that is a number or a switch."""
        option = self._net.opt
        values = {name: getattr(option, name) for name in dir(option) if not name.startswith("_")}
        return {
            "library": "ncnn",
            "version": version_of("ncnn"),
            "threads": option.num_threads,
            "options": {name: value for name, value in values.items() if isinstance(value, int)},
        }

    def execution(self) -> Execution:
        """Read back precision from the blobs that the layers made."""
        from .graph import read_execution

        return read_execution(self._library, self._net, self._layers, self._new_extractor())

    def profile(self, n: int) -> OperatorProfile | Missing:
        """Profile from outside, layer by layer: the wheel is built without ncnn's own benchmark."""
        from .graph import profile

        return profile(self._library, self._net, self._layers, n, self._new_extractor)


def _array(mat: Any) -> NDArray[Any]:
    """Return a copy; ncnn leaves a detector's output without memory where nothing was found, and NumPy follows it."""
    return np.empty(0, np.float32) if mat.empty() else np.array(mat)


def _spec(layers: Sequence[Layer], layer: Layer, options: Options) -> TensorSpec:
    """Describe an input: a batch of one, then the sizes from the file or else from the user."""
    (name,) = layer.makes
    shape = (1, *layer.sizes) if layer.sizes else options.shapes.get(name, ())
    wanted = channels_into(layers, name)
    remedy = f"give it: --shape {name}=1x{wanted or 3}x224x224"
    if not shape:
        raise SessionError(f"the .param does not hold the shape of its input '{name}'", remedy)
    if len(shape) not in _DIMENSIONS or shape[0] != 1 or (wanted and shape[1] != wanted):
        raise SessionError(f"{'x'.join(map(str, shape))} is not the shape of one image for input '{name}'", remedy)
    return TensorSpec(name, shape, "float32")


INSTALL = "pip install ncnn"
_HINTS: tuple[Hint, ...] = (
    (r"layer (\S+) not exists or registered", rf"ncnn has no layer \1: {INSTALL} -U, or convert the model without it"),
    ("load_model|ModelBin", "the .bin is cut off or of another net: the two files of one conversion belong together"),
    ("load_param|parse|too old", "the .param is damaged or of another version of ncnn: convert the net again"),
)
_HALF = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic")
_BRAIN = ("use_bf16_packed", "use_bf16_storage")
"""Options of ncnn that trade precision for speed; those of fp16 are on by default."""


class Ncnn(Adapter):
    """ncnn; with `half` at its defaults, in fp16 where the CPU can, without it in fp32."""

    def __init__(self, name: str, half: bool, capability: Capability) -> None:
        self.name = name
        self.half = half
        self.capability = capability

    def open(self, path: Path, options: Options) -> NcnnSession:
        """Check the graph, load both files, and run once with `options.threads` threads."""
        library = import_library("ncnn", INSTALL)
        if options.batch != 1:
            raise SessionError(f"ncnn takes one image at a time, not a batch of {options.batch}", "--batch 1")
        if not path.with_suffix(".bin").is_file():
            raise SessionError(
                f"{path.with_suffix('.bin').name} is not beside {path.name}",
                "an ncnn model is both files: copy the .bin beside the .param",
            )
        layers = graph.read(path)
        with capture_output() as printed:
            try:
                net = self._loaded(library, path, options)
                return NcnnSession(library, net, layers, options)
            except Failed as error:
                raise explain_error("ncnn", RuntimeError(printed() or str(error)), _HINTS) from error

    def _loaded(self, library: Any, path: Path, options: Options) -> Any:
        net = library.Net()
        net.opt.num_threads = options.threads
        for name in (*_HALF, *_BRAIN):
            if hasattr(net.opt, name):
                setattr(net.opt, name, self.half and name in _HALF)
        _apply(net.opt, options.settings)
        checked(net.load_param(str(path)), "load_param")
        checked(net.load_model(str(path.with_suffix(".bin"))), "load_model")
        return net


def _apply(option: Any, settings: Mapping[str, str]) -> None:
    """Apply the user's settings, named as in ncnn's Option; SessionError for one that it does not have."""
    for name, text in settings.items():
        current = getattr(option, name, None)
        if not isinstance(current, int) or not text.isdecimal():
            raise SessionError(
                f"ncnn's Option takes no {name}={text}", "switches take 0 or 1: the record's options name them"
            )
        setattr(option, name, type(current)(int(text)))


def _capability(computes: Mapping[str, str], note: str, hint: str = "", by_default: bool = True) -> Capability:
    return Capability(
        ("ncnn",),
        ("ncnn",),
        INSTALL,
        computes,
        hint,
        by_default=by_default,
        profiler=True,
        note=f"{note}; batch 1 only",
    )


_WHERE_IT_CAN = "fp16 where the CPU computes in it (Armv8.2), else fp32"

CPU = Ncnn(
    "ncnn",
    half=False,
    capability=_capability(
        {"fp32": "fp32", "fp16": "fp32, weights widened when loading", "int8": "int8"}, "set to compute in fp32"
    ),
)
FP16 = Ncnn(
    "ncnn-fp16",
    half=True,
    capability=_capability(
        {"fp32": _WHERE_IT_CAN, "fp16": _WHERE_IT_CAN, "int8": "int8"},
        "ncnn's defaults: fp16 where the CPU has it",
        hint="fp16",
        by_default=False,
    ),
)

PLUGINS: tuple[Adapter, ...] = (CPU, FP16)
