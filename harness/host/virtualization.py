"""Whether this is real hardware: detect virtual machines, containers and CPUs emulated by qemu-user.

On x86 the CPU itself shows a hypervisor by a flag. Elsewhere it does not: firmware tables, the device tree and the
kernel's name do. Where none of them shows hardware or a guest, it is not known. Docs: docs/boards.md.
"""

from __future__ import annotations

import platform
import re

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing

from . import hardware

_VENDORS = {
    "QEMU": "QEMU", "VMware": "VMware", "innotek": "VirtualBox", "Microsoft": "Hyper-V", "Xen": "Xen",
    "Amazon EC2": "Amazon EC2", "Google": "Google Compute Engine", "Parallels": "Parallels",
}  # fmt: skip
"""By words in the vendor's name by DMI. Some sell hardware too, so that the CPU's flag must show a guest."""

_GUESTS = (
    (r"QEMU\|.*", "QEMU"),
    (r"VMware.*", "VMware"),
    (r"innotek.*|.*\|VirtualBox.*", "VirtualBox"),
    (r"Microsoft Corporation\|Virtual Machine.*", "Hyper-V"),
    (r"Xen\|.*|.*\|HVM domU", "Xen"),
    (r"Amazon EC2\|.*", "Amazon EC2"),
    (r".*\|Google Compute Engine.*", "Google Compute Engine"),
    (r"Parallels.*", "Parallels"),
    (r".*\|Apple Virtualization.*", "Apple Virtualization"),
    (r"(Alibaba|Tencent|Huawei) Cloud\|.*", "a cloud's hypervisor"),
    (r"(Hetzner|DigitalOcean|Linode|Akamai|Vultr|UpCloud|Scaleway|OVH.*|Oracle Cloud.*)\|.*", "a cloud's hypervisor"),
    (r"(OpenStack|KubeVirt|Nutanix|oVirt|Red Hat|BHYVE|Bochs|crosvm|Cloud Hypervisor).*", "a hypervisor"),
    (r".*\|(KVM|KubeVirt|OpenStack|RHEV|oVirt|BHYVE|Bochs|AHV|crosvm|Cloud Hypervisor).*", "a hypervisor"),
)
"""Names of hypervisors by 'vendor|product' of DMI, which no hardware has; 'metal' in the product excludes them."""

_KERNELS = {"microsoft-standard": "WSL2", "Microsoft": "WSL1", "linuxkit": "Docker Desktop", "orbstack": "OrbStack"}
"""By words in the kernel's release, where there is neither DMI nor a device tree."""

_GUEST_TOKENS = re.compile(r"linux,dummy-virt|riscv-virtio|qemu,.*|xen,.*|linux,usermode-linux|google,crosvm.*")
"""Tokens of the device tree's root 'compatible' in guests."""

_HYPERVISOR_NODES = {"linux,kvm": "KVM", "xen,xen": "Xen", "vmware": "VMware"}

_HARDWARE_CHASSIS = {"3", "4", "5", "6", "7", "8", "9", "10", "13", "14", "15", "17", "23", "24", "28", "29"} | {
    "30", "31", "32", "33", "34", "35", "36",
}  # fmt: skip
"""Types of chassis by SMBIOS, desktop to stick PC; guests have 1 ('other') or 2 ('unknown')."""


def hypervisor(fs: HostFs) -> str | Missing:
    """Return the hypervisor's name, 'unnamed' where it gives none, '' on hardware; Missing where nothing decides."""
    xen = fs.read("/sys/hypervisor/type")
    if isinstance(xen, str) and xen:
        return xen
    guest = _by_cpu_flag(fs) or _by_kernel(fs) or _by_dmi(fs) or _by_device_tree(fs)
    return guest or _shown_hardware(fs)


def _by_cpu_flag(fs: HostFs) -> str:
    cpu, vendor = hardware.cpu(fs), fs.read("/sys/class/dmi/id/sys_vendor")
    if isinstance(cpu, Missing) or not cpu.hypervisor:
        return ""
    return next((name for word, name in _VENDORS.items() if isinstance(vendor, str) and word in vendor), "unnamed")


def _by_kernel(fs: HostFs) -> str:
    release = fs.read("/proc/sys/kernel/osrelease")
    return next((name for word, name in _KERNELS.items() if isinstance(release, str) and word in release), "")


def _by_dmi(fs: HostFs) -> str:
    vendor, product = _dmi(fs)
    if "metal" in product.lower():
        return ""
    return next((name for pattern, name in _GUESTS if re.fullmatch(pattern, f"{vendor}|{product}")), "")


def _dmi(fs: HostFs) -> tuple[str, str]:
    texts = [fs.read(f"/sys/class/dmi/id/{name}") for name in ("sys_vendor", "product_name")]
    vendor, product = (text if isinstance(text, str) else "" for text in texts)
    return vendor, product


def _by_device_tree(fs: HostFs) -> str:
    node = f"{hardware.DEVICE_TREE}/hypervisor"
    if fs.exists(node):
        text = fs.read(f"{node}/compatible")
        token = text.split("\0")[0] if isinstance(text, str) else ""
        return next((name for start, name in _HYPERVISOR_NODES.items() if token.startswith(start)), token or "unnamed")
    if next(fs.glob(f"{hardware.DEVICE_TREE}/fw-cfg@*"), None):
        return "QEMU"
    return "unnamed" if any(map(_GUEST_TOKENS.fullmatch, hardware.compatible(fs))) else ""


def _shown_hardware(fs: HostFs) -> str | Missing:
    """Return '' where something shows hardware: an x86 CPU without the flag, a board's device tree, a chassis."""
    cpu, (vendor, product) = hardware.cpu(fs), _dmi(fs)
    if not isinstance(cpu, Missing) and cpu.arch in {"x86_64", "i686"}:
        return ""
    if hardware.compatible(fs) or "metal" in product.lower():
        return ""
    if fs.read("/sys/class/dmi/id/chassis_type") in _HARDWARE_CHASSIS:
        return ""
    if fs.exists("/sys/class/misc/kvm"):  # a guest of Arm or RISC-V cannot have guests of its own
        return ""
    name = f"DMI names '{vendor} {product}', which is no hypervisor known here" if vendor or product else "no DMI"
    shown = cpu.reason if isinstance(cpu, Missing) else f"a CPU of {cpu.arch or 'this kind'} does not show a hypervisor"
    return Missing(f"{shown}; {name}; no device tree of a board")


def container(fs: HostFs) -> str:
    """Return the name of the container engine, '' outside of a container."""
    engine = fs.read("/run/systemd/container")
    if isinstance(engine, str) and engine:
        return engine
    marker_files = {"/.dockerenv": "docker", "/run/.containerenv": "podman"}
    return next((engine for name, engine in marker_files.items() if fs.exists(name)), "")


def emulated(fs: HostFs) -> str | Missing:
    """Return the evidence that this program runs under an emulator; '' when it runs on the CPU it was built for.

    Several files are read, since qemu makes up some of them (/proc/self/maps, in newer versions /proc/cpuinfo). Where
    none shows the CPU, it is Missing.

    Args:
        fs: The live machine; a recorded tree does not show which CPU reads it.
    """
    own_arch = platform.machine()
    kernel = fs.read("/proc/sys/kernel/arch")
    if isinstance(kernel, str) and not _same_arch(kernel, own_arch):
        return f"the kernel runs on {kernel}, this program is built for {own_arch}"
    cpu = hardware.cpu(fs)
    arch = "" if isinstance(cpu, Missing) else cpu.arch
    if arch and not _same_arch(arch, own_arch):
        return f"/proc/cpuinfo shows {arch}, this program is built for {own_arch}"
    maps = {name: fs.read_bytes(name, 1 << 20) for name in ("/proc/thread-self/maps", "/proc/self/maps")}
    for name, text in maps.items():
        emulator = next((e for e in _EMULATORS if isinstance(text, bytes) and f"/{e}".encode() in text), "")
        if emulator:
            return f"the {emulator.rstrip('-')} interpreter is mapped in {name}"
    if isinstance(kernel, str) or (arch and any(isinstance(text, bytes) for text in maps.values())):
        return ""
    return Missing("neither /proc/sys/kernel/arch nor /proc/cpuinfo with /proc/self/maps shows the CPU")


_EMULATORS = ("qemu-", "rosetta", "FEXInterpreter", "box64")
"""By the beginning of the program's name."""


def _same_arch(first: str, second: str) -> bool:
    """Return whether both are of one family: a 32-bit program on a 64-bit CPU is not emulated."""
    families = ({"x86_64", "i686", "i386", "amd64"}, {"aarch64", "arm64", "armv7l", "armv8l", "armv6l"})
    return first == second or any({first, second} <= family for family in families)
