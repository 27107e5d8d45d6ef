"""The identity of a machine: facts that stay the same from boot to boot of one system, without live readings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing

from . import hardware
from .virtualization import container, hypervisor

_ID_FILES = ("/etc/machine-id", "/var/lib/dbus/machine-id", f"{hardware.DEVICE_TREE}/serial-number")
_FIRMWARE_FILES = (
    "/sys/class/dmi/id/bios_version",
    f"{hardware.DEVICE_TREE}/chosen/bootloader/version",
    "/etc/nv_tegra_release",
)


@dataclass(frozen=True)
class Machine:
    """A machine's identity. A fact that cannot be read is None.

    Attributes:
        machine_id: Hash of the system's or the board's id: it distinguishes machines without naming them.
        board: Name of the board by device tree or DMI.
        arch: Architecture, such as 'aarch64'.
        cpu_model: Model of the processor, or its cores by name.
        cores: Number of logical processors.
        isa: Instruction set features that decide which kernels a runtime chooses, sorted.
        memory_bytes: Memory that the kernel manages.
        kernel: Release of the kernel.
        os: Name and version of the operating system.
        microcode: Microcode revision, on x86 only.
        firmware: Version of the BIOS on a PC, of the bootloader on a Raspberry Pi, of L4T on a Jetson.
        hypervisor: Name of the hypervisor, '' on bare metal.
        container: Name of the container engine, '' outside of one.
        unknown: Why a field is None, by field name.
    """

    machine_id: str | None
    board: str | None
    arch: str | None
    cpu_model: str | None
    cores: int | None
    isa: tuple[str, ...]
    memory_bytes: int | None
    kernel: str | None
    os: str | None
    microcode: str | None
    firmware: str | None
    hypervisor: str
    container: str
    unknown: Mapping[str, str] = field(default_factory=dict)


def identity(fs: HostFs) -> Machine:
    """Return the identity of the machine behind `fs`."""
    unknown: dict[str, str] = {}

    def value_or_none(name: str, value: str | int | Missing) -> str | int | None:
        if not isinstance(value, Missing):
            return value
        unknown[name] = value.reason
        return None

    cpu = hardware.cpu(fs)
    facts = {
        "machine_id": _machine_id(fs),
        "board": hardware.board_model(fs),
        "arch": cpu if isinstance(cpu, Missing) else cpu.arch,
        "cpu_model": _cpu_model(cpu),
        "cores": cpu if isinstance(cpu, Missing) else cpu.cores,
        "memory_bytes": hardware.memory_bytes(fs),
        "kernel": fs.read("/proc/sys/kernel/osrelease"),
        "os": _os(fs),
        "microcode": _microcode(cpu),
        "firmware": _firmware(fs),
    }
    return Machine(
        **{name: value_or_none(name, value) for name, value in facts.items()},  # type: ignore[arg-type]
        isa=() if isinstance(cpu, Missing) else cpu.isa,
        hypervisor=hypervisor(fs),
        container=container(fs),
        unknown=unknown,
    )


def _machine_id(fs: HostFs) -> str | Missing:
    for name in _ID_FILES:
        text = fs.read(name)
        if isinstance(text, str) and text.strip("0\n"):
            return hashlib.sha256(f"edgebench machine {text}".encode()).hexdigest()[:16]
    return Missing(f"none of {', '.join(_ID_FILES)} holds an id")


def _cpu_model(cpu: hardware.CpuInfo | Missing) -> str | Missing:
    if isinstance(cpu, Missing):
        return cpu
    cores = " + ".join(f"{count}x {core}" for core, count in cpu.parts.items())
    return cpu.model or cores or Missing("/proc/cpuinfo names no model")


def _microcode(cpu: hardware.CpuInfo | Missing) -> str | Missing:
    if isinstance(cpu, Missing):
        return cpu
    return cpu.microcode or Missing("/proc/cpuinfo names no microcode")


def _firmware(fs: HostFs) -> str | Missing:
    texts = [fs.read(name) for name in _FIRMWARE_FILES]
    version = next((text for text in texts if isinstance(text, str) and text), None)
    return version.splitlines()[0] if version else Missing(f"none of {', '.join(_FIRMWARE_FILES)} holds a version")


def _os(fs: HostFs) -> str | Missing:
    text = fs.read("/etc/os-release")
    if isinstance(text, Missing):
        return text
    lines = (line.partition("=") for line in text.splitlines())
    names = {key: value.strip("\"'") for key, _, value in lines}
    return names.get("PRETTY_NAME") or Missing("no PRETTY_NAME in /etc/os-release")
