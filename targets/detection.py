"""Which board this machine is, by its own words: device tree, /proc/cpuinfo, DMI, USB and PCI ids."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.target import Cluster, Cpu, Target
from harness.host import hardware

from .descriptors import compose, load, names

_GENERIC = {"x86_64": "x86-64", "amd64": "x86-64", "aarch64": "aarch64", "arm64": "aarch64"}
_FAMILY_RANK = 1000


@dataclass(frozen=True)
class Detection:
    """The board, why it is taken for that one, and what could not be told."""

    target: Target
    evidence: tuple[str, ...]
    could_not_tell: tuple[str, ...]


@dataclass(frozen=True, order=True)
class _Hit:
    """A descriptor that fits; the lower the rank, the more particular the evidence."""

    rank: int
    name: str
    evidence: str


def detect(fs: HostFs, folders: Sequence[Path] = ()) -> Detection:
    """The board behind `fs`, accelerators on its buses composed in; an unknown machine becomes a generic target."""
    known = [load(name, folders) for name in names(folders)]
    evidence: list[str] = []
    unknown: list[str] = []
    target = _board(fs, known, evidence, unknown)
    target = _filled(fs, target, evidence, unknown)
    for accelerator in known:
        if accelerator.kind == "accelerator" and not _has_its_units(target, accelerator):
            found = next(_bus_evidence(fs, accelerator), None)
            if found:
                target = compose(target, accelerator)
                evidence.append(f"{accelerator.name}: {found}")
    return Detection(target, tuple(evidence), tuple(unknown))


def _board(fs: HostFs, known: Sequence[Target], evidence: list[str], unknown: list[str]) -> Target:
    hits = sorted(hit for target in known if target.kind == "board" for hit in _hits(fs, target))
    best = [hit for hit in hits if hit.rank == hits[0].rank]
    if len({hit.name for hit in best}) == 1:
        evidence.append(f"{best[0].name}: {best[0].evidence}")
        if best[0].rank >= _FAMILY_RANK:
            unknown.append(f"the very board: only its chip is in a descriptor, not {_own_name(fs)}")
        return next(target for target in known if target.name == best[0].name)
    if best:
        unknown.append(f"the board: {best[0].evidence} fits {' and '.join(hit.name for hit in best)}")
    else:
        name = _own_name(fs)
        unknown.append(f"the board: {name} is in no descriptor" if name else "the board: neither device tree nor DMI")
    return _generic(fs, known, evidence, unknown)


def _hits(fs: HostFs, target: Target) -> Iterator[_Hit]:
    identity = target.identity
    for base, patterns in ((0, identity.compatible), (_FAMILY_RANK, identity.soc)):
        for place, token in enumerate(hardware.compatible(fs)):  # the device tree lists the most particular first
            if _any_match(token, patterns):
                yield _Hit(base + place, target.name, f"device-tree token {token}")
    model = fs.read(f"{hardware.DEVICE_TREE}/model")
    if isinstance(model, str) and _any_match(model, identity.model):
        yield _Hit(100, target.name, f"device-tree model '{model}'")
    cpu = hardware.cpu(fs)
    if not isinstance(cpu, Missing) and _any_match(cpu.model, identity.cpu_model):
        yield _Hit(200, target.name, f"CPU '{cpu.model}'")
    board = hardware.board_model(fs)
    if isinstance(board, str) and _any_match(board, identity.dmi):
        yield _Hit(300, target.name, f"board '{board}' by DMI")


def _any_match(text: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def _own_name(fs: HostFs) -> str:
    """What the machine calls itself, in quotes; '' when it does not."""
    tokens = hardware.compatible(fs)
    board = hardware.board_model(fs)
    name = tokens[0] if tokens else board if isinstance(board, str) else ""
    return f"'{name}'" if name else ""


def _generic(fs: HostFs, known: Sequence[Target], evidence: list[str], unknown: list[str]) -> Target:
    cpu = hardware.cpu(fs)
    arch = platform.machine()
    if fs.live or isinstance(cpu, Missing):
        source = "this Python's own architecture"
        if isinstance(cpu, Missing):
            unknown.append(f"the processor: {cpu.reason}")
        elif cpu.arch != arch:
            unknown.append(f"the processor: /proc/cpuinfo says {cpu.arch} to a program for {arch}, so it is emulated")
    else:
        arch, source = cpu.arch, "/proc/cpuinfo"
    name = _GENERIC.get(arch, arch)
    evidence.append(f"{name}: {arch} by {source}")
    bare = Target(name=name, title=f"Generic {arch}", kind="generic", arch=(arch,))
    return next((target for target in known if target.name == name), bare)


def _filled(fs: HostFs, target: Target, evidence: list[str], unknown: list[str]) -> Target:
    """The target with what this very machine is: its version, memory and, for a generic one, its processor."""
    target = _as_variant(fs, target, evidence)
    memory = hardware.memory_bytes(fs)
    if isinstance(memory, Missing):
        unknown.append(f"the memory: {memory.reason}")
    else:
        target = dataclasses.replace(target, memory_bytes=memory)
        evidence.append(f"memory {memory / 2**30:.1f} GiB by /proc/meminfo")
    cpu = hardware.cpu(fs)
    if target.kind == "generic" and not isinstance(cpu, Missing):
        clusters = tuple(Cluster(core, count) for core, count in cpu.parts.items())
        clusters = clusters or (Cluster(cpu.model or "unknown", cpu.cores),)
        target = dataclasses.replace(target, cpu=Cpu(cpu.model, clusters, cpu.isa))
        evidence.append(f"{cpu.cores} cores, {cpu.model or ', '.join(cpu.parts) or 'unnamed'} by /proc/cpuinfo")
    return target


def _as_variant(fs: HostFs, target: Target, evidence: list[str]) -> Target:
    for variant in target.variants:
        token = next((token for token in hardware.compatible(fs) if _any_match(token, variant.compatible)), None)
        if token:
            evidence.append(f"{variant.title}: device-tree token {token}")
            return dataclasses.replace(
                target,
                title=variant.title,
                cpu=variant.cpu or target.cpu,
                memory=variant.memory or target.memory,
                peaks=variant.peaks or target.peaks,
                accelerators=variant.accelerators or target.accelerators,
                power=dataclasses.replace(target.power, modes=variant.modes or target.power.modes),
            )
    return target


def _has_its_units(target: Target, accelerator: Target) -> bool:
    """A board with the unit soldered on shows it on its own bus too: that is no second one."""
    return target.kind == "board" and all(target.accelerator(unit.kind) for unit in accelerator.accelerators)


def _bus_evidence(fs: HostFs, accelerator: Target) -> Iterator[str]:
    for bus, present, wanted in (
        ("USB", hardware.usb_ids(fs), accelerator.identity.usb),
        ("PCI", hardware.pci_ids(fs), accelerator.identity.pci),
    ):
        yield from (f"{bus} id {each} at {present[each]}" for each in wanted if each in present)
