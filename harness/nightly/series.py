"""The history of one metric through the detector: its verdicts on tonight, as outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.measure.prepared import PreparedCase
from harness.stats.nightly import Detector, Settings, Verdict
from harness.stats.nightly.confirmation import LASTING_NIGHTS
from suites.nightly_rules import NightlyRules

from .baselines import BaselineStore, Build
from .environments import Environments
from .outcome import Outcome, sentence
from .remeasurement import FIELDS, Remeasurement
from .repeat import Request

if TYPE_CHECKING:
    from harness.store.database.history import Nights


@dataclass(frozen=True)
class NightContext:
    """What was measured tonight, and what it is compared with.

    Attributes:
        prepared: Tonight's cases, by case id.
        builds: Their builds, by case id.
        baselines: The last good builds.
        environments: Virtual environments with older package versions.
        rules: The suite's smallest effects and limits.
        request: What the night was asked for.

    """

    prepared: Mapping[str, PreparedCase]
    builds: Mapping[str, Build]
    baselines: BaselineStore
    environments: Environments
    rules: NightlyRules
    request: Request = field(default_factory=Request)

    def changes(self, case_id: str) -> list[str] | None:
        """List the differences from the last good build; None where there is no such build."""
        old, new = self.baselines.last_good(case_id), self.builds.get(case_id)
        return new.changes(old) if old and new else None

    def baseline(self, case_id: str) -> PreparedCase | None:
        """Return the last good build of a case as it ran; None if it is tonight's or can no longer be run."""
        build = self.baselines.last_good(case_id)
        if build is None or not self.changes(case_id):
            return None
        old = self.baselines.prepared(build, self.prepared[case_id])
        if old is None or build.versions == self.builds[case_id].versions:
            return old
        interpreter = self.environments.interpreter(build.versions)
        return replace(old, interpreter=interpreter) if interpreter else None

    def command(self, case_id: str, metric: str = "") -> str:
        """Return the command that compares a case with its last good build, or measures it again."""
        if case_id not in self.prepared:
            return self.request.measure(case_id)
        new, old = self.prepared[case_id], self.baseline(case_id)
        here = old is not None and old.interpreter == new.interpreter  # `ab` has no older package versions
        return self.request.compare(new.case, metric, old.artifact.path if old and here else None, new.artifact.path)


def detect_changes(
    metric: str, nights: Nights, context: NightContext, remeasurement: Remeasurement, settings: Settings
) -> list[Outcome]:
    """Detect changes of a metric in the last of `nights`.

    Args:
        metric: Name of the metric.
        nights: History of its series, tonight last. Series that were not measured tonight are ignored.
        context: Tonight's cases and their last good builds.
        remeasurement: Measures suspicious cases again.
        settings: Settings of the detector.

    """
    detector = Detector(_metric_settings(metric, nights, context.rules, settings))
    wanted = [i for i, series in enumerate(nights.series) if series.case_id in context.prepared]
    values = nights.values[wanted]
    if not values.size:
        return []
    names = _names(nights, wanted)
    remeasure: dict[str, Any] = {}
    if metric in FIELDS:
        remeasure = {
            "rerun": lambda s: remeasurement.rerun(context.prepared[names[s]], metric),
            "ab": lambda s, pairs: _pair(names[s], metric, pairs, context, remeasurement),
        }
    verdicts = detector.night(
        values[:, :-1],
        values[:, -1],
        since=nights.since[wanted],
        same_build=np.array([context.changes(name) == [] for name in names]),
        **remeasure,
    )
    verdicts = verdicts if remeasure else [_pending(verdict) for verdict in verdicts]
    return _outcomes(metric, wanted, verdicts, nights, context)


def detect_slow_changes(
    metric: str, nights: Nights, context: NightContext, settings: Settings, release: str | None = None
) -> list[Outcome]:
    """Detect changes too slow for a single night, since each series' last reset or since `release`.

    Args:
        metric: Name of the metric.
        nights: As for `detect_changes`.
        context: As for `detect_changes`.
        settings: Settings of the detector.
        release: ISO date; the first night with that date or a later one begins the comparison.

    """
    wanted = [i for i, series in enumerate(nights.series) if series.case_id in context.prepared]
    if not wanted:
        return []
    detector = Detector(_metric_settings(metric, nights, context.rules, settings))
    dates = [run.started_utc for run in nights.runs]
    first = next((index for index, date in enumerate(dates) if date >= release), len(dates)) if release else 0
    verdicts = detector.slow(nights.values[wanted], np.maximum(nights.since[wanted], first))
    outcomes = _outcomes(metric, wanted, verdicts, nights, context)
    # a slow loss shows that something changed, not that a build did it: it is no regression
    return [replace(item, kind="inconclusive") if item.kind == "regression" else item for item in outcomes]


def nights_measured(nights: Nights, context: NightContext) -> dict[str, int]:
    """Return the number of nights since the last reset that measured the series, by the ids of tonight's cases."""
    numbers = {}
    for series, values, since in zip(nights.series, nights.values, nights.since, strict=True):
        measured = ~np.isnan(values).all(axis=-1)
        if series.case_id in context.prepared and measured[-1:].any():
            numbers[series.case_id] = int(np.count_nonzero(measured[since:]))
    return numbers


def _pending(verdict: Verdict) -> Verdict:
    """Make a change that cannot be measured again transient until it has lasted `LASTING_NIGHTS`."""
    undecided = verdict.kind == "inconclusive" or verdict.series is None
    pending = undecided and verdict.evidence.recent_nights < LASTING_NIGHTS
    return replace(verdict, kind="transient") if pending else verdict


def _metric_settings(metric: str, nights: Nights, rules: NightlyRules, settings: Settings) -> Settings:
    better = nights.series[0].better if nights.series else "lower"
    return replace(settings, better="more" if better == "higher" else "less", min_effect=rules.least_effect(metric))


def _pair(name: str, metric: str, pairs: int, context: NightContext, remeasurement: Remeasurement) -> Any:
    old = context.baseline(name)
    return remeasurement.ab(old, context.prepared[name], metric, pairs) if old else None


def _names(nights: Nights, rows: Sequence[int]) -> list[str]:
    return [nights.series[row].case_id for row in rows]


def _outcomes(
    metric: str, rows: Sequence[int], verdicts: list[Verdict], nights: Nights, context: NightContext
) -> list[Outcome]:
    """Turn verdicts on these rows of `nights` into outcomes, without those below the smallest effect of their case."""
    names = _names(nights, rows)
    relevant = [v for v in verdicts if v.series is None or _is_relevant(v, names[v.series], metric, context.rules)]
    changed = sum(verdict.series is not None and verdict.kind != "transient" for verdict in relevant)
    return [
        _outcome(metric, None if v.series is None else rows[v.series], v, changed, nights, context) for v in relevant
    ]


def _is_relevant(verdict: Verdict, name: str, metric: str, rules: NightlyRules) -> bool:
    """Return whether a change is large enough for this case; a transient one is kept whatever its size."""
    large = abs(np.log(verdict.ratio)) >= np.log1p(rules.min_effect(name, metric))
    return bool(large) or verdict.kind == "transient"


def _outcome(
    metric: str, row: int | None, verdict: Verdict, changed: int, nights: Nights, context: NightContext
) -> Outcome:
    unit = nights.series[0].unit
    name = "" if row is None else nights.series[row].case_id
    first = "" if row is None or verdict.evidence.means == "slow" else _first_commit(nights, row, verdict)
    others = changed - (row is not None and verdict.kind != "transient")
    changes = context.changes(name) if name else None
    return Outcome(
        kind=verdict.kind,
        case_id=name,
        metric=metric,
        sentence=sentence(verdict, unit, changes, others, first),
        ratio=verdict.ratio,
        lo=verdict.lo,
        hi=verdict.hi,
        p_value=verdict.p_value,
        command=context.command(name, metric) if name else "edgebench selfcheck",
        evidence=asdict(verdict.evidence),
    )


def _first_commit(nights: Nights, row: int, verdict: Verdict) -> str:
    """Return the commit of the first night of the change, '' where it is not known; a night may lack this case."""
    measured = np.flatnonzero(~np.isnan(nights.values[row]).all(axis=-1))
    return nights.runs[measured[-verdict.evidence.recent_nights]].git_sha or ""
