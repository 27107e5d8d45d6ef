"""One night: measure, keep, judge, write down."""

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
"""Metrics that are counted and not estimated."""

HISTORY_NIGHTS = 400
FEED_NIGHTS = 60
SLOW_EVERY = timedelta(days=6, hours=12)


class Night:
    """A measured run, judged against the store's history. `said` is told what is being measured again."""

    def __init__(
        self,
        store: Store,
        folder: RunFolder,
        plan: Plan,
        rules: NightlyRules,
        release: str | None = None,
        said: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._folder = folder
        self._release = release
        self._said = said
        self.header = folder.header()
        self.records = folder.records()
        place = f"{_slug(self.header.suite)}-{_slug(self.header.target)}"
        self._papers = store.folder / "nightly" / place
        kept = BaselineStore(store.folder / "kept" / f"{place}.json")
        prepared = {one.case.id: one for one in plan.prepared}
        commit = _commit(self.header)
        builds = {
            name: Build.of(one, self.header.run_id, self.header.versions, commit) for name, one in prepared.items()
        }
        environments = Environments(store.folder / "environments")
        self._tonight = NightContext(prepared, builds, kept, environments, rules)

    def judge(self, settings: Settings | None = None) -> NightlyReport:
        """Append the run to the store, judge it, keep its builds, and file its verdicts for the nights to come."""
        settings, weekly = settings or Settings(), self._slow_pass_due()
        self._store.append(self._folder)
        with tempfile.TemporaryDirectory(prefix="edgebench-") as scratch:
            outcomes = [*self._at_once(settings, Path(scratch)), *self._by_history(settings, Path(scratch), weekly)]
        self._keep(outcomes)
        paper = NightlyReport(self.header, outcomes, self.records, weekly)
        self._papers.mkdir(parents=True, exist_ok=True)
        text = json.dumps(paper.document(), allow_nan=False)
        write_atomic(self._papers / f"{self.header.run_id}.json", text.encode())
        return paper

    def write(self, paper: NightlyReport) -> None:
        """Write all papers into the run folder, beside the report."""
        document = paper.document()
        texts = {
            "verdicts.json": json.dumps(document, indent=1, allow_nan=False).encode(),
            "junit.xml": junit(paper),
            "summary.md": markdown(paper).encode(),
            "feed.atom": atom([document, *self.earlier()][:FEED_NIGHTS]),
        }
        for name, data in texts.items():
            write_atomic(self._folder.path / name, data)

    def earlier(self) -> list[dict[str, Any]]:
        """Documents of the nights before this one, newest first."""
        return [one for one in documents(self._papers) if one["run_id"] != self.header.run_id]

    def _at_once(self, settings: Settings, scratch: Path) -> Iterator[Outcome]:
        """What the night shows without a history."""
        yield from exact_metrics.failures(self.records, self._tonight)
        yield from exact_metrics.device(self.records)
        yield from exact_metrics.limits(self.records, self._tonight)
        yield from exact_metrics.sizes(self._tonight)
        yield from exact_metrics.accuracy(self._tonight, AccuracyPass(scratch), settings.fdr)

    def _by_history(self, settings: Settings, scratch: Path, weekly: bool) -> Iterator[Outcome]:
        """Metric by metric against the nights before, and once a week what has crept in meanwhile."""
        again = Remeasurement(PROFILES[self.header.profile], scratch, self.header.seed, self._said)
        for metric in (name for name in MIN_EFFECT if name not in EXACT):
            nights = self._history(metric)
            yield from detect_changes(metric, nights, self._tonight, again, settings)
            if weekly or self._release:
                yield from detect_slow_changes(metric, nights, self._tonight, settings, self._release)

    def _history(self, metric: str) -> Nights:
        from harness.store import Filters

        header = self.header
        where = Filters(suite=header.suite, target=header.target, machine=header.host.get("machine_id") or "")
        return self._store.series(metric, where, last=HISTORY_NIGHTS)

    def _keep(self, outcomes: Sequence[Outcome]) -> None:
        """Tonight's builds go on trial, but where something is wrong with them, or may be."""
        kept, doubtful = self._tonight.kept, {one.case_id for one in outcomes if one.doubts}
        measured = {record.case_id for record in self.records if record.value("n_inferences") is not None}
        for name in measured & set(self._tonight.prepared):
            kept.offer(name, self._tonight.builds[name], self._tonight.prepared[name].artifact)
            if name not in doubtful or kept.good(name) is None:
                kept.approve(name)
        for name in doubtful:  # of cases without figures too: their nights in a row end here
            kept.doubt(name)
        kept.save()

    def _slow_pass_due(self) -> bool:
        """A week after the last night with a slow pass, by the calendar week of the nights on file."""
        now = datetime.fromisoformat(self.header.started_utc)
        passes = (datetime.fromisoformat(one["started_utc"]) for one in self.earlier() if one["slow_pass"])
        last = next(passes, None)
        return last is None or now - last > SLOW_EVERY


def documents(folder: Path) -> list[dict[str, Any]]:
    """The verdicts on file, newest night first."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    return sorted(found, key=lambda one: str(one["started_utc"]), reverse=True)


def matching(nights: Iterable[dict[str, Any]], text: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Night and outcome of every finding whose series holds `text`."""
    return ((night, one) for night in nights for one in night["outcomes"] if text in one["series"])


def _commit(header: RunHeader) -> str:
    repository = header.provenance.get("repository")
    return str(repository.get("commit") or "") if isinstance(repository, dict) else ""


def _slug(text: str) -> str:
    return "".join(char if char.isalnum() or char in "-_." else "_" for char in text)
