"""What shows a guest, hardware and an emulated CPU, and what shows neither."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.host.checks.virtualization import inspect_virtual_machine
from harness.host.virtualization import emulated, hypervisor
from tests import trees


class _Live(HostFs):
    """A tree that stands for this very machine."""

    @property
    def live(self) -> bool:
        return True


ARM = {
    "proc/cpuinfo": "processor : 0\nFeatures : asimd\nCPU implementer : 0x41\nCPU architecture: 8\nCPU part : 0xd0b\n"
}
MAPS = {"proc/self/maps": "7f00 r-xp /usr/bin/python3.11"}
RISCV = {"proc/cpuinfo": "processor : 0\nhart : 1\nisa : rv64imafdc\n"}
X86 = {"proc/cpuinfo": "processor : 0\nflags : lm\n"}


@pytest.mark.parametrize(
    ("machine", "files", "expected"),
    [
        ("aarch64", {**ARM, **MAPS}, ""),
        ("armv7l", {**ARM, **MAPS}, ""),
        ("x86_64", {**X86, **MAPS}, ""),
        ("x86_64", {"proc/sys/kernel/arch": "x86_64"}, ""),
        ("riscv64", {**RISCV, **MAPS}, ""),
        ("x86_64", RISCV, "/proc/cpuinfo shows riscv64"),
        ("aarch64", X86, "/proc/cpuinfo shows x86_64"),
        ("aarch64", {**ARM, "proc/sys/kernel/arch": "x86_64"}, "the kernel runs on x86_64"),
        ("aarch64", {**ARM, "proc/thread-self/maps": "7f00 r-xp /usr/bin/qemu-aarch64-static"}, "qemu interpreter"),
        ("x86_64", {**X86, "proc/self/maps": "7f00 r-xp /run/rosetta/rosetta"}, "rosetta interpreter"),
        ("x86_64", {**X86, "proc/self/maps": "7f00 r-xp /usr/bin/FEXInterpreter"}, "FEXInterpreter"),
    ],
)
def test_emulation_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str, files: dict[str, str], expected: str
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)

    evidence = emulated(_Live(trees.write(tmp_path, files)))

    assert isinstance(evidence, str)
    assert expected in evidence
    assert bool(evidence) == bool(expected)


@pytest.mark.parametrize("files", [{}, ARM, MAPS, {"proc/cpuinfo": "processor : 0\n", **MAPS}])
def test_a_machine_that_does_not_show_its_cpu_may_be_emulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")

    assert isinstance(emulated(_Live(trees.write(tmp_path, files))), Missing)


def dmi(vendor: str, product: str, chassis: str = "1") -> trees.Tree:
    files: trees.Tree = {"sys_vendor": vendor, "product_name": product, "chassis_type": chassis}
    return {**ARM, **trees.below("sys/class/dmi/id", files)}


DT = "proc/device-tree"
FLAG = {"proc/cpuinfo": "processor : 0\nflags : lm hypervisor\n"}
RELEASE = "proc/sys/kernel/osrelease"

GUESTS: list[tuple[str, trees.Tree, str]] = [
    ("the CPU's flag", FLAG, "unnamed"),
    ("the CPU's flag and a vendor", {**FLAG, "sys/class/dmi/id/sys_vendor": "QEMU"}, "QEMU"),
    ("Xen's own file", {**X86, "sys/hypervisor/type": "xen"}, "xen"),
    ("Graviton", dmi("Amazon EC2", "c7g.xlarge"), "Amazon EC2"),
    ("Cobalt", dmi("Microsoft Corporation", "Virtual Machine", "3"), "Hyper-V"),
    ("QEMU with UEFI", dmi("QEMU", "KVM Virtual Machine"), "QEMU"),
    ("Apple", dmi("Apple Inc.", "Apple Virtualization Generic Platform"), "Apple Virtualization"),
    ("VMware Fusion", dmi("VMware, Inc.", "VMware20,1"), "VMware"),
    ("Parallels", dmi("Parallels International GmbH.", "Parallels ARM Virtual Machine"), "Parallels"),
    ("Google", dmi("Google", "Google Compute Engine"), "Google Compute Engine"),
    ("Hetzner", dmi("Hetzner", "vServer"), "a cloud's hypervisor"),
    ("OpenStack", dmi("OpenStack Foundation", "OpenStack Nova"), "a hypervisor"),
    ("x86 that hides its flag", {**dmi("QEMU", "Standard PC (Q35 + ICH9, 2009)"), **X86}, "QEMU"),
    ("a node of KVM", {**ARM, f"{DT}/hypervisor/compatible": b"linux,kvm\0"}, "KVM"),
    ("a node of Xen", {**ARM, f"{DT}/hypervisor/compatible": b"xen,xen-4.17\0xen,xen\0"}, "Xen"),
    ("a node without a name", {**ARM, f"{DT}/hypervisor/reg": b"\0"}, "unnamed"),
    ("QEMU's virt", {**ARM, **trees.device_tree("linux,dummy-virt", "linux,dummy-virt")}, "unnamed"),
    ("QEMU's virt on RISC-V", {**RISCV, **trees.device_tree("riscv-virtio,qemu", "riscv-virtio")}, "unnamed"),
    ("QEMU's configuration device", {**ARM, f"{DT}/fw-cfg@9020000/compatible": b"qemu,fw-cfg-mmio\0"}, "QEMU"),
    ("WSL2 on Arm", {**ARM, RELEASE: "5.15.167.4-microsoft-standard-WSL2"}, "WSL2"),
    ("WSL1", {**ARM, RELEASE: "4.4.0-19041-Microsoft"}, "WSL1"),
    ("Docker Desktop", {**ARM, RELEASE: "6.6.31-linuxkit"}, "Docker Desktop"),
]
HARDWARE: list[tuple[str, trees.Tree]] = [
    ("x86 without the flag", X86),
    ("a Surface", {**X86, "sys/class/dmi/id/sys_vendor": "Microsoft Corporation"}),
    ("a board's device tree", trees.raspberry_pi_5()),
    ("a bare-metal instance", dmi("Amazon EC2", "m6g.metal")),
    ("an Arm server", dmi("GIGABYTE", "R272-P30-JG", "23")),
    ("an Arm laptop", dmi("LENOVO", "21BXCTO1WW", "10")),
    ("a host of guests", {**ARM, "sys/class/misc/kvm/dev": "10:232"}),
]
UNKNOWN: list[tuple[str, trees.Tree, str]] = [
    ("nothing", {}, "absent: /proc/cpuinfo"),
    ("Arm alone", ARM, "a CPU of aarch64 does not show a hypervisor; no DMI"),
    ("RISC-V alone", RISCV, "a CPU of riscv64 does not show a hypervisor"),
    ("an unknown vendor", dmi("Acme Cloud", "a1.large"), "DMI names 'Acme Cloud a1.large'"),
    ("an ordinary kernel", {**ARM, RELEASE: "6.8.0-1015-aws"}, "no DMI"),
]


@pytest.mark.parametrize(("files", "name"), [case[1:] for case in GUESTS], ids=[case[0] for case in GUESTS])
def test_a_guest_is_recognised(tmp_path: Path, files: trees.Tree, name: str) -> None:
    fs = HostFs(trees.write(tmp_path, files))

    assert hypervisor(fs) == name
    assert inspect_virtual_machine(fs).status == "warn"


@pytest.mark.parametrize("files", [files for _, files in HARDWARE], ids=[name for name, _ in HARDWARE])
def test_hardware_is_recognised(tmp_path: Path, files: trees.Tree) -> None:
    fs = HostFs(trees.write(tmp_path, files))

    assert hypervisor(fs) == ""
    assert inspect_virtual_machine(fs).status == "ok"


@pytest.mark.parametrize(("files", "words"), [case[1:] for case in UNKNOWN], ids=[case[0] for case in UNKNOWN])
def test_what_shows_neither_guest_nor_hardware_is_unknown(tmp_path: Path, files: trees.Tree, words: str) -> None:
    fs = HostFs(trees.write(tmp_path, files))

    found = inspect_virtual_machine(fs)
    assert (found.status, words in found.found) == ("unknown", True), found
    assert isinstance(hypervisor(fs), Missing)
