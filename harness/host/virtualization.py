"""Is this real hardware? Virtual machine, container, or a CPU emulated by qemu-user."""

from __future__ import annotations

import platform

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing

from . import hardware

_VENDORS = {
    "QEMU": "QEMU", "VMware": "VMware", "innotek": "VirtualBox", "Microsoft": "Hyper-V", "Xen": "Xen",
    "Amazon EC2": "Amazon EC2", "Google": "Google Compute Engine", "Parallels": "Parallels",
}  # fmt: skip


def hypervisor(fs: HostFs) -> str:
    """The hypervisor's name ('unnamed' where only the CPU flag shows it), '' on bare metal or where nothing shows."""
    xen = fs.read("/sys/hypervisor/type")
    if isinstance(xen, str) and xen:
        return xen
    cpu = hardware.cpu(fs)
    flagged = not isinstance(cpu, Missing) and cpu.hypervisor
    vendor = fs.read("/sys/class/dmi/id/sys_vendor")
    named = next((name for word, name in _VENDORS.items() if isinstance(vendor, str) and word in vendor), "")
    tree = fs.exists(f"{hardware.DEVICE_TREE}/hypervisor") or "linux,dummy-virt" in hardware.compatible(fs)
    # A Surface is a Microsoft too: on x86 the vendor's name counts only beside the CPU's flag.
    if flagged:
        return named or "unnamed"
    return "unnamed" if tree else ""


def container(fs: HostFs) -> str:
    """The container engine, '' outside of one."""
    told = fs.read("/run/systemd/container")
    if isinstance(told, str) and told:
        return told
    marks = {"/.dockerenv": "docker", "/run/.containerenv": "podman"}
    return next((engine for mark, engine in marks.items() if fs.exists(mark)), "")


def emulated(fs: HostFs) -> str:
    """What shows that this very program runs under qemu-user; '' when it runs on the CPU it was built for.

    qemu answers some files itself (/proc/self/maps, in newer versions /proc/cpuinfo), so several are asked. `fs` is
    the live machine: a recorded tree says nothing of the CPU that reads it.
    """
    here = platform.machine()
    kernel = fs.read("/proc/sys/kernel/arch")
    if isinstance(kernel, str) and not _same_arch(kernel, here):
        return f"the kernel runs on {kernel}, this program is built for {here}"
    cpu = hardware.cpu(fs)
    if not isinstance(cpu, Missing) and not _same_arch(cpu.arch, here):
        return f"/proc/cpuinfo shows {cpu.arch}, this program is built for {here}"
    for name in ("/proc/thread-self/maps", "/proc/self/maps"):
        maps = fs.read_bytes(name, 1 << 20)
        if isinstance(maps, bytes) and b"/qemu-" in maps:
            return f"the qemu interpreter is mapped in {name}"
    return ""


def _same_arch(one: str, other: str) -> bool:
    """A 32-bit program on its own 64-bit CPU is not emulated."""
    families = ({"x86_64", "i686", "i386", "amd64"}, {"aarch64", "arm64", "armv7l", "armv8l", "armv6l"})
    return one == other or any({one, other} <= family for family in families)
