"""Which CPUs are of one kind, by the kernel's lists, capacities and identifications, else by clocks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.core.hostfs import HostFs
from harness.host.core_kinds import CoreKinds, core_kinds, parse_cpus
from tests import trees

CPU = "sys/devices/system/cpu/cpu"
A55, A76 = "0x00000000412fd050", "0x00000000414fd0b0"
A76_OF_ANOTHER_REVISION = "0x00000000414fd0b1"


def each(file: str, values: Sequence[trees.Content]) -> trees.Tree:
    return {f"{CPU}{cpu}/{file}": value for cpu, value in enumerate(values)}


def clocks(*megahertz: int) -> trees.Tree:
    return each("cpufreq/cpuinfo_max_freq", [value * 1000 for value in megahertz])


def capacities(*values: int) -> trees.Tree:
    return each("cpu_capacity", values)


def found(root: Path, files: trees.Tree, n: int = 4) -> CoreKinds:
    return core_kinds(range(n), HostFs(trees.write(root, files)))


P_CORES = "sys/devices/cpu_core/cpus"
LISTS: trees.Tree = {P_CORES: "0-1", "sys/devices/cpu_atom/cpus": "2-3"}

CASES: list[tuple[str, trees.Tree, list[set[int]], str]] = [
    ("nothing", {}, [{0, 1, 2, 3}], ""),
    ("close clocks of two kinds", {**LISTS, **clocks(5200, 5200, 4600, 4600)}, [{0, 1}, {2, 3}], "cpu_core"),
    ("a favoured core is no kind", {P_CORES: "0-3", **clocks(5600, 4000, 4000, 4000)}, [{0, 1, 2, 3}], "cpu_core"),
    ("efficiency cores alone", {**LISTS, P_CORES: ""}, [{0, 1, 2, 3}], ""),
    ("lists that leave CPUs out", {P_CORES: "0", **clocks(5, 5, 3, 3)}, [{0, 1}, {2, 3}], "max_freq"),
    ("capacities before clocks", {**capacities(530, 530, 1024, 1008), **clocks(2, 2, 2, 2)}, [{2, 3}, {0, 1}], "ity"),
    ("three kinds", capacities(250, 850, 850, 1024), [{3}, {1, 2}, {0}], "capacity"),
    ("capacities of some CPUs", {**capacities(1024, 512), **clocks(2, 2, 2, 2)}, [{0, 1, 2, 3}], "max_freq"),
    ("clocks alone", clocks(4700, 3300, 4900, 3300), [{0, 2}, {1, 3}], "max_freq"),
    (
        "close capacities of two kinds",
        {**capacities(950, 950, 1024, 1024), **each("regs/identification/midr_el1", [A55, A55, A76, A76])},
        [{2, 3}, {0, 1}],
        "capacity",
    ),
    (
        "a revision is no kind",
        {**capacities(1024, 1024), **each("regs/identification/midr_el1", [A76, A76_OF_ANOTHER_REVISION])},
        [{0, 1}],
        "capacity",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("files", "kinds", "source"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_cpus_are_grouped_by_kind(tmp_path: Path, files: trees.Tree, kinds: list[set[int]], source: str) -> None:
    n = sum(map(len, kinds))

    seen = found(tmp_path, files, n)

    assert [set(kind) for kind in seen.kinds] == kinds
    assert source in seen.source
    assert [seen.rank(cpu) for cpu in sorted(kinds[-1])] == [len(kinds) - 1] * len(kinds[-1])


@pytest.mark.parametrize(
    ("text", "cpus"), [("0-3", {0, 1, 2, 3}), ("0,2-3\n", {0, 2, 3}), ("7", {7}), ("", set()), ("x,1", {1})]
)
def test_a_list_of_cpus(text: str, cpus: set[int]) -> None:
    assert parse_cpus(text) == cpus
