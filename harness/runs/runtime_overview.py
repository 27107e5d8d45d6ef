"""Every runtime on one target: whether it is or can be installed, how, and the precision it computes in."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from harness.core import plugins
from harness.core.artifact import Format
from harness.core.target import Target
from harness.runtimes.base import Adapter, Capability
from suites.compression.base import Chain

TIMEOUT_S = 120.0
NOT_TAKEN = "not taken"
_ACCELERATORS: Mapping[str, str] = {"gpu": "a GPU", "dla": "a DLA", "edgetpu": "an Edge TPU", "npu": "an NPU"}


@dataclass(frozen=True)
class RuntimeStatus:
    """One runtime as seen from a target.

    Attributes:
        name: Name of the adapter.
        formats: Model formats it takes.
        device: Kind of device it computes on.
        by_default: Whether it is measured without being named.
        profiler: Whether it can profile operators.
        unusable: Why this target can never use it; '' where it could.
        library: Version, build and devices of the installed library; None where the target is not this machine or
            nothing is installed.
        problem: What is wrong with the installation; '' if nothing is.
        install: How to install it.
        note: What else to know.
        hardware_tested: Whether it has been tested on the hardware it is for.
        settings: For every compression setting the precision its kernels compute in, or NOT_TAKEN.
    """

    name: str
    formats: tuple[Format, ...]
    device: str
    by_default: bool
    profiler: bool
    unusable: str
    library: Mapping[str, Any] | None
    problem: str
    install: str
    note: str
    hardware_tested: bool
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether it is installed and its library can be imported."""
        return self.library is not None and not self.problem


def runtime_statuses(target: Target, here: bool) -> list[RuntimeStatus]:
    """Return the status of every runtime but the null one.

    Args:
        target: The board.
        here: Whether the target is this machine, so that installed libraries are queried.
    """
    runtimes = {name: one for name, one in plugins.load_all("runtimes").items() if name != "null"}
    libraries = query_libraries(_installed(runtimes)) if here else {}
    return [_status(runtime, target, libraries.get(name), here) for name, runtime in runtimes.items()]


def query_libraries(runtimes: Mapping[str, Adapter]) -> dict[str, Mapping[str, Any]]:
    """Return what each library reports, or that it crashed; every library is imported in a process of its own."""
    reports: dict[str, Mapping[str, Any]] = {}
    by_module = sorted(runtimes.values(), key=lambda one: one.module)
    for _, group in groupby(by_module, lambda one: one.module):
        names = [one.name for one in group]
        answers = _answers([sys.executable, "-m", "harness.runtimes.installed", *names])
        reports |= {
            name: answers.get(name, {"problem": "the library crashed or hung when it was imported"}) for name in names
        }
    return reports


def _installed(runtimes: Mapping[str, Adapter]) -> dict[str, Adapter]:
    """Return those whose library is installed and supports this machine."""
    return {name: one for name, one in runtimes.items() if one.support(one.formats[0]).ok}


def _answers(command: Sequence[str]) -> dict[str, dict[str, Any]]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return {}
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {row.pop("runtime"): row for row in rows}


def _status(runtime: Adapter, target: Target, library: Mapping[str, Any] | None, here: bool) -> RuntimeStatus:
    can, hint = runtime.capability, target.runtimes.get(runtime.name) or target.runtimes.get(runtime.module)
    support = runtime.support(runtime.formats[0])
    broken = str(library.get("problem", "")) if library else ""
    return RuntimeStatus(
        name=runtime.name,
        formats=can.formats,
        device=can.device,
        by_default=can.by_default,
        profiler=can.profiler,
        unusable=_unusable(can, target),
        library=library if library and not broken else None,
        problem=broken or ("" if support.ok or not here else support.reason),
        install=(hint.install if hint else "") or str((library or {}).get("remedy") or can.install),
        note="; ".join(filter(None, [can.note, hint.note if hint else ""])),
        hardware_tested=can.hardware_tested,
        settings=settings(can),
    )


def _unusable(can: Capability, target: Target) -> str:
    """Return why the target can never use it, by its processor and its accelerators; a generic target may have any."""
    refusals = [can.refused_by_machine(arch, "Linux") for arch in target.arch]
    if refusals and all(refusals):
        return refusals[0]
    needed = _ACCELERATORS.get(can.device)
    if needed and target.kind != "generic" and target.accelerator(can.device) is None:
        return f"needs {needed}, this board has none"
    return ""


def settings(can: Capability) -> dict[str, str]:
    """Return the precision that a runtime computes in for the file of every compression setting."""
    return {name: can.computes.get(kind, NOT_TAKEN) for name, kind in stored().items()}


def stored() -> dict[str, str]:
    """Return how the file of every compression setting stores the weights."""
    return {name: Chain.parse(name).post_training.stored for name in plugins.load_all("compression")}
