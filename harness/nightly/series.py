"""One metric over all nights: the detector's verdicts on tonight, as outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.measure.prepared import PreparedCase
from harness.stats.nightly import Detector, Settings, Verdict
from harness.stats.nightly.confirmation import LASTING_NIGHTS
from suites.nightly_rules import NightlyRules

from .baselines import BaselineStore, Build
from .environments import Environments
from .outcome import Outcome, remeasure_command, run_command, sentence
from .remeasurement import FIELDS, Remeasurement

if TYPE_CHECKING:
    from harness.store.database.history import Nights


@dataclass(frozen=True)
class NightContext:
    """What was measured tonight and what is kept of before, by case id."""

    prepared: Mapping[str, PreparedCase]
    builds: Mapping[str, Build]
    kept: BaselineStore
    environments: Environments
    rules: NightlyRules

    def changes(self, case_id: str) -> list[str] | None:
        """What differs from the last good build, in words; None where none is kept."""
        old, new = self.kept.good(case_id), self.builds.get(case_id)
        return new.changes(old) if old and new else None

    def old(self, case_id: str) -> PreparedCase | None:
        """The last good build of a case as it ran, where it differs from tonight's, and can be had again."""
        build = self.kept.good(case_id)
        if build is None or not self.changes(case_id):
            return None
        old = self.kept.prepared(build, self.prepared[case_id])
        if old is None or build.versions == self.builds[case_id].versions:
            return old
        interpreter = self.environments.interpreter(build.versions)
        return replace(old, interpreter=interpreter) if interpreter else None

    def command(self, case_id: str) -> str:
        """How to measure a case again."""
        if case_id not in self.prepared:
            return run_command(case_id)
        new, old = self.prepared[case_id], self.old(case_id)
        return remeasure_command(new.case, old.artifact.path if old else None, new.artifact.path)


def detect_changes(
    metric: str, nights: Nights, tonight: NightContext, again: Remeasurement, settings: Settings
) -> list[Outcome]:
    """What the detector says of tonight, the last night of `nights`; series not measured tonight are left alone."""
    detector = Detector(_settings(metric, nights, tonight.rules, settings))
    wanted = [i for i, series in enumerate(nights.series) if series.case_id in tonight.prepared]
    values = nights.values[wanted]
    if not values.size:
        return []
    names = _names(nights, wanted)
    ways: dict[str, Any] = {}
    if metric in FIELDS:
        ways = {
            "rerun": lambda s: again.rerun(tonight.prepared[names[s]], metric),
            "ab": lambda s, pairs: _pair(names[s], metric, pairs, tonight, again),
        }
    verdicts = detector.night(
        values[:, :-1],
        values[:, -1],
        since=nights.since[wanted],
        same_build=np.array([tonight.changes(name) == [] for name in names]),
        **ways,
    )
    told = verdicts if ways else [_awaited(verdict) for verdict in verdicts]
    return _outcomes(metric, wanted, told, nights, tonight)


def detect_slow_changes(
    metric: str, nights: Nights, tonight: NightContext, settings: Settings, release: str | None = None
) -> list[Outcome]:
    """What no single night shows: since the last reset of each series, or since the night of `release` (ISO date)."""
    wanted = [i for i, series in enumerate(nights.series) if series.case_id in tonight.prepared]
    if not wanted:
        return []
    detector = Detector(_settings(metric, nights, tonight.rules, settings))
    first = sum(run.started_utc < release for run in nights.runs) if release else 0
    verdicts = detector.slow(nights.values[wanted], np.maximum(nights.since[wanted], first))
    found = _outcomes(metric, wanted, verdicts, nights, tonight)
    # a slow loss says that something moved, not that a build did it: nobody is woken as for a regression
    return [replace(one, kind="inconclusive") if one.kind == "regression" else one for one in found]


def _awaited(verdict: Verdict) -> Verdict:
    """What cannot be measured again is told once it has held for some nights; until then it is only kept on file."""
    unsure = verdict.kind == "inconclusive" or verdict.series is None
    waits = unsure and verdict.evidence.recent_nights < LASTING_NIGHTS
    return replace(verdict, kind="transient") if waits else verdict


def _settings(metric: str, nights: Nights, rules: NightlyRules, settings: Settings) -> Settings:
    better = nights.series[0].better if nights.series else "lower"
    return replace(settings, better="more" if better == "higher" else "less", min_effect=rules.least_effect(metric))


def _pair(name: str, metric: str, pairs: int, tonight: NightContext, again: Remeasurement) -> Any:
    old = tonight.old(name)
    return again.ab(old, tonight.prepared[name], metric, pairs) if old else None


def _names(nights: Nights, rows: Sequence[int]) -> list[str]:
    return [nights.series[row].case_id for row in rows]


def _outcomes(
    metric: str, rows: Sequence[int], verdicts: list[Verdict], nights: Nights, tonight: NightContext
) -> list[Outcome]:
    """Verdicts on these rows of `nights` as outcomes; those below the smallest effect of their case are left out."""
    names = _names(nights, rows)
    telling = [one for one in verdicts if one.series is None or _matters(one, names[one.series], metric, tonight.rules)]
    moved = sum(one.series is not None and one.kind != "transient" for one in telling)
    return [
        _outcome(metric, None if one.series is None else rows[one.series], one, moved, nights, tonight)
        for one in telling
    ]


def _matters(verdict: Verdict, name: str, metric: str, rules: NightlyRules) -> bool:
    """Whether a change is large enough for this case; one that was gone when measured again is kept on file."""
    large = abs(np.log(verdict.ratio)) >= np.log1p(rules.min_effect(name, metric))
    return bool(large) or verdict.kind == "transient"


def _outcome(
    metric: str, row: int | None, verdict: Verdict, moved: int, nights: Nights, tonight: NightContext
) -> Outcome:
    unit = nights.series[0].unit
    name = "" if row is None else nights.series[row].case_id
    first = "" if row is None or verdict.evidence.means == "slow" else _first_commit(nights, row, verdict)
    others = moved - (row is not None and verdict.kind != "transient")
    changes = tonight.changes(name) if name else None
    return Outcome(
        kind=verdict.kind,
        case_id=name,
        metric=metric,
        sentence=sentence(verdict, unit, changes, others, first),
        ratio=verdict.ratio,
        lo=verdict.lo,
        hi=verdict.hi,
        p_value=verdict.p_value,
        command=tonight.command(name) if name else "edgebench selfcheck",
        evidence=asdict(verdict.evidence),
    )


def _first_commit(nights: Nights, row: int, verdict: Verdict) -> str:
    """The commit of the first night of the change, '' where it is not known; a night may have passed this case by."""
    measured = np.flatnonzero(~np.isnan(nights.values[row]).all(axis=-1))
    return nights.runs[measured[-verdict.evidence.recent_nights]].git_sha or ""
