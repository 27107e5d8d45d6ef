"""Two runs or two boards side by side: the ratio of every case with its interval, changes first, the rest folded."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from harness.core.quantity import Missing
from harness.store.comparison import Comparison, differences, other_file, pairs_of
from reports.data import CaseView, ReportData, Run, compare_cases
from reports.figures.ratios import log_ratio, ratio_figure
from reports.numbers import FormattedValue, counted, format_change, shorten
from reports.section import Absent, Figure, Section, Template

from .cases import change_of

_TEMPLATE = Template.beside(__file__)

_FIRST = {"slower": 0, "faster": 1, "undecided": 2, "same": 3}


@dataclass(frozen=True)
class Row:
    """One case in both: the medians of both sides, the change, and what became of energy and accuracy."""

    case: CaseView
    comparison: Comparison
    before: FormattedValue
    after: FormattedValue
    change: FormattedValue
    energy: FormattedValue
    top1: FormattedValue


@dataclass(frozen=True)
class RunPair:
    """Two runs side by side.

    `warning` says what else differs between them, `changed` in how many cases the model file does.
    """

    before: Run
    after: Run
    figure: Figure | None
    loud: list[Row]
    quiet: list[Row]
    warning: str
    changed: str


def render(data: ReportData) -> Markup | Absent:
    """The newest run beside its baseline, and each further board beside the first."""
    asked = [(data.baseline, data.newest)] if data.baseline else []
    pairs = [pair for index, runs in enumerate([*asked, *data.boards]) if (pair := _pair(data, *runs, index))]
    if not asked and not data.boards:
        return Absent("no baseline was given", "edgebench report RUN --baseline RUN")
    if not pairs:
        return Absent("the two runs have no case in common")
    return _TEMPLATE.render(pairs=pairs, scale=data.scales["latency_p50_ns"])


def _pair(data: ReportData, before: Run, after: Run, index: int) -> RunPair | None:
    found = data.comparisons if before is data.baseline else compare_cases(before, after)
    cases = {(case.record.target, case.record.case_id): case for case in data.cases}
    olds = {record.case_id: record for record in before.contents.records}
    rows = [
        Row(case, one, data.show(olds[one.case_id], "latency_p50_ns"), data.show(case.record, "latency_p50_ns"),
            change_of(one) or FormattedValue("none", missing=True), _energy(one), _top1(one))
        for one in sorted(found, key=lambda one: (_FIRST[one.change], -abs(log_ratio(one))))
        if (case := cases.get((after.header.target, one.case_id)))
    ]  # fmt: skip
    loud = [row for row in rows if row.comparison.change in ("slower", "faster")]
    quiet = [row for row in rows if row not in loud]
    figure = ratio_figure([(row.case, row.comparison) for row in rows], f"ratios-{index}")
    return RunPair(before, after, figure, loud, quiet, *_differs(before, after)) if rows else None


def _differs(before: Run, after: Run) -> tuple[str, str]:
    """Everything in which the two runs are unlike, and the number of cases with another model file; '' for none."""
    pairs = pairs_of(before.contents.records, after.contents.records)
    changed = sum(other_file(*pair) for pair in pairs)
    return "; ".join(differences(before.header, after.header, pairs)), counted(changed, "case") if changed else ""


def _energy(comparison: Comparison) -> FormattedValue:
    energy = comparison.energy
    return _missing(energy) if isinstance(energy, Missing) else FormattedValue(format_change(energy.value)[0])


def _top1(comparison: Comparison) -> FormattedValue:
    top1 = comparison.top1
    return _missing(top1) if isinstance(top1, Missing) else FormattedValue(f"{100 * top1.value:+.2f} points")


def _missing(quantity: Missing) -> FormattedValue:
    return FormattedValue(shorten(quantity.reason), quantity.reason, missing=True)


PLUGINS: tuple[Section, ...] = (Section("comparison", "Comparison", 45, render),)
