"""Google's Edge TPU (Coral): LiteRT with the delegate libedgetpu, on models that edgetpu_compiler has compiled."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.core.execution import Execution, OperatorProfile, effective_precision
from harness.core.quantity import Missing
from harness.core.verdict import Finding
from harness.runtimes.base import Adapter, Capability, Options, SessionError
from harness.runtimes.litert.adapter import LIBRARY, MODULES, LiteRt, LiteRtSession
from harness.runtimes.litert.counts import read_execution
from harness.runtimes.litert.hints import INSTALL

from .library import DEFAULT, NO_DEVICE, EdgeTpuLibrary, too_old
from .model import CUSTOM_OPERATOR, Net, Parameters, read

DEVICE = "device"
"""Key of `Options.settings`: 'usb', 'pci', 'usb:0' (the first on USB) or ':1' (the second of all); any where absent."""
EDGETPU, HOST = "edgetpu", "cpu"
"""Nodes that the Edge TPU runs, each a part of the net that was compiled as a whole, and those of the host."""
NOTEWORTHY = 0.01
"""Share of the parameters that may be streamed without a warning: some constants always are."""
_DEVICE = re.compile(r"(usb|pci)?(:\d+)?")
_TOO_OLD = re.compile(r"requires runtime version \((\d+)\).*this runtime version \((\d+)\)")
_UNLIKE = "in custom op handler"
_FITTING = "take a libedgetpu built for your LiteRT, or the LiteRT it was built for: docs/runtimes.md"
_DELEGATE = "DELEGATE"


class EdgeTpu(LiteRt):
    """LiteRT with libedgetpu.

    Model, library and device are checked before anything is loaded, since libedgetpu's own errors say little.
    """

    def open(self, path: Path, options: Options) -> LiteRtSession:
        """Load a compiled model.

        Raises:
            SessionError: Model, library, device or versions do not fit, with which.
        """
        net = read(path)
        _require_compiled(net, path)
        settings = {LIBRARY: DEFAULT, **options.settings}
        if not _DEVICE.fullmatch(settings.get(DEVICE, "")):
            raise SessionError(f"no Edge TPU is called '{settings[DEVICE]}'", "device=usb, pci, usb:0 or pci:0")
        EdgeTpuLibrary(settings[LIBRARY]).require(net.min_runtime)
        try:
            return super().open(path, dataclasses.replace(options, settings=settings))
        except SessionError as error:
            raise _explained(error) from error

    def session(self, library: str, interpreter: Callable[[], Any], path: Path, options: Options) -> LiteRtSession:
        """Return a session that knows what was compiled into the file."""
        return EdgeTpuSession(self, library, interpreter, path, options)

    def probe(self) -> dict[str, Any]:
        """Return library and version of the interpreter and of libedgetpu, and its devices."""
        library = EdgeTpuLibrary(DEFAULT)
        library.require(Missing("no model"))
        return {**Adapter.probe(self), **_library_facts(library)}

    def _delegation(self, module: Any, settings: Mapping[str, str]) -> dict[str, Any]:
        try:
            return super()._delegation(module, settings)
        except ValueError as error:  # libedgetpu makes no delegate, and does not say why
            wanted = f"'{settings[DEVICE]}'" if settings.get(DEVICE) else "any"
            raise SessionError(
                f"no device: libedgetpu could not open the Edge TPU requested: {wanted}", NO_DEVICE
            ) from error


class EdgeTpuSession(LiteRtSession):
    """LiteRT's session, with facts of the compiled file and of libedgetpu."""

    def info(self) -> dict[str, Any]:
        """Add where the parameters lie, the runtime version it needs, and libedgetpu's version and devices."""
        net = read(self._path)
        compiled = {"parameters": _plain(net.parameters), "min_runtime_version": _plain(net.min_runtime)}
        return {**super().info(), **compiled, **_library_facts(EdgeTpuLibrary(self._options.settings[LIBRARY]))}

    def execution(self) -> Execution:
        """Count the parts that the delegate took, and the nodes left to LiteRT's built-in kernels on the host."""
        names = Counter(node["op_name"] for node in self._interpreter._get_ops_details())
        compiled, _ = names.pop(_DELEGATE, 0), names.pop(CUSTOM_OPERATOR, 0)
        host = read_execution(self._interpreter).effective
        ran = Execution(
            effective=effective_precision(["int8"] * compiled + (host.split("+") if isinstance(host, str) else [])),
            evidence="edgetpu_compiler takes nothing but 8 bits; types of the other nodes' inputs and weights",
            nodes={EDGETPU: compiled, HOST: names.total()},
        )
        return ran.with_findings(*_fallback(names, compiled), _parameters(read(self._path).parameters))

    def profile(self, n: int) -> OperatorProfile | Missing:
        """Return Missing: a compiled part is one node."""
        return Missing("libedgetpu does not profile the operators within a compiled part")


def _require_compiled(net: Net, path: Path) -> None:
    if net.partitions:
        return
    if net.unfit:
        kinds = ", ".join(f"{n} {kind}" for kind, n in net.unfit.items())
        raise SessionError(
            f"not fully int8: tensors within the net are not of 8 bits ({kinds})",
            "quantize weights and activations (--compress int8-static-io8), then compile it: edgetpu_compiler -s FILE",
        )
    raise SessionError(
        f"not compiled for Edge TPU: {path.name} has no operator {CUSTOM_OPERATOR}",
        f"on an x86-64 Linux: edgetpu_compiler -s {shlex.quote(str(path))}, then run {path.stem}_edgetpu.tflite",
    )


def _explained(error: SessionError) -> SessionError:
    """Translate what libedgetpu says when it prepares the graph into what the user can do."""
    if match := _TOO_OLD.search(str(error)):
        return too_old(int(match[1]), int(match[2]))
    if _UNLIKE in str(error):
        return SessionError(f"libedgetpu was built for another release of TensorFlow Lite: {error}", _FITTING)
    return error


def _fallback(host: Counter[str], compiled: int) -> list[Finding]:
    if not host:
        return []
    kinds = ", ".join(f"{name} x{n}" if n > 1 else name for name, n in host.most_common())
    words = f"{host.total()} of {host.total() + compiled} nodes run on the host's CPU: {kinds}"
    remedy = "edgetpu_compiler -s says why; what follows an operator it does not take stays on the host too"
    return [Finding("fallback", "warn", words, remedy)]


def _parameters(parameters: Parameters | Missing) -> Finding:
    if isinstance(parameters, Missing):
        return Finding("parameters", "unknown", parameters.reason)
    on_chip, streamed = parameters.on_chip_bytes, parameters.streamed_bytes
    words = f"{on_chip} bytes of parameters stay on the Edge TPU, {streamed} are sent to it in every inference"
    if streamed <= NOTEWORTHY * (on_chip + streamed):
        return Finding("parameters", "ok", words)
    return Finding("parameters", "warn", words, "a smaller net, or several Edge TPUs: edgetpu_compiler --num_segments")


def _library_facts(library: EdgeTpuLibrary) -> dict[str, Any]:
    return {"delegate_version": _plain(library.version()), "devices": _plain(library.devices())}


def _plain(value: Any) -> Any:
    """Return the value as JSON takes it: a Missing as its reason."""
    return dataclasses.asdict(value) if isinstance(value, (Missing, Parameters)) else value


CORAL = EdgeTpu(
    "edgetpu",
    "the Edge TPU",
    Capability(
        formats=("tflite",),
        modules=MODULES,
        install=f"{INSTALL} && sudo apt-get install libedgetpu1-std",
        computes={"int8": "int8, once compiled by edgetpu_compiler; the rest on the host"},
        device="edgetpu",
        by_default=False,
        note="libedgetpu comes from Google's coral-edgetpu apt source",
        hardware_tested=False,
    ),
)

PLUGINS: tuple[Adapter, ...] = (CORAL,)
