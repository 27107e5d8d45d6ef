"""What a runtime can do, readable without importing its library, and whether this machine has it."""

from __future__ import annotations

import importlib.util
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.core.artifact import FORMATS, Format

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
