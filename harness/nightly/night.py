"""One night: append the run to the store, evaluate it, keep its builds, write its documents."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.files import write_atomic
from harness.core.record import RunHeader
from harness.measure.passes.accuracy import AccuracyPass
from harness.measure.presets import PROFILES
from harness.stats.nightly import Settings
from harness.store.runfolder import RunFolder
from suites.nightly_rules import MIN_EFFECT, NightlyRules

from . import exact_metrics
from .baselines import BaselineStore, Build
from .environments import Environments
from .outcome import Outcome
from .remeasurement import Remeasurement
from .report import NightlyReport, atom, junit, markdown
from .series import NightContext, detect_changes, detect_slow_changes

if TYPE_CHECKING:
    from harness.runs.plan import Plan
    from harness.store.database.history import Nights
    from harness.store.database.store import Store

EXACT = frozenset({"top1", "artifact_bytes"})
"""Metrics that are counted, not estimated."""

HISTORY_NIGHTS = 400
FEED_NIGHTS = 60
SLOW_EVERY = timedelta(days=6, hours=12)


class Night:
    """The evaluation of a measured run against the store's history.

    Args:
        store: Store with the earlier nights; the run is appended to it.
        folder: The run folder.
        plan: The run's prepared cases.
        rules: The suite's smallest effects and limits.
        release: ISO date; changes since that day are reported as well.
        progress: Called with a line of text before each case that is measured again.

    """

    def __init__(
        self,
        store: Store,
        folder: RunFolder,
        plan: Plan,
        rules: NightlyRules,
        release: str | None = None,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._folder = folder
        self._release = release
        self._progress = progress
        self.header = folder.header()
        self.records = folder.records()
        stem = f"{_slug(self.header.suite)}-{_slug(self.header.target)}"
        self._verdicts = store.folder / "nightly" / stem
        baselines = BaselineStore(store.folder / "kept" / f"{stem}.json")
        prepared = {case.case.id: case for case in plan.prepared}
        commit = _commit(self.header)
        builds = {
            name: Build.of(case, self.header.run_id, self.header.versions, commit) for name, case in prepared.items()
        }
        environments = Environments(store.folder / "environments")
        self._context = NightContext(prepared, builds, baselines, environments, rules)

    def evaluate(self, settings: Settings | None = None) -> NightlyReport:
        """Append the run to the store, evaluate it, keep its builds, and store its verdicts for later nights."""
        settings, weekly = settings or Settings(), self._slow_pass_due()
        self._store.append(self._folder)
        with tempfile.TemporaryDirectory(prefix="edgebench-") as scratch:
            outcomes = [
                *self._without_history(settings, Path(scratch)),
                *self._with_history(settings, Path(scratch), weekly),
            ]
        self._store_builds(outcomes)
        report = NightlyReport(self.header, outcomes, self.records, weekly)
        self._verdicts.mkdir(parents=True, exist_ok=True)
        text = json.dumps(report.document(), allow_nan=False)
        write_atomic(self._verdicts / f"{self.header.run_id}.json", text.encode())
        return report

    def write(self, report: NightlyReport) -> None:
        """Write the documents of the night into the run folder, beside the HTML report."""
        document = report.document()
        texts = {
            "verdicts.json": json.dumps(document, indent=1, allow_nan=False).encode(),
            "junit.xml": junit(report),
            "summary.md": markdown(report).encode(),
            "feed.atom": atom([document, *self.previous()][:FEED_NIGHTS]),
        }
        for name, data in texts.items():
            write_atomic(self._folder.path / name, data)

    def previous(self) -> list[dict[str, Any]]:
        """Return the documents of the nights before this one, newest first."""
        return [night for night in documents(self._verdicts) if night["run_id"] != self.header.run_id]

    def _without_history(self, settings: Settings, scratch: Path) -> Iterator[Outcome]:
        """Yield the outcomes that need no history."""
        yield from exact_metrics.failures(self.records, self._context)
        yield from exact_metrics.device(self.records)
        yield from exact_metrics.not_compared(self.records, self._context)
        yield from exact_metrics.limits(self.records, self._context)
        yield from exact_metrics.sizes(self._context)
        yield from exact_metrics.accuracy(self._context, AccuracyPass(scratch), settings.fdr)

    def _with_history(self, settings: Settings, scratch: Path, weekly: bool) -> Iterator[Outcome]:
        """Yield the changes of each metric against the nights before, and once a week the slow ones."""
        remeasurement = Remeasurement(PROFILES[self.header.profile], scratch, self.header.seed, self._progress)
        for metric in (name for name in MIN_EFFECT if name not in EXACT):
            nights = self._history(metric)
            yield from detect_changes(metric, nights, self._context, remeasurement, settings)
            if weekly or self._release:
                yield from detect_slow_changes(metric, nights, self._context, settings, self._release)

    def _history(self, metric: str) -> Nights:
        from harness.store import Filters

        header = self.header
        where = Filters(suite=header.suite, target=header.target, machine=header.host.get("machine_id") or "")
        return self._store.series(metric, where, last=HISTORY_NIGHTS)

    def _store_builds(self, outcomes: Sequence[Outcome]) -> None:
        """Store tonight's builds, and count the night for those that no outcome casts doubt on."""
        baselines = self._context.baselines
        doubtful = {outcome.case_id for outcome in outcomes if outcome.casts_doubt}
        measured = {record.case_id for record in self.records if record.value("n_inferences") is not None}
        for name in measured & set(self._context.prepared):
            baselines.add_latest(name, self._context.builds[name], self._context.prepared[name].artifact)
            if name not in doubtful or baselines.last_good(name) is None:
                baselines.approve(name)
        for name in doubtful:  # cases without figures too: their run of good nights ends here
            baselines.restart_trial(name)
        baselines.save()

    def _slow_pass_due(self) -> bool:
        """Return whether a week has passed since the last night with a slow pass, by the stored nights."""
        now = datetime.fromisoformat(self.header.started_utc)
        passes = (datetime.fromisoformat(night["started_utc"]) for night in self.previous() if night["slow_pass"])
        last = next(passes, None)
        return last is None or now - last > SLOW_EVERY


def documents(folder: Path) -> list[dict[str, Any]]:
    """Return the stored verdicts, newest night first."""
    nights = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    return sorted(nights, key=lambda night: str(night["started_utc"]), reverse=True)


def matching(nights: Iterable[dict[str, Any]], text: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield (night, outcome) for each outcome whose series contains `text`."""
    return ((night, outcome) for night in nights for outcome in night["outcomes"] if text in outcome["series"])


def _commit(header: RunHeader) -> str:
    repository = header.provenance.get("repository")
    return str(repository.get("commit") or "") if isinstance(repository, dict) else ""


def _slug(text: str) -> str:
    return "".join(char if char.isalnum() or char in "-_." else "_" for char in text)
