"""The data of a report: runs with their records and raw samples, and the newest record of every case."""

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
from harness.core.printable import one_line
from harness.core.quantity import microseconds
from harness.core.record import Record, RunHeader
from harness.store.comparison import Comparison, compare_records
from harness.store.runfolder import Contents

from .labels import label_of, load_of, main_load, mark_of, scales_of, setting_of
from .numbers import FormattedValue, Scale, show
from .text import brief_record, when
from .units import unit_names

Samples = npt.NDArray[np.float64]

_FEWEST_OF_A_TREND = 3  # runs


class RunReader(Protocol):
    """Reads one run: a `RunFolder`, or a run in a store (`reports.serve.run_sources`), which has a `sequence`."""

    def header(self) -> RunHeader:
        """Return the header of the run.

        Raises:
            RecordError: It cannot be read.

        """

    def contents(self) -> Contents:
        """Return every record that can be read, and the reason for each that cannot."""

    def blob(self, sha256: str) -> dict[str, npt.NDArray[np.generic]]:
        """Return the arrays stored under a hash.

        Raises:
            RecordError: They are missing or damaged.

        """


@dataclass(frozen=True)
class Blobs:
    """Arrays behind one record. They are read once, since several sections draw the same latencies."""

    reader: RunReader
    record: Record
    _cache: dict[str, dict[str, npt.NDArray[np.generic]]] = field(default_factory=dict)

    def wall_ns(self) -> Samples | None:
        """Return the wall times of all timed inferences of all processes in ns; None if none can be read."""
        timed = [wall for _, wall in self.processes_ns() if wall.size]
        return np.concatenate(timed) if timed else None

    def processes_ns(self) -> list[tuple[Samples, Samples]]:
        """Return (warm-up, timed) wall times of every process in order of time, in ns; empty if unreadable."""
        blobs = [self.read(process.blob.sha256) for process in self.record.processes]
        return [(arrays.get("warmup_ns", np.empty(0)), arrays.get("wall_ns", np.empty(0))) for arrays in blobs]

    def read(self, sha256: str) -> dict[str, Samples]:
        """Return the arrays of a blob as floats; none if it is missing or damaged, which costs a plot only."""
        if sha256 not in self._cache:
            try:
                self._cache[sha256] = self.reader.blob(sha256)
            except RecordError:
                self._cache[sha256] = {}
        return {name: array.astype(np.float64) for name, array in self._cache[sha256].items()}


@dataclass(frozen=True)
class Reset:
    """A declared reset: records before it belong to another history.

    Attributes:
        at_utc: When it took effect.
        reason: Why it was declared.
        target: The target it applies to; None for all.
        case_id: The case it applies to; None for all.
        since: Sequence number from which the new history counts; None where the time decides.

    """

    at_utc: str
    reason: str
    target: str | None = None
    case_id: str | None = None
    since: int | None = None

    @property
    def sequence(self) -> int:
        """Its place in the order of the runs: `since`, else its time in microseconds."""
        return microseconds(self.at_utc) if self.since is None else self.since


@dataclass(frozen=True)
class Run:
    """One run, read from its folder or from a store.

    Attributes:
        reader: Reads its raw samples.
        header: Its header.
        contents: Its records.
        missing: Ids of planned cases without a record.

    """

    reader: RunReader
    header: RunHeader
    contents: Contents
    missing: tuple[str, ...]

    @property
    def sequence(self) -> int:
        """Its place in the order of the runs: the sequence number in its store, else its start in microseconds."""
        number: int | None = getattr(self.reader, "sequence", None)
        return microseconds(self.header.started_utc) if number is None else number

    @property
    def label(self) -> str:
        """Suite, target and start time."""
        return self.label_on(self.header.target)

    def label_on(self, unit: str) -> str:
        """Return suite, piece of hardware and start time."""
        return f"{self.header.suite} on {unit}, {when(self.header.started_utc)}"


@dataclass(frozen=True)
class CaseView:
    """One case as the report shows it.

    Attributes:
        key: Its HTML id, unique in the report.
        record: Its record.
        run: The run it comes from.
        unit: Name of the piece of hardware that it ran on.
        several: The report shows several pieces of hardware, so that the name is part of the label.

    """

    key: str
    record: Record
    run: Run
    unit: str = ""
    several: bool = False

    @cached_property
    def blobs(self) -> Blobs:
        """Raw samples and sensor readings behind the record."""
        return Blobs(self.run.reader, self.record)

    @property
    def setting(self) -> str:
        """The case without its model."""
        return setting_of(self.record)

    @cached_property
    def load(self) -> str:
        """How queries reached the model. Times can be compared only if the loads are equal."""
        return load_of(self.record)

    @property
    def name(self) -> str:
        """Model and setting, for places that name the piece of hardware."""
        return label_of(self.record)

    @property
    def label(self) -> str:
        """Model and setting, with the piece of hardware where there are several."""
        return f"{self.name} · {self.unit}" if self.several else self.name

    def trusts(self, name: str) -> bool:
        """Return whether the verdict lets a metric be compared with that of others."""
        return self.record.trusts(name)

    @property
    def mark(self) -> str:
        """The sign shown with the verdict, so that colour is never the only difference."""
        return mark_of(self.record.verdict)

    @property
    def tone(self) -> str:
        """CSS class of the verdict: good, fair, doubt, bad or none."""
        return {"✓": "good", "≈": "fair", "!": "doubt", "✕": "bad", "○": "none"}[self.mark]


@dataclass(frozen=True)
class Unit:
    """One piece of hardware: the figures of two are not compared unless that is said.

    Attributes:
        name: Its name, unique in the report.
        runs: Its runs, oldest first.
        cases: The newest record of each of its cases, in planned order.
        baseline: The run that its newest run is compared with; None if there is none.
        baseline_unit: Name of the piece of hardware that the baseline comes from.

    """

    name: str
    runs: tuple[Run, ...]
    cases: tuple[CaseView, ...]
    baseline: Run | None
    baseline_unit: str

    @property
    def newest(self) -> Run:
        """Its last run in their order."""
        return self.runs[-1]

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Every case of its newest run that is in the baseline too, compared with it; none without a baseline."""
        return compare_cases(self.baseline, self.newest) if self.baseline else []


@dataclass(frozen=True)
class ReportData:
    """Everything that the sections of a report are made from.

    Attributes:
        runs: The runs, oldest first.
        cases: The newest record of each case of each piece of hardware, in planned order.
        baseline: The run that was given to compare with. A piece of hardware without one is compared with its oldest
            run.
        resets: Declared resets of the history.
        samples_file: Path of the raw samples relative to the report; '' if they are not beside it.

    """

    runs: tuple[Run, ...]
    cases: tuple[CaseView, ...]
    baseline: Run | None = None
    resets: tuple[Reset, ...] = ()
    samples_file: str = ""

    @property
    def newest(self) -> Run:
        """The last run in their order."""
        return self.runs[-1]

    @cached_property
    def main_load(self) -> str:
        """The load used for rankings."""
        return main_load([case.record for case in self.cases])

    @cached_property
    def scales(self) -> dict[str, Scale]:
        """The scale of each metric over the shown cases."""
        return scales_of([case.record for case in self.cases])

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """The pieces of hardware, in the order of their first runs.

        A given baseline is that of the piece of hardware it was measured on, and if there is none of the newest run's.
        """
        names = unit_names([run.header for run in self.runs])
        of_baseline, compared = "", ""
        if self.baseline:
            *others, of_baseline = unit_names([run.header for run in (*self.runs, self.baseline)])
            compared = names[others.index(of_baseline)] if of_baseline in others else names[-1]
        return tuple(self._unit(name, names, of_baseline if name == compared else "") for name in dict.fromkeys(names))

    def _unit(self, name: str, names: Sequence[str], of_baseline: str) -> Unit:
        runs = tuple(run for run, of_run in zip(self.runs, names, strict=True) if of_run == name)
        cases = tuple(case for case in self.cases if any(case.run is run for run in runs))
        if of_baseline:
            return Unit(name, runs, cases, self.baseline, of_baseline)
        return Unit(name, runs, cases, runs[0] if len(runs) > 1 else None, name)

    @property
    def several_units(self) -> bool:
        """Whether there are several pieces of hardware."""
        return len(self.units) > 1

    @property
    def is_trend(self) -> bool:
        """Whether any piece of hardware has more runs than a comparison of two."""
        return any(len(unit.runs) >= _FEWEST_OF_A_TREND for unit in self.units)

    @property
    def title(self) -> str:
        """The suite and the pieces of hardware."""
        return f"{self.newest.header.suite} on {', '.join(unit.name for unit in self.units)}"

    @property
    def processors(self) -> str:
        """What the runs' processors call themselves; '' where none is known."""
        models = (run.header.host.get("cpu_model") for run in self.runs)
        return ", ".join(dict.fromkeys(one_line(str(model)) for model in models if model))

    def show(self, record: Record, name: str) -> FormattedValue:
        """Return a metric of a record in the scale of this report."""
        return show(record.quantity(name), self.scales[name])

    def show_case(self, case: CaseView, name: str) -> FormattedValue:
        """Return a metric of a case in the scale of this report, or its verdict if it did not run."""
        value = self.show(case.record, name)
        if value.missing and not case.record.verdict.ran:
            return FormattedValue(case.record.verdict.status, value.about, missing=True)
        return value


def compare_cases(before: Run, after: Run) -> list[Comparison]:
    """Compare every case of `after` that is in `before` too."""
    known = {record.case_id: record for record in before.contents.records}
    return [
        compare_records(known[record.case_id], record) for record in after.contents.records if record.case_id in known
    ]


def read_run(reader: RunReader) -> Run:
    """Read the header and the records of a run.

    Raises:
        RecordError: The header cannot be read.

    """
    header = reader.header()
    contents = reader.contents()
    contents = Contents(tuple(map(brief_record, contents.records)), contents.damaged)
    recorded = {record.case_id for record in contents.records}
    return Run(reader, header, contents, tuple(case_id for case_id in header.planned if case_id not in recorded))


def gather(readers: Sequence[RunReader], baseline: RunReader | None = None, resets: Sequence[Reset] = ()) -> ReportData:
    """Read the runs of a report.

    Args:
        readers: The runs, in any order.
        baseline: The run to compare with; see `ReportData.units`.
        resets: Declared resets of the history.

    Raises:
        RecordError: The header of a run cannot be read.
        UsageError: There is no run.

    """
    if not readers:
        raise UsageError("no run to report on", "give a run folder")
    runs = tuple(sorted((read_run(reader) for reader in readers), key=lambda run: run.sequence))
    chosen = None if baseline is None else read_run(baseline)
    return ReportData(runs, newest_cases(runs), chosen, tuple(resets))


def case_key(record: Record, unit: str = "") -> str:
    """Return the HTML id of a case: piece of hardware and file name, reduced to letters, digits and '._-'."""
    name = record_name(record.case_id, record.case.slug).removesuffix(".json")
    return f"case-{re.sub(r'[^A-Za-z0-9_-]+', '-', unit or record.target)}-{name}"


def newest_cases(runs: Sequence[Run]) -> tuple[CaseView, ...]:
    """Return the newest record of each case of each piece of hardware.

    Args:
        runs: The runs, oldest first.

    """
    names = unit_names([run.header for run in runs])
    several = len(set(names)) > 1
    newest: dict[tuple[str, str], CaseView] = {}
    for run, unit in zip(runs, names, strict=True):
        for record in run.contents.records:
            newest[unit, record.case_id] = CaseView(case_key(record, unit), record, run, unit, several)
    return tuple(newest.values())
