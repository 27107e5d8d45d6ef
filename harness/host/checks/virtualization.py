"""Checks that the machine is real hardware."""

from __future__ import annotations

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.verdict import Finding
from harness.host import hardware
from harness.host.virtualization import container, emulated, hypervisor

from . import Check


def inspect_emulation(fs: HostFs) -> Finding:
    """Fail when this program runs on another CPU than it was built for, whichever board its files are read from."""
    evidence = emulated(fs if fs.live else HostFs())
    if evidence:
        return Finding("emulation", "fail", evidence, "measure on a board: these times mean nothing")
    return Finding("emulation", "ok", "none")


def inspect_virtual_machine(fs: HostFs) -> Finding:
    """Warn under a hypervisor; a container alone is told, and fine."""
    under = hypervisor(fs)
    inside = container(fs)
    told = f", in a container ({inside})" if inside else ""
    if under:
        name = "a hypervisor" if under == "unnamed" else under
        remedy = "measure on real hardware; here only ratios within one run mean something"
        return Finding("virtual_machine", "warn", f"runs under {name}{told}", remedy)
    cpu = hardware.cpu(fs)
    if isinstance(cpu, Missing):
        return Finding("virtual_machine", "unknown", cpu.reason)
    return Finding("virtual_machine", "ok", f"no hypervisor shows{told}")


PLUGINS: tuple[Check, ...] = (
    Check("emulation", inspect_emulation),
    Check("virtual_machine", inspect_virtual_machine),
)
