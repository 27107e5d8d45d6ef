"""The outcomes of a night, each with its numbers and a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

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
"""Exit codes by kind of outcome, the most severe first."""


@dataclass(frozen=True)
class Outcome:
    """One result about a series or about the machine.

    Attributes:
        kind: What happened.
        case_id: Id of the case, '' for the machine.
        metric: Name of the metric, '' where it is about none.
        sentence: The result in words.
        ratio: New value over old one; None where nothing was compared.
        lo: Lower end of the 95 % interval of `ratio`.
        hi: Upper end of the 95 % interval of `ratio`.
        p_value: p-value of the test behind it.
        command: Command that repeats the measurement.
        evidence: The numbers behind the result.

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
        """Name of the series: case id and metric, or 'machine'."""
        return f"{self.case_id} {self.metric}".strip() or "machine"

    @property
    def casts_doubt(self) -> bool:
        """Whether the build may be at fault and is not approved tonight; also where only later nights decide."""
        pending = self.kind == "transient" and self.evidence.get("means") == "history"
        return pending or self.kind in ("regression", "inconclusive", "infrastructure")


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """Return the exit code of the most severe outcome; 0 if there is none."""
    kinds = {outcome.kind for outcome in outcomes}
    return next((code for kind, code in _EXIT.items() if kind in kinds), EXIT_OK)


def by_severity(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Sort outcomes by severity, the most severe first, then by series."""
    order = list(_EXIT)
    return sorted(outcomes, key=lambda outcome: (order.index(outcome.kind), outcome.series))


def of_case(outcomes: Iterable[Outcome], case_id: str) -> list[Outcome]:
    """Return the outcomes of a case, the most severe first; `case_id` '' selects those of the machine."""
    return [outcome for outcome in by_severity(outcomes) if outcome.case_id == case_id]


_SCALES = {"ns": (1e3, "ms"), "j": (1e3, "mJ"), "bytes": (2.0**-20, "MiB"), "per_s": (1.0, "/s")}
"""By unit of the metric: the factor from the unit of the store's series (seconds for ns), and the unit shown."""


def sentence(verdict: Verdict, unit: str, changes: Sequence[str] | None, others: int, first_bad: str) -> str:
    """Return the sentence of a verdict: '+4.8 % [3.9, 5.6]; 12.1 -> 12.7 ms; ...'.

    Args:
        verdict: The detector's verdict.
        unit: Unit of the metric.
        changes: Differences from the last good build, None where there is no such build.
        others: Number of other series that changed.
        first_bad: Commit of the first night of the change, '' where it is not known.

    """
    scale, shown = _SCALES.get(unit, (1.0, unit))
    parts = [verdict.sentence(shown, scale)]
    if changes is not None:
        parts.append(f"changed since the last good build: {', '.join(changes) or 'nothing, same hash: yes'}")
    parts.append(f"{others} other series moved" if others else "no other series moved")
    if first_bad and verdict.kind == "regression":
        parts.append(f"first bad {first_bad[:10]}")
    return "; ".join(parts)
