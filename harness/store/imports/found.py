"""What another tool's file holds, in this project's terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.core.case import Case
from harness.core.quantity import Quantity


@dataclass(frozen=True)
class FoundCase:
    """One case: `processes` holds its latencies in ns, a sequence a process, none where the file has a summary alone.

    `metrics` are the tool's own figures, by this project's names; `notes` what else the file says of the case.
    """

    case: Case
    processes: Sequence[Sequence[float]] = ()
    metrics: Mapping[str, Quantity] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """A file: its tool, cases, when it was made (ISO 8601, None where it does not say), the machine and its commit."""

    source: str
    cases: Sequence[FoundCase]
    started_utc: str | None = None
    host: Mapping[str, Any] = field(default_factory=dict)
    commit: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


def own_case(model: str, runtime: str, **more: Any) -> Case:
    """A case of a model that the user brought: its setting is not known."""
    return Case(model, "as-is", runtime, weights="user", **more)
