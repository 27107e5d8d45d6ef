"""MNN on the CPU: .mnn files, in fp32 or with the precision that MNN calls low."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.runtimes.base import Adapter, Options, SessionError, import_library
from harness.runtimes.capability import Capability
from harness.runtimes.errors import Hint, capture_output, explain_error

from .session import POWERS, PRECISIONS, MnnSession

INSTALL = "pip install MNN"
_HINTS: tuple[Hint, ...] = (
    ("Invalid|open .* error", "the file is damaged or no .mnn: convert the net again"),
    ("Don't support|not support|Create execution|unsupport", f"this MNN lacks the operator: {INSTALL} -U"),
    ("Compute Shape Error|shape", "give a shape that the net takes: --shape NAME=1x3x224x224"),
)


class Mnn(Adapter):
    """MNN's interpreter; `precision` is what it is asked for, by MNN's name."""

    def __init__(self, name: str, precision: str, capability: Capability) -> None:
        self.name = name
        self.precision = precision
        self.capability = capability

    def load_library(self) -> None:
        """Import it; it greets on standard output, which is the terminal's."""
        with capture_output():
            import_library("MNN", INSTALL)

    def open(self, path: Path, options: Options) -> MnnSession:
        """Load, give the inputs their shapes, and run once with `options.threads` threads."""
        self.load_library()
        asked = _asked({"precision": self.precision, **options.settings})
        with capture_output() as said:
            try:
                return MnnSession(import_library("MNN", INSTALL), path, asked, options)
            except SessionError:
                raise
            except Exception as error:  # the binding raises Exception itself
                raise explain_error("MNN", RuntimeError(said() or str(error)), _HINTS) from error


def _asked(settings: Mapping[str, str]) -> dict[str, int]:
    """MNN's configuration in its numbers. SessionError for what it does not have."""
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
    _capability({"fp32": "fp32", "fp16": _WIDENED, "int8": "int8", "weight-only": _WIDENED}, "asked for fp32"),
)
LOW = Mnn(
    "mnn-low",
    "low",
    _capability(
        {"fp32": _WHERE_IT_CAN, "fp16": _WHERE_IT_CAN, "int8": "int8", "weight-only": _WHERE_IT_CAN},
        "asked for MNN's precision low",
        hint="fp16",
        by_default=False,
    ),
)

PLUGINS: tuple[Adapter, ...] = (CPU, LOW)
