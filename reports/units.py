"""Which runs of a report come from the same piece of hardware, and what each piece is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.core.printable import one_line
from harness.core.record import RunHeader

_ID_LENGTH = 6


def unit_names(headers: Sequence[RunHeader]) -> list[str]:
    """Return the name of each run's piece of hardware: that of its target, with an id where several share the target.

    A board that runs as two targets counts as two: their figures are not compared.
    """
    keys = [(header.target, _unit(header, headers)) for header in headers]
    several = Counter(target for target, _ in dict.fromkeys(keys))
    return [one_line(target if several[target] == 1 else f"{target} ({_short(unit, keys)})") for target, unit in keys]


def _unit(header: RunHeader, others: Sequence[RunHeader]) -> str:
    """Return the id of a run's hardware; runs of older versions, without one, are told by the installed system."""
    unit, system = header.host.get("unit_id"), header.host.get("machine_id")
    if unit or not system:
        return header.unit
    same_system = {other.host.get("unit_id") for other in others if other.host.get("machine_id") == system} - {None}
    return str(same_system.pop()) if len(same_system) == 1 else header.unit


def _short(unit: str, keys: Sequence[tuple[str, str]]) -> str:
    """Return the beginning of an id, or all of it where another begins alike."""
    alike = {other for _, other in keys if other[:_ID_LENGTH] == unit[:_ID_LENGTH]}
    return (unit[:_ID_LENGTH] if len(alike) == 1 else unit) or "unknown board"
