"""What lies between the timed loop and a runtime library: its capability, its adapter and its session.

A capability can be read without importing the library, and says whether this machine has it.
"""

from __future__ import annotations

import importlib
import importlib.util
import platform
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.core.artifact import FORMATS, Format

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.execution import Execution, OperatorProfile
    from harness.core.quantity import Missing

    from .graph_counts import Counts


Device = Literal["cpu", "gpu", "npu", "dla", "edgetpu", "any"]
Stored = Literal["fp32", "fp16", "int8", "int8-dynamic", "weight-only"]
"""How a net's file holds its numbers: what compression settings come down to for a runtime."""

UNTESTED = "not run on hardware"
"""What people read of a runtime whose capability is not `hardware_tested`."""


@dataclass(frozen=True)
class Support:
    """Yes, or no with the reason and what the user can do."""

    ok: bool
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Capability:
    """The facts of one runtime.

    `formats` it takes, the preferred one first; `modules` are import names of which any one will do, the first found
    is used, none where no library is needed; `install` is the command that brings it, unless a board's descriptor
    knows better. `computes` says, by how a net is stored, what its kernels compute in, in words; what is not in it is
    not taken. `hint` is the precision the adapter asks of the library, '' where the file decides. `architectures` as
    platform.machine() says it, empty for any. `device` is what it runs on. `by_default`: runs where the user names no
    runtime. `profiler`: tells the time of each operator. `hardware_tested` False: written to the documentation of its
    maker and tested on imitations, but not run on the device itself yet.
    """

    formats: tuple[Format, ...]
    modules: tuple[str, ...] = ()
    install: str = ""
    computes: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""
    architectures: tuple[str, ...] = ()
    systems: tuple[str, ...] = ("Linux",)
    device: Device = "cpu"
    by_default: bool = True
    profiler: bool = False
    note: str = ""
    hardware_tested: bool = True

    @property
    def module(self) -> str:
        """The first of the modules that is installed, the first of all where none is, '' where none is needed."""
        return next((name for name in self.modules if installed(name)), next(iter(self.modules), ""))

    def support(self, file_format: str) -> Support:
        """Whether this machine can be asked to run a file of that format: format, machine, library, in this order."""
        if file_format not in self.formats:
            return Support(False, f"takes {' or '.join(self.formats)}, not {file_format}", self._other_format())
        if refused := self.refused_by_machine(platform.machine(), platform.system()):
            return Support(False, refused, "choose a runtime made for this machine: edgebench runtimes")
        if self.modules and not installed(self.module):
            return Support(False, f"{self.module} is not installed: {self.install}", self.install)
        return Support(True)

    def refused_by_machine(self, machine: str, system: str) -> str:
        """Why the library does not exist for such a machine; '' where it does."""
        if self.systems and system not in self.systems:
            return f"runs on {' and '.join(self.systems)}, this is {system}"
        if self.architectures and machine not in self.architectures:
            return f"is made for {' and '.join(self.architectures)}, this is {machine}"
        return ""

    def _other_format(self) -> str:
        suffixes = [suffix for name in self.formats for suffix in FORMATS[name].suffixes[:1]]
        return f"give a {' or '.join(suffixes)} file" if suffixes else "choose another runtime: edgebench runtimes"


def installed(module: str) -> bool:
    """Whether a module can be found; it is looked up, not imported."""
    if module in sys.modules:
        return True
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # a parent package that is missing or broken
        return False


Batch = Mapping[str, NDArray[Any]]
Outputs = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class TensorSpec:
    """One input of a graph. A dynamic dimension is its name (str) or -1; `dtype` is a NumPy name.

    A quantised input has `scale`: real value = (stored - zero_point) * scale.
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: str
    scale: float | None = None
    zero_point: int = 0

    def encode(self, array: NDArray[Any]) -> NDArray[Any]:
        """A float array as this input wants it: quantised when the input is, else cast.

        SessionError where it takes integers, tells no scale, and the values are none.
        """
        dtype = np.dtype(self.dtype)
        if self.scale is None or dtype.kind not in "iu":
            if dtype.kind in "iu" and not np.array_equal(array, np.rint(array)):
                raise SessionError(
                    f"input '{self.name}' takes {self.dtype} and tells no scale: fractions cannot be fed to it",
                    "for a net that takes pixels as they are: --preprocess raw",
                )
            return array.astype(dtype, copy=False)
        limits = np.iinfo(dtype)
        steps = np.rint(array / self.scale) + self.zero_point
        stored: NDArray[Any] = np.clip(steps, limits.min, limits.max).astype(dtype)
        return stored


@dataclass(frozen=True)
class Options:
    """How a session is opened.

    Attributes:
        threads: Intra-op threads.
        batch: Samples per inference.
        shapes: Full shapes of inputs with dynamic dimensions, by input name.
        settings: Options of the runtime in its own words (a provider's, a delegate's), from the board's descriptor or
            the command line.
        fixed_batch: Whether the file or the shapes fix the batch, so that it sets no dimension.
    """

    threads: int = 1
    batch: int = 1
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    fixed_batch: bool = False


class SessionError(Exception):
    """A model this runtime cannot run (operator, type, shape, library): the case is `unsupported`, not `crashed`."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class ShapeError(SessionError):
    """An input whose shape is not known, or is not the one that was given: the user can say it with --shape."""


class Session(ABC):
    """A loaded model. The loop calls prepare (untimed), infer (timed), fetch (untimed)."""

    inputs: tuple[TensorSpec, ...]

    @abstractmethod
    def prepare(self, batch: Batch) -> None:
        """Copy a batch into the input tensors, which stay where they are for the session's life."""

    @abstractmethod
    def infer(self) -> None:
        """Run once on what was prepared; returns when the outputs are complete."""

    @abstractmethod
    def fetch(self) -> Outputs:
        """Copy the outputs of the last infer out, by name; quantised ones as the float32 they stand for."""

    @abstractmethod
    def info(self) -> dict[str, Any]:
        """Facts for the record: library, version, build, threads and the options in force."""

    def execution(self) -> Execution:
        """What really ran, read back from the library: precision, nodes, fall-backs. May open a session apart.

        Never called in a process whose latency or memory is measured.
        """
        from harness.core.execution import Execution
        from harness.core.quantity import Missing

        return Execution(effective=Missing("this adapter does not read it back"))

    def counts(self) -> Counts | Missing:
        """Parameters and MACs of the file, as the library reads it. May open a session apart, as `execution` may."""
        from harness.core.quantity import Missing

        return Missing("this runtime does not tell the graph of its files")

    def profile(self, n: int) -> OperatorProfile | Missing:
        """Run `n` times more on what was prepared, with the library's own profiler on, in a session apart."""
        from harness.core.quantity import Missing

        return Missing("this runtime tells nothing of its operators")


class Adapter(ABC):
    """A runtime library on one device, by its `name` and `capability`.

    Everything but `load_library`, `open` and `probe` works without importing the library.
    """

    name: str
    capability: Capability

    @property
    def formats(self) -> tuple[Format, ...]:
        """Formats it takes, the preferred one first."""
        return self.capability.formats

    @property
    def module(self) -> str:
        """Import name of its library, '' where it needs none."""
        return self.capability.module

    def support(self, file_format: str) -> Support:
        """By the capability: format, machine, library installed."""
        return self.capability.support(file_format)

    def load_library(self) -> None:
        """Import the library; the worker times this apart from `open`.

        SessionError when a shared library, a symbol or a package of it is missing.
        """
        if self.module:
            import_library(self.module, self.capability.install)

    @abstractmethod
    def open(self, path: Path, options: Options) -> Session:
        """Load a model. Raises SessionError when the runtime refuses it."""

    def probe(self) -> dict[str, Any]:
        """Import the library and say what it is: version, build, devices. SessionError: not usable, and why."""
        self.load_library()
        return {"library": self.module, "version": version_of(self.module)}


def import_library(module: str, install: str) -> Any:
    """The module, imported; SessionError that says what did not load and how to install it."""
    try:
        return importlib.import_module(module)
    except (ImportError, OSError, AttributeError, SystemError) as error:  # also numpy 1 extensions under numpy 2
        remedy = f"install it again: {install}"
        raise SessionError(f"{module} is installed but does not load: {error}", remedy) from error


def version_of(module: str) -> str:
    """Version of a library that is imported, by itself or by its distribution; 'unknown' where neither tells."""
    from importlib.metadata import PackageNotFoundError, version

    package = module.partition(".")[0]
    told = getattr(sys.modules.get(package), "__version__", None)
    try:
        return str(told or version(package.replace("_", "-")))
    except PackageNotFoundError:
        return "unknown"
