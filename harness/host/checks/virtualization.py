"""Is the CPU real? Emulated CPUs give meaningless times, virtual machines share their CPUs with others."""

from __future__ import annotations

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.verdict import Finding
from harness.host.virtualization import container, emulated, hypervisor

from . import Check


def inspect_emulation(fs: HostFs) -> Finding:
    """Fail when this program runs under an emulator such as qemu-user.

    The emulation is that of the live machine, whichever board `fs` is a recording of.
    """
    evidence = emulated(fs if fs.live else HostFs())
    if isinstance(evidence, Missing):
        return Finding("emulation", "unknown", evidence.reason)
    if evidence:
        return Finding("emulation", "fail", evidence, "measure on a board: these times mean nothing")
    return Finding("emulation", "ok", "none")


def inspect_virtual_machine(fs: HostFs) -> Finding:
    """Warn under a hypervisor: other guests use the same CPUs unseen, and there are no sensors. Record a container."""
    name = hypervisor(fs)
    engine = container(fs)
    inside = f", in a container ({engine})" if engine else ""
    if isinstance(name, Missing):
        return Finding("virtual_machine", "unknown", name.reason + inside)
    if name:
        remedy = "measure on real hardware; here only ratios within one run mean something"
        found = f"runs under {'a hypervisor' if name == 'unnamed' else name}{inside}"
        return Finding("virtual_machine", "warn", found, remedy)
    return Finding("virtual_machine", "ok", f"no hypervisor detected{inside}")


PLUGINS: tuple[Check, ...] = (
    Check("emulation", inspect_emulation),
    Check("virtual_machine", inspect_virtual_machine),
)
