"""Raw samples of a case out of the run's blobs; a blob that is gone takes away its plot and nothing else.

What a report is made of: run folders read once, and the cases that count as current.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from harness.core.errors import RecordError, UsageError
from harness.core.files import record_name
from harness.core.quantity import Quantity
from harness.core.record import Record, RunHeader
from harness.store.comparison import Comparison, compare_records
from harness.store.runfolder import Contents

from .labels import label_of, load_of, main_load, mark_of, scales_of, setting_of
from .numbers import FormattedValue, Scale, show
from .text import brief_record, when

Samples = npt.NDArray[np.float64]


class RunReader(Protocol):
    """Where a run is read from: a `RunFolder`, or a run in a store (`reports.serve.run_sources`)."""

    def header(self) -> RunHeader:
        """The run's header; RecordError when it cannot be read."""

    def contents(self) -> Contents:
        """Every record that can be read, and why the others cannot."""

    def blob(self, sha256: str) -> dict[str, npt.NDArray[np.generic]]:
        """The arrays kept under that hash; RecordError when they are gone or damaged."""


@dataclass(frozen=True)
class Blobs:
    """The arrays behind one record. Several sections draw the same latencies, so that they are read once and kept."""

    source: RunReader
    record: Record
    _kept: dict[str, dict[str, npt.NDArray[np.generic]]] = field(default_factory=dict)

    def wall_ns(self) -> Samples | None:
        """Wall times of all timed inferences over all processes, in ns; None when none can be read."""
        parts = [wall for _, wall in self.processes_ns() if wall.size]
        return np.concatenate(parts) if parts else None

    def processes_ns(self) -> list[tuple[Samples, Samples]]:
        """(warm-up, timed) wall times of every process in time order, in ns; empty where they cannot be read."""
        blobs = [self.read(process.blob.sha256) for process in self.record.processes]
        return [(arrays.get("warmup_ns", np.empty(0)), arrays.get("wall_ns", np.empty(0))) for arrays in blobs]

    def read(self, sha256: str) -> dict[str, Samples]:
        """The arrays of a blob as floats; nothing when it is gone or damaged."""
        if sha256 not in self._kept:
            try:
                self._kept[sha256] = self.source.blob(sha256)
            except RecordError:
                self._kept[sha256] = {}
        return {name: array.astype(np.float64) for name, array in self._kept[sha256].items()}


@dataclass(frozen=True)
class Reset:
    """A declared break: what came before it is another history. It holds for one target and case, or None: for all."""

    at_utc: str
    reason: str
    target: str | None = None
    case_id: str | None = None


@dataclass(frozen=True)
class Run:
    """One run, read from its folder or from a store."""

    source: RunReader
    header: RunHeader
    contents: Contents
    missing: tuple[str, ...]

    @property
    def label(self) -> str:
        """Short name: suite, target and when it started."""
        return f"{self.header.suite} on {self.header.target}, {when(self.header.started_utc)}"


@dataclass(frozen=True)
class CaseView:
    """One case as the report shows it. `key` is unique in the report and fit for an HTML id."""

    key: str
    record: Record
    run: Run

    @cached_property
    def blobs(self) -> Blobs:
        """The samples and readings behind the record."""
        return Blobs(self.run.source, self.record)

    @property
    def setting(self) -> str:
        """The case without its model."""
        return setting_of(self.record)

    @cached_property
    def load(self) -> str:
        """How queries reached the net; times are compared where this is equal alone."""
        return load_of(self.record)

    @property
    def label(self) -> str:
        """Model and setting."""
        return label_of(self.record)

    @property
    def trusted(self) -> bool:
        """The figures may be compared with others."""
        return self.record.verdict.trusted

    @property
    def mark(self) -> str:
        """A sign that goes with the verdict's word, so that colour is never alone."""
        return mark_of(self.record.verdict)

    @property
    def tone(self) -> str:
        """CSS class of the verdict: good, fair, doubt, bad or none."""
        return {"✓": "good", "≈": "fair", "!": "doubt", "✕": "bad", "○": "none"}[self.mark]


@dataclass(frozen=True)
class ReportData:
    """`runs` oldest first; `cases` holds the newest record of each (target, case id), in planned order.

    `samples_file`: where the raw samples lie beside the report, relative to it; '' when they do not.
    """

    runs: tuple[Run, ...]
    cases: tuple[CaseView, ...]
    baseline: Run | None = None
    resets: tuple[Reset, ...] = ()
    samples_file: str = ""

    @property
    def newest(self) -> Run:
        """The run that started last."""
        return self.runs[-1]

    @cached_property
    def main_load(self) -> str:
        """The load that rankings are made in."""
        return main_load([case.record for case in self.cases])

    @cached_property
    def scales(self) -> dict[str, Scale]:
        """The scale of every metric's column, from the current cases."""
        return scales_of([case.record for case in self.cases])

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Every case of the newest run that the baseline holds too, compared with it; none without a baseline."""
        return compare_cases(self.baseline, self.newest) if self.baseline else []

    @cached_property
    def boards(self) -> list[tuple[Run, Run]]:
        """The newest run of every other target beside that of the first."""
        first, *others = {run.header.target: run for run in self.runs}.values()
        return [(first, other) for other in others]

    def show(self, record: Record, name: str) -> FormattedValue:
        """The record's metric in this report's scale."""
        return show(record.quantity(name), self.scales[name])

    def show_quantity(self, quantity: Quantity, name: str) -> FormattedValue:
        """Any quantity in the scale of metric `name`."""
        return show(quantity, self.scales[name])


def compare_cases(before: Run, after: Run) -> list[Comparison]:
    """Every case of `after` that `before` holds too, compared with it."""
    known = {record.case_id: record for record in before.contents.records}
    return [
        compare_records(known[record.case_id], record) for record in after.contents.records if record.case_id in known
    ]


def read_run(source: RunReader) -> Run:
    """The run's header and records; RecordError when the header cannot be read."""
    header = source.header()
    contents = source.contents()
    contents = Contents(tuple(map(brief_record, contents.records)), contents.damaged)
    done = {record.case_id for record in contents.records}
    return Run(source, header, contents, tuple(case_id for case_id in header.planned if case_id not in done))


def gather(sources: Sequence[RunReader], baseline: RunReader | None = None, resets: Sequence[Reset] = ()) -> ReportData:
    """Read the runs. Without a baseline the oldest earlier run of the newest run's target serves as one."""
    if not sources:
        raise UsageError("no run to report on", "give a run folder")
    runs = tuple(sorted((read_run(source) for source in sources), key=lambda run: run.header.started_utc))
    if baseline is not None:
        chosen: Run | None = read_run(baseline)
    else:
        chosen = next((run for run in runs[:-1] if run.header.target == runs[-1].header.target), None)
    return ReportData(runs, newest_cases(runs), chosen, tuple(resets))


def case_key(record: Record) -> str:
    """HTML id of a case: its file name within its target, letters, digits and '._-' alone."""
    name = record_name(record.case_id, record.case.slug).removesuffix(".json")
    return f"case-{re.sub(r'[^A-Za-z0-9_-]+', '-', record.target)}-{name}"


def newest_cases(runs: Sequence[Run]) -> tuple[CaseView, ...]:
    """The newest record of each case of each target; `runs` oldest first."""
    newest: dict[tuple[str, str], CaseView] = {}
    for run in runs:
        for record in run.contents.records:
            newest[record.target, record.case_id] = CaseView(case_key(record), record, run)
    return tuple(newest.values())
