"""Whether this is real hardware: detect virtual machines, containers and CPUs emulated by qemu-user."""

from __future__ import annotations

import platform

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing

from . import hardware

_HYPERVISOR_VENDORS = {
    "QEMU": "QEMU", "VMware": "VMware", "innotek": "VirtualBox", "Microsoft": "Hyper-V", "Xen": "Xen",
    "Amazon EC2": "Amazon EC2", "Google": "Google Compute Engine", "Parallels": "Parallels",
}  # fmt: skip


def hypervisor(fs: HostFs) -> str:
    """Return the hypervisor's name, 'unnamed' where it gives none, '' on bare metal or where nothing shows one."""
    xen = fs.read("/sys/hypervisor/type")
    if isinstance(xen, str) and xen:
        return xen
    cpu = hardware.cpu(fs)
    vendor = fs.read("/sys/class/dmi/id/sys_vendor")
    name = next((name for word, name in _HYPERVISOR_VENDORS.items() if isinstance(vendor, str) and word in vendor), "")
    # Surface laptops have the vendor Microsoft too: on x86 the vendor counts only together with the CPU's flag.
    if not isinstance(cpu, Missing) and cpu.hypervisor:
        return name or "unnamed"
    in_device_tree = fs.exists(f"{hardware.DEVICE_TREE}/hypervisor") or "linux,dummy-virt" in hardware.compatible(fs)
    return "unnamed" if in_device_tree else ""


def container(fs: HostFs) -> str:
    """Return the name of the container engine, '' outside of a container."""
    engine = fs.read("/run/systemd/container")
    if isinstance(engine, str) and engine:
        return engine
    marker_files = {"/.dockerenv": "docker", "/run/.containerenv": "podman"}
    return next((engine for name, engine in marker_files.items() if fs.exists(name)), "")


def emulated(fs: HostFs) -> str:
    """Return the evidence that this program runs under qemu-user; '' when it runs on the CPU it was built for.

    Several files are read, since qemu makes up some of them (/proc/self/maps, in newer versions /proc/cpuinfo).

    Args:
        fs: The live machine; a recorded tree does not show which CPU reads it.
    """
    own_arch = platform.machine()
    kernel = fs.read("/proc/sys/kernel/arch")
    if isinstance(kernel, str) and not _same_arch(kernel, own_arch):
        return f"the kernel runs on {kernel}, this program is built for {own_arch}"
    cpu = hardware.cpu(fs)
    if not isinstance(cpu, Missing) and not _same_arch(cpu.arch, own_arch):
        return f"/proc/cpuinfo shows {cpu.arch}, this program is built for {own_arch}"
    for name in ("/proc/thread-self/maps", "/proc/self/maps"):
        maps = fs.read_bytes(name, 1 << 20)
        if isinstance(maps, bytes) and b"/qemu-" in maps:
            return f"the qemu interpreter is mapped in {name}"
    return ""


def _same_arch(first: str, second: str) -> bool:
    """Return whether both are of one family: a 32-bit program on a 64-bit CPU is not emulated."""
    families = ({"x86_64", "i686", "i386", "amd64"}, {"aarch64", "arm64", "armv7l", "armv8l", "armv6l"})
    return first == second or any({first, second} <= family for family in families)
