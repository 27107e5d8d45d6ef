"""A virtual machine shares its CPUs with others it cannot see, and has no sensors."""

from __future__ import annotations

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.verdict import Finding
from harness.host import hardware
from harness.host.virtualization import container, hypervisor


def inspect(fs: HostFs) -> Finding:
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
