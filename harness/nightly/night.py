"""One night: append the run to the store, evaluate it, keep its builds, write its documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.files import write_atomic
from harness.core.quantity import iso, microseconds
from harness.core.record import RunHeader
from harness.core.scratch import scratch_folder
from harness.measure.passes.accuracy import AccuracyPass
from harness.measure.presets import PROFILES
from harness.stats.nightly import Settings
from harness.stats.nightly.screening import MIN_BASELINE
from harness.store.database.filters import Filters
from harness.store.runfolder import RunFolder
from suites.nightly_rules import MIN_EFFECT, NightlyRules

from . import exact_metrics, machine
from .baselines import BaselineStore, Build
from .environments import Environments
from .outcome import Outcome
from .remeasurement import Remeasurement
from .repeat import Request
from .report import NightlyReport, atom, junit, markdown
from .series import NightContext, detect_changes, detect_slow_changes, nights_measured
from .unit_files import UnitFiles, documents

if TYPE_CHECKING:
    from harness.runs.plan import Plan
    from harness.store.database.history import Nights
    from harness.store.database.store import Store

EXACT = frozenset({"top1", "quality", "artifact_bytes"})
"""Metrics that are counted, not estimated."""

HISTORY_NIGHTS = 400
FEED_NIGHTS = 60
SLOW_EVERY_NIGHTS = 7
SLOW_EVERY_US = timedelta(days=6, hours=12) // timedelta(microseconds=1)


class Night:
    """The evaluation of a measured run against the store's history.

    Args:
        store: Store with the earlier nights; the run is appended to it.
        folder: The run folder.
        plan: The run's prepared cases.
        rules: The suite's smallest effects and limits.
        release: ISO date; changes since that day are reported as well.
        progress: Called with a line of text before each case that is measured again.
        request: What the night was asked for; None for the suite without options.

    """

    def __init__(
        self,
        store: Store,
        folder: RunFolder,
        plan: Plan,
        rules: NightlyRules,
        release: str | None = None,
        progress: Callable[[str], None] = lambda _: None,
        request: Request | None = None,
    ) -> None:
        self._store = store
        self._folder = folder
        self._release = release
        self._progress = progress
        self.header = folder.header()
        self.records = folder.records()
        self._files = UnitFiles.of(store.folder, self.header)
        self._prepared = {case.case.id: case for case in plan.prepared}
        self._rules = rules
        self._request = request or Request()

    def evaluate(self, settings: Settings | None = None) -> NightlyReport:
        """Append the run to the store, evaluate it, keep its builds, and store its verdicts for later nights."""
        settings = settings or Settings()
        sequence = self._store.append(self._folder).sequence
        self._files.take_over(set(self._store.runs(self._unit).run))
        weekly, context = self._slow_pass_due(), self._context()
        measured: dict[str, int] = {}
        with scratch_folder() as scratch:
            outcomes = [
                *self._about_machine(),
                *self._without_history(context, settings, scratch),
                *self._with_history(context, settings, scratch, weekly, measured),
            ]
        self._store_builds(context, outcomes)
        young = {name: number for name, number in measured.items() if number <= MIN_BASELINE}
        report = NightlyReport(self.header, outcomes, self.records, weekly, sequence, young)
        text = json.dumps(report.document(), allow_nan=False)
        write_atomic(self._files.verdicts / f"{self.header.run_id}.json", text.encode())
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
        return [night for night in documents(self._files.verdicts) if night["run_id"] != self.header.run_id]

    @property
    def _unit(self) -> Filters:
        return Filters(target=self.header.target, machine=self.header.unit)

    def _context(self) -> NightContext:
        commit = _commit(self.header)
        builds = {
            name: Build.of(case, self.header.run_id, self.header.versions, commit)
            for name, case in self._prepared.items()
        }
        environments = Environments(self._files.environments)
        baselines = BaselineStore(self._files.builds)
        return NightContext(self._prepared, builds, baselines, environments, self._rules, self._request)

    def _about_machine(self) -> Iterator[Outcome]:
        """Yield the outcomes about the machine: those of the device, and a clock behind the run before of this unit."""
        yield from machine.device(self.records)
        runs = self._store.runs(self._unit)
        before = runs[: list(runs.run).index(self.header.run_id)].tail(1)
        now_us = max(microseconds(time) for time in (self.header.started_utc, self.header.ended_utc) if time)
        for run_id, started_utc in zip(before.run, before.started_utc, strict=True):
            yield from machine.clock(iso(now_us), started_utc, run_id)

    def _without_history(self, context: NightContext, settings: Settings, scratch: Path) -> Iterator[Outcome]:
        """Yield the outcomes that need no history."""
        yield from exact_metrics.failures(self.records, context)
        yield from exact_metrics.not_compared(self.records, context)
        yield from exact_metrics.limits(self.records, context)
        yield from exact_metrics.sizes(context)
        yield from exact_metrics.accuracy(context, AccuracyPass(scratch), settings.fdr)

    def _with_history(
        self, context: NightContext, settings: Settings, scratch: Path, weekly: bool, measured: dict[str, int]
    ) -> Iterator[Outcome]:
        """Yield the changes of each metric against the nights before, and in some nights the slow ones.

        Args:
            context: Tonight's cases and what they are compared with.
            settings: Settings of the detector.
            scratch: Folder for the files of second measurements.
            weekly: Whether slow changes are looked for.
            measured: Filled with the number of nights that each case has been measured in.

        """
        remeasurement = Remeasurement(PROFILES[self.header.profile], scratch, self.header.seed, self._progress)
        for metric in (name for name in MIN_EFFECT if name not in EXACT):
            nights = self._history(metric)
            for name, number in nights_measured(nights, context).items():
                measured[name] = max(number, measured.get(name, 0))
            yield from detect_changes(metric, nights, context, remeasurement, settings)
            if weekly or self._release:
                yield from detect_slow_changes(metric, nights, context, settings, self._release)

    def _history(self, metric: str) -> Nights:
        """Return the nights of this suite on this unit up to tonight's, which is the last whatever else was added."""
        where = replace(self._unit, suite=self.header.suite)
        return self._store.series(metric, where, last=HISTORY_NIGHTS, run_id=self.header.run_id)

    def _store_builds(self, context: NightContext, outcomes: Sequence[Outcome]) -> None:
        """Store tonight's builds, and count the night for those that were judged without doubt.

        A night whose times of a case cannot be trusted says nothing about its build. In the profile smoke, which
        measures no times, its other figures decide.
        """
        baselines = context.baselines
        doubtful = {outcome.case_id for outcome in outcomes if outcome.casts_doubt}
        for record in self.records:
            name = record.case_id
            if record.value("n_inferences") is None or name not in context.prepared:
                continue
            baselines.add_latest(name, context.builds[name], context.prepared[name].artifact)
            approved = machine.has_trusted_figures(record) and name not in doubtful
            if approved or baselines.last_good(name) is None:
                baselines.approve(name)
        for name in doubtful:  # cases without figures too: their run of good nights ends here
            baselines.restart_trial(name)
        baselines.save()

    def _slow_pass_due(self) -> bool:
        """Return whether a week has passed since the last slow pass: by a clock that can be trusted, else in nights."""
        passes = ((number, night) for number, night in enumerate(self.previous(), 1) if night["slow_pass"])
        nights, last = next(passes, (0, None))
        if last is None:
            return True
        elapsed_us = microseconds(self.header.started_utc) - microseconds(last["started_utc"])
        synchronised = all(one.status == "ok" for one in self.header.findings if one.check == "clock")
        return elapsed_us > SLOW_EVERY_US if synchronised and elapsed_us >= 0 else nights >= SLOW_EVERY_NIGHTS


def _commit(header: RunHeader) -> str:
    repository = header.provenance.get("repository")
    return str(repository.get("commit") or "") if isinstance(repository, dict) else ""
