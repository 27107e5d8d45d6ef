"""Detect the board by device tree, /proc/cpuinfo and DMI, and accelerators by USB and PCI ids."""

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
from harness.host.core_kinds import CoreKinds, core_kinds
from harness.host.hardware import CpuInfo

from .descriptors import compose, load, names

_GENERIC = {"x86_64": "x86-64", "amd64": "x86-64", "aarch64": "aarch64", "arm64": "aarch64"}

# The lower the rank, the more specific the evidence; tokens of the device tree add their index in its list.
_BY_TOKEN, _BY_MODEL, _BY_CPU, _BY_DMI, _BY_CHIP = 0, 100, 200, 300, 1000


@dataclass(frozen=True)
class Detection:
    """The detected board.

    Attributes:
        target: The board, or the generic target of the architecture.
        evidence: What it was recognised by.
        unknown: What could not be determined, with the reason.
    """

    target: Target
    evidence: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class _HostFacts:
    """What identifies the machine, read once; '' and () where it shows nothing."""

    compatible: tuple[str, ...]
    model: str
    dmi: str
    cpu: CpuInfo | Missing
    arch_by_files: tuple[str, str] | Missing
    kinds: CoreKinds
    tree_hidden: bool
    live: bool

    @property
    def quoted_name(self) -> str:
        """The machine's own name in quotes, '' without one."""
        name = self.compatible[0] if self.compatible else self.model or self.dmi
        return f"'{name}'" if name else ""


@dataclass
class _Notes:
    """Evidence and gaps, collected during the detection."""

    evidence: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


@dataclass(frozen=True, order=True)
class _Match:
    """A descriptor that matches, and by what evidence."""

    rank: int
    name: str
    evidence: str


def detect(fs: HostFs, folders: Sequence[Path] = ()) -> Detection:
    """Return the board behind `fs` with the accelerators on its buses; an unknown machine becomes a generic target."""
    known = {name: load(name, folders) for name in names(folders)}
    facts = _read_facts(fs)
    notes = _Notes()
    target = _board(facts, known, notes) or _generic(facts, known, notes)
    target = _with_memory(fs, _as_variant(facts, target, notes), notes)
    for accelerator in known.values():
        evidence = next(_bus_evidence(fs, accelerator), None)
        if evidence and not _built_in(target, accelerator):
            target = compose(target, accelerator)
            notes.evidence.append(f"{accelerator.name}: {evidence}")
    return Detection(target, tuple(notes.evidence), tuple(notes.unknown))


def _read_facts(fs: HostFs) -> _HostFacts:
    cpu = hardware.cpu(fs)
    model, dmi = hardware.device_tree_model(fs), hardware.dmi_board(fs)
    return _HostFacts(
        compatible=hardware.compatible(fs),
        model=model if isinstance(model, str) else "",
        dmi=dmi if isinstance(dmi, str) else "",
        cpu=cpu,
        tree_hidden=fs.leads_nowhere(hardware.DEVICE_TREE),
        kinds=core_kinds(() if isinstance(cpu, Missing) else range(cpu.cores), fs),
        arch_by_files=hardware.arch_by_files(fs),
        live=fs.live,
    )


def _board(facts: _HostFacts, known: dict[str, Target], notes: _Notes) -> Target | None:
    """Return the board with the most specific evidence; None without one, or when two match equally well."""
    matches = sorted(match for target in known.values() if target.kind == "board" for match in _matches(facts, target))
    best = [match for match in matches if match.rank == matches[0].rank]
    if not best:
        name = facts.quoted_name
        why = f"{name} is in no descriptor" if name else "neither device tree nor DMI names it"
        why += f"; {hardware.TREE_HIDDEN}" if facts.tree_hidden else ""
        notes.unknown.append(f"the board: {why}")
        return None
    if len(best) > 1:
        notes.unknown.append(f"the board: {best[0].evidence} fits {' and '.join(match.name for match in best)}")
        return None
    notes.evidence.append(f"{best[0].name}: {best[0].evidence}")
    if best[0].rank >= _BY_CHIP:
        notes.unknown.append(f"the exact board: only its chip is in a descriptor, not {facts.quoted_name}")
    return known[best[0].name]


def _matches(facts: _HostFacts, target: Target) -> Iterator[_Match]:
    """Yield the best evidence of each kind that this machine is that board."""
    identity = target.identity
    for rank, patterns in ((_BY_TOKEN, identity.compatible), (_BY_CHIP, identity.soc)):
        tokens = enumerate(facts.compatible)  # the device tree lists the most specific first
        index = next((index for index, token in tokens if _fits(token, patterns)), None)
        if index is not None:
            yield _Match(rank + index, target.name, f"device-tree token {facts.compatible[index]}")
    if _fits(facts.model, identity.model):
        yield _Match(_BY_MODEL, target.name, f"device-tree model '{facts.model}'")
    if not isinstance(facts.cpu, Missing) and _fits(facts.cpu.model, identity.cpu_model):
        yield _Match(_BY_CPU, target.name, f"CPU '{facts.cpu.model}'")
    if _fits(facts.dmi, identity.dmi):
        yield _Match(_BY_DMI, target.name, f"board '{facts.dmi}' by DMI")


def _fits(text: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def _generic(facts: _HostFacts, known: dict[str, Target], notes: _Notes) -> Target:
    """Return the generic target of the architecture, completed with the processor of this machine."""
    arch, source = _arch(facts, notes)
    name = _GENERIC.get(arch, arch)
    if arch:
        notes.evidence.append(f"{name}: {arch} by {source}")
        target = known.get(name) or Target(name=name, title=f"Generic {arch}", kind="generic", arch=(arch,))
    else:
        notes.unknown.append(f"the architecture: {source}")
        target = Target(name="unknown", title="Machine of unknown architecture", kind="generic")
    cpu = facts.cpu
    if isinstance(cpu, Missing):
        return target
    clusters = [Cluster(core, count) for core, count in cpu.parts.items()]
    clusters = clusters or [Cluster(cpu.model or "unknown", cpu.cores)]
    notes.evidence.append(f"{cpu.cores} x {cpu.model or ', '.join(cpu.parts) or 'unnamed core'} by /proc/cpuinfo")
    if len(facts.kinds.kinds) > 1:
        counts = " and ".join(str(len(kind)) for kind in facts.kinds.kinds)
        notes.evidence.append(f"kinds of core: {counts} CPUs, the fastest first, by {facts.kinds.source}")
    return dataclasses.replace(target, cpu=Cpu(cpu.model, tuple(clusters), cpu.isa))


def _arch(facts: _HostFacts, notes: _Notes) -> tuple[str, str]:
    """Return the architecture that programs see and the source of that fact; '' and the reason where nothing shows it.

    On the live machine it is this Python's own: under an emulator /proc/cpuinfo may show another one. A recorded tree
    without /proc/cpuinfo may still have files that exist on one architecture only.
    """
    in_cpuinfo = "" if isinstance(facts.cpu, Missing) else facts.cpu.arch
    if isinstance(facts.cpu, Missing):
        notes.unknown.append(f"the processor: {facts.cpu.reason}")
    if facts.live:
        own_arch = platform.machine()
        if in_cpuinfo and in_cpuinfo != own_arch:
            notes.unknown.append(f"the processor: {own_arch} to programs, {in_cpuinfo} in /proc/cpuinfo: emulated?")
        return own_arch, "this Python's own architecture"
    if in_cpuinfo:
        return in_cpuinfo, "/proc/cpuinfo"
    by_files = facts.arch_by_files
    return ("", by_files.reason) if isinstance(by_files, Missing) else by_files


def _with_memory(fs: HostFs, target: Target, notes: _Notes) -> Target:
    memory = hardware.memory_bytes(fs)
    if isinstance(memory, Missing):
        notes.unknown.append(f"the memory: {memory.reason}")
        return target
    notes.evidence.append(f"memory {memory / 2**30:.1f} GiB by /proc/meminfo")
    return dataclasses.replace(target, memory_bytes=memory)


def _as_variant(facts: _HostFacts, target: Target, notes: _Notes) -> Target:
    """Return the variant of the board that a device-tree token names, else the board as it is."""
    for variant in target.variants:
        token = next((token for token in facts.compatible if _fits(token, variant.compatible)), None)
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


def _built_in(target: Target, accelerator: Target) -> bool:
    """Return whether the board has the accelerator itself: its own unit shows on its bus too and is no second one."""
    return target.kind == "board" and all(target.accelerator(unit.kind) for unit in accelerator.accelerators)


def _bus_evidence(fs: HostFs, target: Target) -> Iterator[str]:
    """Yield where the ids of an accelerator are present; nothing for other targets."""
    if target.kind != "accelerator":
        return
    for bus, present, ids in (
        ("USB", hardware.usb_ids(fs), target.identity.usb),
        ("PCI", hardware.pci_ids(fs), target.identity.pci),
    ):
        yield from (f"{bus} id {device} at {present[device]}" for device in ids if device in present)
