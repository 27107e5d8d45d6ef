"""The identity of a machine: facts that stay the same from boot to boot of one system, without live readings.

A machine has two ids. `machine_id` is that of the installed system: a new installation has another one, and copies of
one SD card share it. `unit_id` is that of the piece of hardware: its serial number, where one can be read.
"""

from __future__ import annotations

import hashlib
import re
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

_SERIAL_FILES = (
    f"{hardware.DEVICE_TREE}/serial-number",
    "/sys/class/dmi/id/product_serial",
    "/sys/class/dmi/id/board_serial",
    "/sys/devices/soc0/serial_number",
)
"""Files that hold nothing but a serial number, the board's before the chip's. Those of DMI are open to root alone."""

_SYSTEM_ID_FILES = _ID_FILES[:2]
_PLACEHOLDER = re.compile(
    r".*(tobefilled|filledby|fillby|defaultstring|serialnumber|uninitialized|unknown|invalid|placeholder|oemdefine"
    r"|not(specified|applicable|available|present|provided|settable|set)).*"
    r"|(none|na|nil|null|oem|default|empty|serial|serialno|noserial|sn|nosn|test|unset|undefined|standard|system)\d*"
)
"""What makers leave in place of a serial number, without case and punctuation ('To be filled by O.E.M.')."""

_COUNTED = ("0123456789" * 3, "0123456789abcdef" * 2)
_SHORTEST_SERIAL = 4


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
        hypervisor: Name of the hypervisor, '' on bare metal and where it is not known, see `unknown`.
        container: Name of the container engine, '' outside of one.
        unknown: Why a field is None or `hypervisor` is not known, by field name; under 'unit_serial', why `unit_id` is
            not a serial number's.
        unit_id: Hash of the hardware's serial number, else of the system's id: it distinguishes two boards with copies
            of one SD card, and recognises one board after a new installation.
        unit_source: File that the unit's id comes from, '' where there is none.
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
    unit_id: str | None = None
    unit_source: str = ""


def identity(fs: HostFs) -> Machine:
    """Return the identity of the machine behind `fs`."""
    unknown: dict[str, str] = {}

    def value_or_none(name: str, value: str | int | Missing) -> str | int | None:
        if not isinstance(value, Missing):
            return value
        unknown[name] = value.reason
        return None

    cpu = hardware.cpu(fs)
    host = hypervisor(fs)
    serial = _serial(fs)
    unit = _unit(fs, serial)
    facts = {
        "machine_id": _machine_id(fs),
        "board": hardware.board_model(fs),
        "arch": hardware.arch(fs, cpu),
        "cpu_model": _cpu_model(cpu),
        "cores": cpu if isinstance(cpu, Missing) else cpu.cores,
        "memory_bytes": hardware.memory_bytes(fs),
        "kernel": fs.read("/proc/sys/kernel/osrelease"),
        "os": _os(fs),
        "microcode": _microcode(cpu),
        "firmware": _firmware(fs),
        "unit_id": unit if isinstance(unit, Missing) else _hash("unit", unit[0]),
    }
    if isinstance(host, Missing):
        unknown["hypervisor"] = host.reason
    if isinstance(serial, Missing) and not isinstance(unit, Missing):
        unknown["unit_serial"] = serial.reason
    return Machine(
        **{name: value_or_none(name, value) for name, value in facts.items()},  # type: ignore[arg-type]
        isa=() if isinstance(cpu, Missing) else cpu.isa,
        hypervisor="" if isinstance(host, Missing) else host,
        container=container(fs),
        unknown=unknown,
        unit_source="" if isinstance(unit, Missing) else unit[1],
    )


def _machine_id(fs: HostFs) -> str | Missing:
    for name in _ID_FILES:
        text = fs.read(name)
        if isinstance(text, str) and text.strip("0\n"):
            return _hash("machine", text)
    return Missing(f"none of {', '.join(_ID_FILES)} holds an id")


def _hash(kind: str, text: str) -> str:
    """Return a hash of an id, since serial numbers and machine-ids themselves must not be published."""
    return hashlib.sha256(f"edgebench {kind} {text}".encode()).hexdigest()[:16]


def _serial(fs: HostFs) -> tuple[str, str] | Missing:
    """Return the hardware's serial number and its file; the same number in two files gives the same text."""
    texts = {name: fs.read(name) for name in _SERIAL_FILES}
    texts["/proc/cpuinfo"] = hardware.cpuinfo_serial(fs)
    for name, text in texts.items():
        if isinstance(text, str) and (serial := _normalised_id(text)):
            return serial, name
    denied = [text.reason for text in texts.values() if isinstance(text, Missing) and text.reason.startswith("denied")]
    if denied:
        return Missing(f"{', '.join(denied)}: root alone may read it")
    placeholders = [f"{name} holds '{text[:40]}'" for name, text in texts.items() if isinstance(text, str) and text]
    return Missing(", ".join(placeholders) or f"none of {', '.join(texts)} holds a serial number")


def _unit(fs: HostFs, serial: tuple[str, str] | Missing) -> tuple[str, str] | Missing:
    """Return the serial number, else the id of the installed system, with its file."""
    if not isinstance(serial, Missing):
        return serial
    system_id = _system_id(fs)
    return Missing(f"{serial.reason}; {system_id.reason}") if isinstance(system_id, Missing) else system_id


def _system_id(fs: HostFs) -> tuple[str, str] | Missing:
    """Return the id of the installed system and its file."""
    for name in _SYSTEM_ID_FILES:
        text = fs.read(name)
        if isinstance(text, str) and (system_id := _normalised_id(text)):
            return system_id, name
    return Missing(f"none of {', '.join(_SYSTEM_ID_FILES)} holds an id")


def _normalised_id(text: str) -> str:
    """Return an id in lower case and without punctuation; '' for what stands in place of one in many machines."""
    plain = re.sub(r"[^a-z0-9]+", "", text.lower())
    filler = len(plain) < _SHORTEST_SERIAL or len(set(plain)) == 1 or any(plain in counted for counted in _COUNTED)
    return "" if filler or _PLACEHOLDER.fullmatch(plain) else plain


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
