"""What a night found: one outcome a series, with its numbers, a sentence and the command that repeats it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.core.errors import EXIT_ENVIRONMENT, EXIT_INCONCLUSIVE, EXIT_INFRASTRUCTURE, EXIT_OK, EXIT_REGRESSION

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


def by_weight(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The gravest first, by name within."""
    order = list(_EXIT)
    return sorted(outcomes, key=lambda outcome: (order.index(outcome.kind), outcome.series))


def of_case(outcomes: Iterable[Outcome], case_id: str) -> list[Outcome]:
    """Those on one case, the gravest first; with '' those on the machine."""
    return [outcome for outcome in by_weight(outcomes) if outcome.case_id == case_id]
