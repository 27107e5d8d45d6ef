"""The interface between the timed loop and a runtime library: capability, adapter and session.

A capability can be read without importing the library, and says whether this machine has it.
"""

from __future__ import annotations

import importlib
import importlib.util
import platform
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.core.artifact import FORMATS, Format

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.execution import Execution, OperatorProfile
    from harness.core.quantity import Missing
    from harness.core.verdict import Finding

    from .graph_counts import Counts


Device = Literal["cpu", "gpu", "npu", "dla", "edgetpu", "any"]
Stored = Literal["fp32", "fp16", "int8", "int8-dynamic", "weight-only"]
"""How a model file stores its numbers: what a compression setting comes down to for a runtime."""

_SHOWN_VARIABLES = 4

UNTESTED = "not run on hardware"
"""Shown for a runtime whose capability is not `hardware_tested`."""


@dataclass(frozen=True)
class Support:
    """Yes, or no with the reason and what the user can do."""

    ok: bool
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Capability:
    """The facts of one runtime.

    Attributes:
        formats: File formats it takes, the preferred one first.
        modules: Import names of its library; the first one installed is used. Empty where no library is needed.
        install: The command that installs it, unless a board's descriptor names another.
        computes: What its kernels compute in, in words, by how a model is stored; it takes no other storage.
        hint: The precision that the adapter requests from the library, '' where the file decides.
        architectures: Machines as platform.machine() names them, empty for any.
        systems: Operating systems as platform.system() names them, empty for any.
        device: What it runs on.
        by_default: Whether it runs where the user names no runtime.
        profiler: Whether it times each operator.
        note: A remark for the tables of runtimes.
        flush_denormals: The options, in the library's own words, that make it take denormal numbers for zero.
        hardware_tested: False where the adapter follows its maker's documentation and was tested on imitations only.
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
    flush_denormals: Mapping[str, str] = field(default_factory=dict)
    hardware_tested: bool = True

    @property
    def module(self) -> str:
        """The first of the modules that is installed, the first of all where none is, '' where none is needed."""
        return next((name for name in self.modules if installed(name)), next(iter(self.modules), ""))

    def support(self, file_format: str) -> Support:
        """Return whether this machine can run a file of that format: checks format, machine, library, in this order."""
        if file_format not in self.formats:
            return Support(False, f"takes {' or '.join(self.formats)}, not {file_format}", self._other_format())
        if refused := self.refused_by_machine(platform.machine(), platform.system()):
            return Support(False, refused, "choose a runtime made for this machine: edgebench runtimes")
        if self.modules and not installed(self.module):
            return Support(False, f"{self.module} is not installed: {self.install}", self.install)
        return Support(True)

    def refused_by_machine(self, machine: str, system: str) -> str:
        """Return why there is no such library for a machine; '' where there is one."""
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
    """One input of a graph.

    Attributes:
        name: Its name, unique among the inputs of a session.
        shape: Its dimensions; a dynamic one is its name (str) or -1.
        dtype: Its element type, as NumPy names it.
        scale: Of a quantized input: real value = (stored - zero_point) * scale.
        zero_point: The stored value that stands for 0.
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: str
    scale: float | None = None
    zero_point: int = 0

    def encode(self, array: NDArray[Any]) -> NDArray[Any]:
        """Convert a float array to this input's type: quantized where the input has a scale, else cast.

        Raises:
            SessionError: The input takes integers without a scale, and the values are fractions.
        """
        dtype = np.dtype(self.dtype)
        if self.scale is None or dtype.kind not in "iu":
            if dtype.kind in "iu" and not np.array_equal(array, np.rint(array)):
                raise SessionError(
                    f"input '{self.name}' takes {self.dtype} and has no scale: it cannot take fractions",
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
        shapes: Full shapes of inputs with dynamic dimensions, by name.
        settings: Options of the runtime in its own words (a provider's, a delegate's), from the board's descriptor or
            the command line.
        signature: The entry point to run, of a model that has several; '' for its only or primary one.
        fixed_batch: Whether the file or the shapes fix the batch, so that it sets no dimension.
        given: Shapes of the arrays that the user gave as inputs, by name; empty where inputs are synthetic or images.
    """

    threads: int = 1
    batch: int = 1
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    signature: str = ""
    fixed_batch: bool = False
    given: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


class SessionError(Exception):
    """A model this runtime cannot run (operator, type, shape, library): the case is `unsupported`, not `crashed`."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class InputError(SessionError):
    """An input that the user can describe: by its shape with --shape, by its values with --inputs."""


class ShapeError(InputError):
    """An input whose shape is not known, or is not the one that was given: the user can say it with --shape."""


class Session(ABC):
    """A loaded model. The loop calls prepare (untimed), infer (timed), fetch (untimed).

    Attributes:
        inputs: The inputs, each with a name of its own.
    """

    inputs: tuple[TensorSpec, ...]

    @property
    def signatures(self) -> tuple[str, ...]:
        """Entry points of a model that has several where none was asked for, the one that runs first; else empty."""
        return ()

    @property
    def state(self) -> tuple[str, ...]:
        """Names of the variables that carry over from one inference to the next; empty where there are none."""
        return ()

    @abstractmethod
    def prepare(self, batch: Batch) -> None:
        """Copy a batch into the input tensors, which stay where they are for the session's life."""

    @abstractmethod
    def infer(self) -> None:
        """Run once on what was prepared; returns when the outputs are complete."""

    @abstractmethod
    def fetch(self) -> Outputs:
        """Copy the outputs of the last infer out, by name; quantized ones as the float32 they stand for.

        Their shapes may differ from one inference to the next and may be empty; `harness.runtimes.outputs` makes
        arrays of what is no tensor.
        """

    def reset_state(self) -> None:
        """Set every variable of `state` to its initial value; a model with state must override it.

        Accuracy and fidelity call it before each sample, so that no sample depends on the one before. The timed loop
        does not: there the state carries over, as in use.
        """
        if self.state:
            raise NotImplementedError(f"{type(self).__name__} has state and does not reset it")

    @abstractmethod
    def info(self) -> dict[str, Any]:
        """Facts for the record: library, version, build, threads and the options in force."""

    def execution(self) -> Execution:
        """Return what really ran, read back from the library: precision, nodes, fallbacks.

        It may open a second session, and is never called in a process whose latency or memory is measured.
        """
        from harness.core.execution import Execution
        from harness.core.quantity import Missing

        return Execution(effective=Missing("this adapter does not read it back"))

    def findings(self) -> tuple[Finding, ...]:
        """Return what a reader of the figures must know about how this model runs."""
        return (*self._signature_finding(), *self._state_finding())

    def _signature_finding(self) -> tuple[Finding, ...]:
        from harness.core.verdict import Finding

        if not self.signatures:
            return ()
        first, *others = self.signatures
        words = f"signature '{first}' is measured, not {', '.join(others)}"
        return (Finding("signatures", "warn", words, "--signature NAME, or --signature all for a case of each"),)

    def _state_finding(self) -> tuple[Finding, ...]:
        from harness.core.verdict import Finding

        if not self.state:
            return ()
        names = ", ".join(self.state[:_SHOWN_VARIABLES]) + (", ..." if len(self.state) > _SHOWN_VARIABLES else "")
        words = (
            f"the model has state ({names}): it carries over from one inference to the next in the timed loop, and is "
            "reset before each sample of accuracy and fidelity"
        )
        return (Finding("state", "warn", words, "for other sequences than single samples, score the model yourself"),)

    def counts(self) -> Counts | Missing:
        """Return parameters and MACs of the file, as the library reads it; it may open a second session."""
        from harness.core.quantity import Missing

        return Missing("this runtime has no interface to the graph of its files")

    def constants(self) -> Iterator[NDArray[np.float32]]:
        """Yield the fp32 constants of the file, one at a time; nothing where the library does not give them."""
        return iter(())

    def profile(self, n: int) -> OperatorProfile | Missing:
        """Run `n` more inferences on the prepared inputs under the library's own profiler, in a second session."""
        from harness.core.quantity import Missing

        return Missing("this runtime has no operator profiler")


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
        """Return `capability.support(file_format)`."""
        return self.capability.support(file_format)

    def signatures(self, path: Path) -> tuple[str, ...]:
        """Return the entry points of a file by name, as far as the file alone tells; empty for a format without any."""
        return ()

    def load_library(self) -> None:
        """Import the library; the worker times this apart from `open`.

        Raises:
            SessionError: A shared library, a symbol or a package of it is missing.
        """
        if self.module:
            import_library(self.module, self.capability.install)

    @abstractmethod
    def open(self, path: Path, options: Options) -> Session:
        """Load a model.

        Raises:
            SessionError: The runtime refuses it.
        """

    def probe(self) -> dict[str, Any]:
        """Import the library and return its version, build and devices.

        Raises:
            SessionError: The library cannot be used, with the reason.
        """
        self.load_library()
        return {"library": self.module, "version": version_of(self.module)}


def import_library(module: str, install: str) -> Any:
    """Import a module and return it; SessionError with what did not load and how to install it."""
    try:
        return importlib.import_module(module)
    except (ImportError, OSError, AttributeError, SystemError) as error:  # also numpy 1 extensions under numpy 2
        remedy = f"install it again: {install}"
        raise SessionError(f"{module} is installed but does not load: {error}", remedy) from error


def version_of(module: str) -> str:
    """Return the version of an imported library, from its module or its distribution; 'unknown' without either."""
    from importlib.metadata import PackageNotFoundError, version

    package = module.partition(".")[0]
    declared = getattr(sys.modules.get(package), "__version__", None)
    try:
        return str(declared or version(package.replace("_", "-")))
    except PackageNotFoundError:
        return "unknown"
