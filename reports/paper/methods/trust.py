"""How many cases can be relied on, and which effects the run can show."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence

from harness.core.record import Record, RunHeader
from harness.core.verdict import spoiled
from harness.stats.power import POWER
from reports.effect import shown_effect
from reports.numbers import counted

from .words import listed, ranged


def verdicts(header: RunHeader, records: Sequence[Record]) -> Iterator[str]:
    """Yield the number of cases with each verdict, what they spoil, and what is missing of the run."""
    statuses = Counter(record.verdict.status for record in records)
    counts = listed(f"{count} {status}" for status, count in statuses.most_common())
    yield f"Verdicts of the {counted(len(records), 'case')}: {counts}."
    spoiling: dict[str, list[str]] = {}
    for record in records:
        if record.verdict.ran and (lost := spoiled(record.verdict.status)):
            spoiling.setdefault(lost, []).append(record.verdict.status)
    for lost, names in spoiling.items():
        yield f"Of {listed(names)} cases these figures are left out of comparisons: {lost}."
    if without := [record.verdict.status for record in records if not record.verdict.ran]:
        yield f"Of {listed(without)} cases there are no figures."
    done = {record.case_id for record in records}
    if missing := sum(case_id not in done for case_id in header.planned):
        yield f"Of {counted(len(header.planned), 'planned case')} {missing} have no record."
    if header.interrupted:
        yield "The run was interrupted."


def effects(records: Sequence[Record]) -> Iterator[str]:
    """Yield the smallest difference between two cases that the spread of their processes lets the run show."""
    shown = [(record, found) for record in records if isinstance(found := shown_effect(record), float)]
    if not shown:
        yield "The run does not tell which differences it can show: no trusted case has two processes or more."
        return
    percent = sorted(100 * effect for _, effect in shown)
    middle = f", {statistics.median(percent):.2g} % in the median case" if len(percent) > 1 else ""
    span = f"{percent[0]:.2g} %" if len(percent) == 1 else f"{percent[0]:.2g} % to {percent[-1]:.2g} %"
    processes = ranged([len(record.processes) for record, _ in shown])
    yield (
        f"By the spread of their own {processes} processes, the smallest difference in latency between two cases that "
        f"a two-sided test at 5 % shows with {100 * POWER:.0f} % probability is {span} of the latency{middle} (normal "
        f"logarithms, equal spread; {counted(len(shown), 'trusted case')})."
    )
