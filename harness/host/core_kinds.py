"""Kinds of core: which CPUs are alike, the fastest kind first, as the kernel tells them apart.

Intel's hybrid processors have a list per kind. Arm's have a capacity, which the scheduler uses, and a core's
identification. Clock frequencies are used only where there is none of these: two kinds may have the same clock, and two
cores of one kind may differ.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing

_CPU = "/sys/devices/system/cpu/cpu"
_HYBRID_LISTS = ("/sys/devices/cpu_core/cpus", "/sys/devices/cpu_atom/cpus", "/sys/devices/cpu_lowpower/cpus")
"""Intel: performance, efficiency and low-power cores."""

_SPEED_FILES = ("cpu_capacity", "cpufreq/cpuinfo_max_freq")
_SAME_KIND_RATIO = 0.85
"""Cores of one kind differ by a few per cent in capacity or highest clock, kinds by a quarter and more."""


@dataclass(frozen=True)
class CoreKinds:
    """The kinds of core among some CPUs.

    Attributes:
        kinds: CPUs of each kind, the fastest kind first; one kind where nothing tells them apart.
        source: Files that tell the kinds apart, '' without any.
    """

    kinds: tuple[frozenset[int], ...]
    source: str = ""

    def rank(self, cpu: int) -> int:
        """Return the rank of a CPU's kind, 0 for the fastest."""
        return next(rank for rank, kind in enumerate(self.kinds) if cpu in kind)


def core_kinds(cpus: Collection[int], fs: HostFs) -> CoreKinds:
    """Return the kinds of core among `cpus`."""
    lists = {name: parse_cpus(text) for name in _HYBRID_LISTS if isinstance(text := fs.read(name), str)}
    listed = {name: frozenset(found & set(cpus)) for name, found in lists.items()}
    if lists and frozenset[int]().union(*listed.values()) == set(cpus):
        return CoreKinds(tuple(filter(None, listed.values())), " and ".join(lists))
    for file in _SPEED_FILES:
        speeds = {cpu: value for cpu in cpus if isinstance(value := fs.read_int(f"{_CPU}{cpu}/{file}"), int)}
        if speeds and len(speeds) == len(cpus):
            return CoreKinds(_by_speed(speeds, {cpu: _part(cpu, fs) for cpu in cpus}), f"{_CPU}*/{file}")
    return CoreKinds((frozenset(cpus),))


def parse_cpus(text: str) -> set[int]:
    """Return the CPUs of a list of the kernel, such as '0-3,8'; parts that are no numbers are left out."""
    cpus: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if first.isdecimal():
            cpus.update(range(int(first), int(last if last.isdecimal() else first) + 1))
    return cpus


def _by_speed(speeds: Mapping[int, int], parts: Mapping[int, str]) -> tuple[frozenset[int], ...]:
    """Return CPUs in groups of one core type and similar speed, the fastest first."""
    groups: list[set[int]] = []
    for cpu in sorted(speeds, key=lambda cpu: -speeds[cpu]):
        for group in groups:
            fastest = max(group, key=speeds.__getitem__)
            if parts[cpu] == parts[fastest] and speeds[cpu] >= _SAME_KIND_RATIO * speeds[fastest]:
                group.add(cpu)
                break
        else:
            groups.append({cpu})
    return tuple(map(frozenset, groups))


def _part(cpu: int, fs: HostFs) -> str:
    """Return implementer and part of an Arm core, '' elsewhere; its revision makes no other kind."""
    text = fs.read(f"{_CPU}{cpu}/regs/identification/midr_el1")
    if isinstance(text, Missing) or not text.startswith("0x"):
        return ""
    midr = text.removeprefix("0x").rjust(8, "0")[-8:]
    return f"{midr[:2]}{midr[4:7]}"
