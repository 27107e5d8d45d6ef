"""Runs that must not be compared as if they were alike: other machine class, power mode, threads, scope of power."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.core.errors import UsageError
from harness.core.record import Record, RunHeader

# What differs between two units of one kind, or changes on one machine over its life. A change of kernel or firmware
# is what a comparison may be made for; the report marks it as a break in the environment.
_NOT_CLASS = frozenset({"machine_id", "kernel", "os", "microcode", "firmware", "unknown", "memory_bytes"})
_GIB = 1 << 30

Pair = tuple[Record, Record]


def check_comparable(a: RunHeader, b: RunHeader, pairs: Sequence[Pair] = ()) -> None:
    """UsageError naming everything that differs between the two runs, and between the records to be compared."""
    found = differences(a, b, pairs)
    if found:
        raise UsageError(
            f"the runs come from different machines or settings: {'; '.join(found)}",
            "--force compares them all the same, and says so beside every figure",
        )


def differences(a: RunHeader, b: RunHeader, pairs: Sequence[Pair] = ()) -> list[str]:
    """What makes two runs unlike, a phrase each; nothing when they may be compared."""
    first, second = [one for one, _ in pairs], [other for _, other in pairs]
    named = [
        ("target", a.target, b.target),
        *_machine(a.host, b.host),
        ("power mode", _power_mode(a), _power_mode(b)),
        ("power scope", _scopes(first), _scopes(second)),
    ]
    found = [f"{name}: {one} and {other}" for name, one, other in named if _unlike(name, one, other)]
    threads = {(one.case.threads, other.case.threads) for one, other in pairs}
    return found + [f"threads: {one} and {other}" for one, other in sorted(threads) if one != other]


def other_file(a: Record, b: Record) -> bool:
    """Whether the two records are of different model files, as far as both name theirs."""
    return bool(a.artifact and b.artifact and a.artifact.sha256 != b.artifact.sha256)


def pairs_of(first: Sequence[Record], second: Sequence[Record]) -> list[Pair]:
    """Records of the same case; where there is none at all, those that differ in nothing but their threads."""
    others = {record.case_id: record for record in second}
    same = [(record, others[record.case_id]) for record in first if record.case_id in others]
    if same:
        return same
    rest = {dataclasses.replace(record.case, threads=1): record for record in second}
    keyed = [(record, dataclasses.replace(record.case, threads=1)) for record in first]
    return [(record, rest[key]) for record, key in keyed if key in rest]


def _machine(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Facts of the class of a machine; memory in whole GiB, since kernels keep some of it for themselves."""
    for name in sorted({*a, *b} - _NOT_CLASS):
        yield name, a.get(name), b.get(name)
    yield "memory GiB", _gibibytes(a), _gibibytes(b)


def _gibibytes(host: Mapping[str, Any]) -> int | None:
    size = host.get("memory_bytes")
    return round(size / _GIB) if isinstance(size, int) else None


def _unlike(name: str, one: Any, other: Any) -> bool:
    """Power is compared where both sides know of it: a run without a sensor says nothing of another scope."""
    if name.startswith("power") and not (one and other):
        return False
    return bool(one != other)


def _power_mode(header: RunHeader) -> str:
    """What the check of that name found; '' where the machine has no power modes."""
    found = next((each for each in header.findings if each.check == "power_mode"), None)
    return found.found if found and found.status != "unknown" else ""


def _scopes(records: Sequence[Record]) -> str:
    """What the energy figures of some records include: 'board', 'package', ...; '' without energy."""
    traces = [trace for record in records if record.value("energy_gross_j") is not None for trace in record.traces]
    return ", ".join(sorted({trace.scope for trace in traces if trace.unit in {"W", "J"}}))
