"""Comparison of two runs, or on request of two boards: the ratio of every case with its interval, changes first."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from harness.core.quantity import Missing
from harness.store.comparison import Comparison, differences, other_file, pairs_of
from reports.data import CaseView, ReportData, Run, Unit, compare_cases
from reports.figures.ratios import log_ratio, ratio_figure
from reports.numbers import FormattedValue, counted, format_change, shorten
from reports.section import Absent, Figure, Section, Template

from .cases import change_of

_TEMPLATE = Template.beside(__file__)

_ORDER = {"slower": 0, "faster": 1, "undecided": 2, "same": 3}


@dataclass(frozen=True)
class Row:
    """One case in both runs: the two medians, and the changes of latency, energy and accuracy."""

    case: CaseView
    comparison: Comparison
    before: FormattedValue
    after: FormattedValue
    change: FormattedValue
    energy: FormattedValue
    top1: FormattedValue


@dataclass(frozen=True)
class RunPair:
    """Two runs that are compared.

    Attributes:
        title: What is compared with what.
        boards: The two pieces of hardware where they differ, else ''.
        titles: Titles of the columns of the two medians.
        figure: The ratios as a plot, if there are any.
        changed: Cases that became slower or faster.
        unchanged: All other cases.
        differences: What differs between the runs apart from time; '' for nothing.
        changed_files: In how many cases the model file differs; '' for none.

    """

    title: str
    boards: str
    titles: tuple[str, str]
    figure: Figure | None
    changed: list[Row]
    unchanged: list[Row]
    differences: str
    changed_files: str


def render(data: ReportData) -> Markup | Absent:
    """Render the newest run of each piece of hardware against its baseline.

    Two pieces are compared only if the baseline that was given is of the other one.
    """
    compared = [(unit.baseline, unit.baseline_unit, unit) for unit in data.units if unit.baseline]
    if not compared and data.several_units:
        reason = "boards are compared with each other only where the baseline is a run of another board"
        return Absent(reason, "edgebench report RUN --baseline RUN_ON_THE_OTHER_BOARD")
    if not compared:
        return Absent("no baseline was given", "edgebench report RUN --baseline RUN")
    pairs = [pair for index, sides in enumerate(compared) if (pair := _pair(data, *sides, index))]
    if not pairs:
        return Absent("the two runs have no case in common")
    kinds = dict.fromkeys(row.comparison.quality.title for pair in pairs for row in (*pair.changed, *pair.unchanged))
    return _TEMPLATE.render(pairs=pairs, scale=data.scales["latency_p50_ns"], quality=" / ".join(kinds))


def _pair(data: ReportData, before: Run, unit_before: str, unit: Unit, index: int) -> RunPair | None:
    after = unit.newest
    comparisons = unit.comparisons if before is unit.baseline else compare_cases(before, after)
    cases = {case.record.case_id: case for case in unit.cases}
    old_records = {record.case_id: record for record in before.contents.records}
    rows = [
        Row(
            case,
            comparison,
            data.show(old_records[comparison.case_id], "latency_p50_ns"),
            data.show(case.record, "latency_p50_ns"),
            change_of(comparison) or FormattedValue("none", missing=True),
            _energy(comparison),
            _top1(comparison),
        )
        for comparison in sorted(comparisons, key=_largest_change_first)
        if (case := cases.get(comparison.case_id))
    ]
    changed = [row for row in rows if row.comparison.change in ("slower", "faster")]
    unchanged = [row for row in rows if row not in changed]
    titles, what, boards = ("Before", "After"), "after over before", ""
    if unit_before != unit.name:
        boards = f"{unit.name} and {unit_before}"
        titles, what = (unit_before, unit.name), f"{unit.name} over {unit_before}"
    figure = ratio_figure([(row.case, row.comparison) for row in rows], f"ratios-{index}", f"Latency, {what}")
    title = f"{after.label_on(unit.name)} compared with {before.label_on(unit_before)}"
    return RunPair(title, boards, titles, figure, changed, unchanged, *_differences(before, after)) if rows else None


def _largest_change_first(comparison: Comparison) -> tuple[int, float]:
    return _ORDER[comparison.change], -abs(log_ratio(comparison))


def _differences(before: Run, after: Run) -> tuple[str, str]:
    """Return what differs between the runs, and in how many cases the model file does; '' for nothing."""
    pairs = pairs_of(before.contents.records, after.contents.records)
    changed_files = sum(other_file(*pair) for pair in pairs)
    text = counted(changed_files, "case") if changed_files else ""
    return "; ".join(differences(before.header, after.header, pairs)), text


def _energy(comparison: Comparison) -> FormattedValue:
    energy = comparison.energy
    return _missing(energy) if isinstance(energy, Missing) else FormattedValue(format_change(energy.value)[0])


def _top1(comparison: Comparison) -> FormattedValue:
    top1 = comparison.top1
    return _missing(top1) if isinstance(top1, Missing) else FormattedValue(comparison.quality_change or "")


def _missing(quantity: Missing) -> FormattedValue:
    return FormattedValue(shorten(quantity.reason), quantity.reason, missing=True)


PLUGINS: tuple[Section, ...] = (Section("comparison", "Comparison", 45, render),)
