"""Every runtime on one target: what is installed, what could be used, what settings come down to, how to get it."""

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

    `unusable` says why this target can never use it, '' where it could. `library` is what the installed library tells
    (version, build, devices), None where the target is not this machine or nothing is installed; `problem` says what
    is wrong with the installation, `install` how to get it there. `hardware_tested` is the capability's. `settings`
    maps every compression setting to what its kernels compute in, or NOT_TAKEN.
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
        """Installed, and its library answers."""
        return self.library is not None and not self.problem


def runtime_statuses(target: Target, here: bool) -> list[RuntimeStatus]:
    """Every runtime but the null one. `here`: the target is this machine, so that installed libraries are asked."""
    runtimes = {name: one for name, one in plugins.load_all("runtimes").items() if name != "null"}
    told = ask(_installed(runtimes)) if here else {}
    return [_view(runtime, target, told.get(name), here) for name, runtime in runtimes.items()]


def ask(runtimes: Mapping[str, Adapter]) -> dict[str, Mapping[str, Any]]:
    """What each library tells, one process a library; of one that crashed that it did."""
    found: dict[str, Mapping[str, Any]] = {}
    by_module = sorted(runtimes.values(), key=lambda one: one.module)
    for _, group in groupby(by_module, lambda one: one.module):
        names = [one.name for one in group]
        answers = _answers([sys.executable, "-m", "harness.runtimes.installed", *names])
        found |= {
            name: answers.get(name, {"problem": "the library crashed or hung when it was imported"}) for name in names
        }
    return found


def _installed(runtimes: Mapping[str, Adapter]) -> dict[str, Adapter]:
    """Those whose library is found on this machine and made for it."""
    return {name: one for name, one in runtimes.items() if one.support(one.formats[0]).ok}


def _answers(command: Sequence[str]) -> dict[str, dict[str, Any]]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return {}
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {row.pop("runtime"): row for row in rows}


def _view(runtime: Adapter, target: Target, told: Mapping[str, Any] | None, here: bool) -> RuntimeStatus:
    can, hint = runtime.capability, target.runtimes.get(runtime.name) or target.runtimes.get(runtime.module)
    support = runtime.support(runtime.formats[0])
    broken = str(told.get("problem", "")) if told else ""
    return RuntimeStatus(
        name=runtime.name,
        formats=can.formats,
        device=can.device,
        by_default=can.by_default,
        profiler=can.profiler,
        unusable=_unusable(can, target),
        library=told if told and not broken else None,
        problem=broken or ("" if support.ok or not here else support.reason),
        install=(hint.install if hint else "") or str((told or {}).get("remedy") or can.install),
        note="; ".join(filter(None, [can.note, hint.note if hint else ""])),
        hardware_tested=can.hardware_tested,
        settings=settings(can),
    )


def _unusable(can: Capability, target: Target) -> str:
    """By processor, and by accelerator where the descriptor knows all of them: that of a generic machine does not."""
    refusals = [can.refused_by_machine(arch, "Linux") for arch in target.arch]
    if refusals and all(refusals):
        return refusals[0]
    needed = _ACCELERATORS.get(can.device)
    if needed and target.kind != "generic" and target.accelerator(can.device) is None:
        return f"needs {needed}, this board has none"
    return ""


def settings(can: Capability) -> dict[str, str]:
    """What every compression setting's file is computed in by a runtime."""
    return {name: can.computes.get(kind, NOT_TAKEN) for name, kind in stored().items()}


def stored() -> dict[str, str]:
    """How the file of every compression setting holds the net."""
    return {name: Chain.parse(name).post_training.stored for name in plugins.load_all("compression")}
