"""The outcomes of a night: one per series, with its numbers, a sentence and the command that measures it again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness.core.case import Case
from harness.core.errors import EXIT_ENVIRONMENT, EXIT_INCONCLUSIVE, EXIT_INFRASTRUCTURE, EXIT_OK, EXIT_REGRESSION
from harness.stats.nightly import Verdict

Kind = Literal["regression", "infrastructure", "environment", "inconclusive", "improvement", "transient"]

_EXIT: Mapping[Kind, int] = {
    "regression": EXIT_REGRESSION,
    "infrastructure": EXIT_INFRASTRUCTURE,
    "environment": EXIT_ENVIRONMENT,
    "inconclusive": EXIT_INCONCLUSIVE,
    "improvement": EXIT_OK,
    "transient": EXIT_OK,
}
"""From what weighs most to what weighs least."""


@dataclass(frozen=True)
class Outcome:
    """A finding on one series, or with `case_id` '' on the machine.

    `ratio` is new over old of `metric`, between `lo` and `hi` at 95 %; None where nothing was compared. `sentence` is
    for people, `command` measures it again, `evidence` holds the numbers behind it.
    """

    kind: Kind
    case_id: str
    metric: str
    sentence: str
    ratio: float | None = None
    lo: float | None = None
    hi: float | None = None
    p_value: float | None = None
    command: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def series(self) -> str:
        """The name of the series: case id and metric; 'machine' for what is no case's."""
        return f"{self.case_id} {self.metric}".strip() or "machine"

    @property
    def doubts(self) -> bool:
        """Whether the build may be at fault, so that it is not taken for good: also where only later nights decide."""
        waits = self.kind == "transient" and self.evidence.get("means") == "history"
        return waits or self.kind in ("regression", "inconclusive", "infrastructure")


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """1 a confirmed regression, 12 device or infrastructure, 11 environment change, 10 inconclusive, 0 otherwise."""
    kinds = {outcome.kind for outcome in outcomes}
    return next((code for kind, code in _EXIT.items() if kind in kinds), EXIT_OK)


def by_severity(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The gravest first, by name within."""
    order = list(_EXIT)
    return sorted(outcomes, key=lambda outcome: (order.index(outcome.kind), outcome.series))


def of_case(outcomes: Iterable[Outcome], case_id: str) -> list[Outcome]:
    """Those on one case, the gravest first; with '' those on the machine."""
    return [outcome for outcome in by_severity(outcomes) if outcome.case_id == case_id]


_SCALES = {"ns": (1e3, "ms"), "j": (1e3, "mJ"), "bytes": (2.0**-20, "MiB"), "per_s": (1.0, "/s")}
"""Unit of the metric: factor from the unit of the store's series (seconds for ns), and the name that is shown."""


def sentence(verdict: Verdict, unit: str, changes: Sequence[str] | None, others: int, first_bad: str) -> str:
    """'+4.8 % [3.9, 5.6]; 12.1 -> 12.7 ms; ...': the detector's numbers, and what else a person asks at once.

    `changes` is what differs from the last good build, None where none is kept; `others` how many more series moved.
    """
    scale, shown = _SCALES.get(unit, (1.0, unit))
    parts = [verdict.sentence(shown, scale)]
    if changes is not None:
        parts.append(f"changed since the last good build: {', '.join(changes) or 'nothing, same hash: yes'}")
    parts.append(f"{others} other series moved" if others else "no other series moved")
    if first_bad and verdict.kind == "regression":
        parts.append(f"first bad {first_bad[:10]}")
    return "; ".join(parts)


def remeasure_command(case: Case, old: Path | None, new: Path) -> str:
    """The command that measures this case again: against the kept build where there is one, else alone."""
    if case.scenario != "SingleStream" or case.batch != 1:
        return run_command(case.id)
    if old is None:
        return shlex.join(["edgebench", "run", "--model", str(new), "--runtime", case.runtime])
    runtimes = ["--runtime-a", case.runtime, "--runtime-b", case.runtime]
    return shlex.join(["edgebench", "ab", str(old), str(new), *runtimes, "--threads", str(case.threads)])


def run_command(case_id: str) -> str:
    """The command that measures a case as the suite has it."""
    return shlex.join(["edgebench", "run", "-k", case_id])
