"""ncnn on the CPU: .param and .bin, one image at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.runtimes.base import Adapter, Options, SessionError, import_library
from harness.runtimes.capability import Capability
from harness.runtimes.errors import Hint, capture_output, explain_error

from . import graph
from .session import Failed, NcnnSession, checked

INSTALL = "pip install ncnn"
_HINTS: tuple[Hint, ...] = (
    ("not exists or registered", f"this ncnn does not know the layer: {INSTALL} -U, or export without it"),
    ("load_model|ModelBin", "the .bin is cut off or of another net: the two files of one conversion belong together"),
    ("load_param|parse|too old", "the .param is damaged or of another version of ncnn: convert the net again"),
)
_HALF = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic")
_BRAIN = ("use_bf16_packed", "use_bf16_storage")
"""Options of ncnn that trade precision for speed; it has those of fp16 on, unless it is told otherwise."""


class Ncnn(Adapter):
    """ncnn; with `half` as it comes, in fp16 where the CPU can, without it told to compute in fp32."""

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
            raise SessionError(f"{path.with_suffix('.bin').name} is not beside {path.name}", "a net needs both files")
        layers = graph.read(path)
        with capture_output() as said:
            try:
                net = self._loaded(library, path, options)
                return NcnnSession(library, net, layers, options)
            except Failed as error:
                raise explain_error("ncnn", RuntimeError(said() or str(error)), _HINTS) from error

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
    """The user's settings, by the names that ncnn's Option has. SessionError for one that it has not."""
    for name, text in settings.items():
        now = getattr(option, name, None)
        if not isinstance(now, int) or not text.isdecimal():
            raise SessionError(
                f"ncnn's Option takes no {name}={text}", "switches take 0 or 1: the record's options name them"
            )
        setattr(option, name, type(now)(int(text)))


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
        {"fp32": "fp32", "fp16": "fp32, weights widened when loading", "int8": "int8"}, "told to compute in fp32"
    ),
)
FP16 = Ncnn(
    "ncnn-fp16",
    half=True,
    capability=_capability(
        {"fp32": _WHERE_IT_CAN, "fp16": _WHERE_IT_CAN, "int8": "int8"},
        "as ncnn comes: fp16 where the CPU has it",
        hint="fp16",
        by_default=False,
    ),
)

PLUGINS: tuple[Adapter, ...] = (CPU, FP16)
