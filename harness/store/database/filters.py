"""Filters that select runs, cases and metrics of run folders and stores; `conditions` has them as SQL."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from harness.core.metric import metric
from harness.core.quantity import microseconds, parse_time

if TYPE_CHECKING:
    from harness.core.record import Record, RunHeader


@dataclass(frozen=True)
class Filters:
    """A selection of runs, cases and metrics. A field that is None selects all.

    Text is compared as a whole, or as a pattern if it contains * or ?.

    Attributes:
        model: Name of a model or of a family ('mobilenet_v2').
        compression: Name of a compression setting.
        runtime: Name of a runtime.
        scenario: Name of a scenario.
        threads: Number of threads.
        target: Name of a target.
        machine: Id of a unit.
        metric: Name of a metric.
        suite: Name of a suite.
        case: Id of a case.
        run: Id of a run.
        since: First time, inclusive: an ISO date or time in UTC, or an age ('30d', '12h').
        until: Last time, exclusive, in the same forms.

    Raises:
        UsageError: `since` or `until` is not a time.
        UnknownName: There is no such metric.

    """

    model: str | None = None
    compression: str | None = None
    runtime: str | None = None
    scenario: str | None = None
    threads: int | None = None
    target: str | None = None
    machine: str | None = None
    metric: str | None = None
    suite: str | None = None
    case: str | None = None
    run: str | None = None
    since: str | None = None
    until: str | None = None

    def __post_init__(self) -> None:
        if self.metric is not None and not is_pattern(self.metric):
            metric(self.metric)
        _ = self.first_us, self.end_us

    @property
    def first_us(self) -> int | None:
        """`since` in UTC microseconds."""
        return None if self.since is None else parse_time(self.since)

    @property
    def end_us(self) -> int | None:
        """`until` in UTC microseconds."""
        return None if self.until is None else parse_time(self.until)

    def takes_run(self, header: RunHeader) -> bool:
        """Return whether the run of a run folder matches."""
        started = microseconds(header.started_utc)
        texts = {"run": header.run_id, "suite": header.suite, "target": header.target, "machine": header.unit}
        return (
            all(_matches(getattr(self, name), text) for name, text in texts.items())
            and (self.first_us is None or started >= self.first_us)
            and (self.end_us is None or started < self.end_us)
        )

    def takes_record(self, record: Record) -> bool:
        """Return whether a case of a matching run matches."""
        case = record.case
        family = case.model.partition("-")[0]
        return (
            (_matches(self.model, case.model) or (case.weights != "user" and _matches(self.model, family)))
            and all(
                _matches(getattr(self, name), getattr(case, name)) for name in ("compression", "runtime", "scenario")
            )
            and _matches(self.case, case.id)
            and self.threads in {None, case.threads}
        )

    def takes_metric(self, name: str) -> bool:
        """Return whether a metric matches."""
        return _matches(self.metric, name)


def is_pattern(text: str) -> bool:
    """Return whether a text of a filter stands for several."""
    return "*" in text or "?" in text


def _matches(wanted: str | None, text: str) -> bool:
    if wanted is None:
        return True
    return fnmatchcase(text, wanted.replace("[", "[[]")) if is_pattern(wanted) else text == wanted
