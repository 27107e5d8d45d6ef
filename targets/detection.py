"""Which board this machine is, by its own words: device tree, /proc/cpuinfo, DMI, USB and PCI ids."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.target import Cluster, Cpu, Target
from harness.host import hardware
from harness.host.hardware import CpuInfo

from .descriptors import compose, load, names

_GENERIC = {"x86_64": "x86-64", "amd64": "x86-64", "aarch64": "aarch64", "arm64": "aarch64"}

# The lower the rank, the more particular the evidence; tokens of the device tree add their place in its list.
_BY_TOKEN, _BY_MODEL, _BY_CPU, _BY_DMI, _BY_CHIP = 0, 100, 200, 300, 1000


@dataclass(frozen=True)
class Detection:
    """The board, why it is taken for that one, and what could not be told."""

    target: Target
    evidence: tuple[str, ...]
    could_not_tell: tuple[str, ...]


@dataclass(frozen=True)
class _Marks:
    """What the machine shows of itself, read once; '' and () where it shows nothing."""

    compatible: tuple[str, ...]
    model: str
    dmi: str
    cpu: CpuInfo | Missing
    arch_by_files: tuple[str, str] | Missing
    live: bool

    @property
    def own_name(self) -> str:
        """What the machine calls itself, in quotes; '' when it does not."""
        name = self.compatible[0] if self.compatible else self.model or self.dmi
        return f"'{name}'" if name else ""


@dataclass
class _Notes:
    """Collected on the way."""

    evidence: list[str] = field(default_factory=list)
    could_not_tell: list[str] = field(default_factory=list)


@dataclass(frozen=True, order=True)
class _Hit:
    """A descriptor that fits, and by what."""

    rank: int
    name: str
    evidence: str


def detect(fs: HostFs, folders: Sequence[Path] = ()) -> Detection:
    """The board behind `fs`, accelerators on its buses composed in; an unknown machine becomes a generic target."""
    known = {name: load(name, folders) for name in names(folders)}
    marks = _marks(fs)
    notes = _Notes()
    target = _board(marks, known, notes) or _generic(marks, known, notes)
    target = _with_memory(fs, _as_variant(marks, target, notes), notes)
    for accelerator in known.values():
        found = next(_bus_evidence(fs, accelerator), None)
        if found and not _soldered_on(target, accelerator):
            target = compose(target, accelerator)
            notes.evidence.append(f"{accelerator.name}: {found}")
    return Detection(target, tuple(notes.evidence), tuple(notes.could_not_tell))


def _marks(fs: HostFs) -> _Marks:
    model, dmi = hardware.device_tree_model(fs), hardware.dmi_board(fs)
    return _Marks(
        compatible=hardware.compatible(fs),
        model=model if isinstance(model, str) else "",
        dmi=dmi if isinstance(dmi, str) else "",
        cpu=hardware.cpu(fs),
        arch_by_files=hardware.arch_by_files(fs),
        live=fs.live,
    )


def _board(marks: _Marks, known: dict[str, Target], notes: _Notes) -> Target | None:
    """The board with the most particular evidence; None when there is none, or two fit equally well."""
    hits = sorted(hit for target in known.values() if target.kind == "board" for hit in _hits(marks, target))
    best = [hit for hit in hits if hit.rank == hits[0].rank]
    if not best:
        name = marks.own_name
        why = f"{name} is in no descriptor" if name else "neither device tree nor DMI names it"
        notes.could_not_tell.append(f"the board: {why}")
        return None
    if len(best) > 1:
        notes.could_not_tell.append(f"the board: {best[0].evidence} fits {' and '.join(hit.name for hit in best)}")
        return None
    notes.evidence.append(f"{best[0].name}: {best[0].evidence}")
    if best[0].rank >= _BY_CHIP:
        notes.could_not_tell.append(f"the very board: only its chip is in a descriptor, not {marks.own_name}")
    return known[best[0].name]


def _hits(marks: _Marks, target: Target) -> Iterator[_Hit]:
    """The best evidence of each kind that this machine is that board."""
    identity = target.identity
    for rank, patterns in ((_BY_TOKEN, identity.compatible), (_BY_CHIP, identity.soc)):
        tokens = enumerate(marks.compatible)  # the device tree lists the most particular first
        place = next((place for place, token in tokens if _fits(token, patterns)), None)
        if place is not None:
            yield _Hit(rank + place, target.name, f"device-tree token {marks.compatible[place]}")
    if _fits(marks.model, identity.model):
        yield _Hit(_BY_MODEL, target.name, f"device-tree model '{marks.model}'")
    if not isinstance(marks.cpu, Missing) and _fits(marks.cpu.model, identity.cpu_model):
        yield _Hit(_BY_CPU, target.name, f"CPU '{marks.cpu.model}'")
    if _fits(marks.dmi, identity.dmi):
        yield _Hit(_BY_DMI, target.name, f"board '{marks.dmi}' by DMI")


def _fits(text: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def _generic(marks: _Marks, known: dict[str, Target], notes: _Notes) -> Target:
    """The generic target of the architecture, filled with the processor that the machine shows."""
    arch, source = _arch(marks, notes)
    name = _GENERIC.get(arch, arch)
    notes.evidence.append(f"{name}: {arch} by {source}")
    target = known.get(name) or Target(name=name, title=f"Generic {arch}", kind="generic", arch=(arch,))
    cpu = marks.cpu
    if isinstance(cpu, Missing):
        return target
    clusters = [Cluster(core, count) for core, count in cpu.parts.items()]
    clusters = clusters or [Cluster(cpu.model or "unknown", cpu.cores)]
    notes.evidence.append(f"{cpu.cores} x {cpu.model or ', '.join(cpu.parts) or 'unnamed core'} by /proc/cpuinfo")
    return dataclasses.replace(target, cpu=Cpu(cpu.model, tuple(clusters), cpu.isa))


def _arch(marks: _Marks, notes: _Notes) -> tuple[str, str]:
    """The architecture programs run on here, and where that is known from.

    On the live machine it is this Python's own: under an emulator /proc/cpuinfo may show another one. A recorded tree
    without /proc/cpuinfo may still have files that only one architecture has.
    """
    here, source = platform.machine(), "this Python's own architecture"
    if isinstance(marks.cpu, Missing):
        notes.could_not_tell.append(f"the processor: {marks.cpu.reason}")
        if marks.live or isinstance(marks.arch_by_files, Missing):
            return here, source
        return marks.arch_by_files
    if not marks.live:
        return marks.cpu.arch, "/proc/cpuinfo"
    if marks.cpu.arch != here:
        notes.could_not_tell.append(f"the processor: {here} to programs, {marks.cpu.arch} in /proc/cpuinfo: emulated?")
    return here, source


def _with_memory(fs: HostFs, target: Target, notes: _Notes) -> Target:
    memory = hardware.memory_bytes(fs)
    if isinstance(memory, Missing):
        notes.could_not_tell.append(f"the memory: {memory.reason}")
        return target
    notes.evidence.append(f"memory {memory / 2**30:.1f} GiB by /proc/meminfo")
    return dataclasses.replace(target, memory_bytes=memory)


def _as_variant(marks: _Marks, target: Target, notes: _Notes) -> Target:
    """The version of the board that a device-tree token names, or the board as it is."""
    for variant in target.variants:
        token = next((token for token in marks.compatible if _fits(token, variant.compatible)), None)
        if token:
            notes.evidence.append(f"{variant.title}: device-tree token {token}")
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


def _soldered_on(target: Target, accelerator: Target) -> bool:
    """A board's own unit shows on its own bus too: that is no second one."""
    return target.kind == "board" and all(target.accelerator(unit.kind) for unit in accelerator.accelerators)


def _bus_evidence(fs: HostFs, target: Target) -> Iterator[str]:
    """Where the ids of an accelerator were seen; nothing for other targets."""
    if target.kind != "accelerator":
        return
    for bus, present, wanted in (
        ("USB", hardware.usb_ids(fs), target.identity.usb),
        ("PCI", hardware.pci_ids(fs), target.identity.pci),
    ):
        yield from (f"{bus} id {each} at {present[each]}" for each in wanted if each in present)
