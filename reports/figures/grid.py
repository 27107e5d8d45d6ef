"""Tables of one metric, the number in the cell, coloured by its ratio to a reference: what heat maps are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.core.metric import METRICS, Metric
from reports.data import CaseView, ReportData
from reports.labels import effective_precision_note
from reports.numbers import TIMES, FormattedValue, Scale
from reports.section import render_template

TIMED = frozenset({"latency_p50_ns", "throughput_per_s", "energy_net_j"})
"""What a verdict speaks about; a file's size is always right."""

_POINTS = frozenset({"top1", "agreement", "fidelity_agreement"})  # compared by difference
_BARE = frozenset({"sqnr_db", "fidelity_sqnr_db"})  # a ratio already
_FULL = math.log(4)  # a fourfold change has the full colour
_FULL_POINTS = 0.05  # so have five points of accuracy
_MANY = 8  # columns: more do not fit a laptop's window

CaseText = Callable[[CaseView], str]


@dataclass(frozen=True)
class Layout:
    """What rows and columns are, by title and by case, the column the others are held against, and what it is called.

    `reference` picks it from the names of the columns that a group of cases has; None: nothing to hold against.
    """

    row: str
    row_of: CaseText
    column: str
    column_of: CaseText
    reference: Callable[[Sequence[str]], str | None]


@dataclass(frozen=True)
class Cell:
    """One case: its value, its ratio or difference to the reference, the tint (-1 better .. +1 worse), and a remark."""

    case: CaseView
    shown: FormattedValue
    relative: str
    tint: float
    remark: str = ""


@dataclass(frozen=True)
class Grid:
    """One table; None where there is no such case. `note` says which rows have no value and are left out."""

    name: str
    corner: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell | None]]]
    note: str


@dataclass(frozen=True)
class View:
    """One metric with its grids."""

    metric: Metric
    scale: Scale
    grids: Sequence[Grid]


def views(data: ReportData, groups: dict[str, list[CaseView]], names: Sequence[str], layout: Layout) -> list[View]:
    """Every one of the metrics that any case has, with one grid a group that has it."""
    found = []
    for name in names:
        grids = [_grid(data, where, cases, name, layout) for where, cases in groups.items() if applies_to(name, cases)]
        if grids:
            found.append(View(METRICS[name], data.scales[name], grids))
    return found


def views_html(found: Sequence[View], how: str) -> Markup:
    """Return the HTML of the tables with the sentence `how` to read them below."""
    return render_template("grids.html", views=found, how=how)


def applies_to(name: str, cases: Sequence[CaseView]) -> bool:
    """Any case has the metric, and it is the load's own: of Offline the throughput, of all others the latency."""
    offline = cases[0].record.case.scenario == "Offline"
    if (offline and name == "latency_p50_ns") or (not offline and name == "throughput_per_s"):
        return False
    return any(case.record.value(name) is not None for case in cases)


def _grid(data: ReportData, where: str, cases: Sequence[CaseView], name: str, layout: Layout) -> Grid:
    table: dict[str, dict[str, CaseView]] = {}
    for case in cases:
        table.setdefault(layout.row_of(case), {})[layout.column_of(case)] = case
    kept = {row: found for row, found in table.items() if any(_has(case, name) for case in found.values())}
    columns = list(dict.fromkeys(column for found in kept.values() for column in found))
    reference = layout.reference(columns)
    columns.sort(key=lambda column: column != reference)
    rows = [
        (row, [_cell(data, found.get(column), found.get(reference or ""), reference, name) for column in columns])
        for row, found in kept.items()
    ]
    note = _note(layout.row, table, kept, name)
    if len(columns) > max(_MANY, len(rows)):  # the longer side goes down the page
        turned = [(column, [cells[index] for _, cells in rows]) for index, column in enumerate(columns)]
        return Grid(where, layout.column, list(kept), turned, note)
    return Grid(where, layout.row, columns, rows, note)


def _has(case: CaseView, name: str) -> bool:
    return case.record.value(name) is not None


def _note(title: str, table: dict[str, dict[str, CaseView]], kept: dict[str, dict[str, CaseView]], name: str) -> str:
    """'Without a value: a, b (synthetic weights)'."""
    gone = {row: found for row, found in table.items() if row not in kept}
    if not gone:
        return ""
    reasons = {case.record.missing(name) or "" for found in gone.values() for case in found.values()}
    return f"{title} without a value: {', '.join(gone)} ({'; '.join(sorted(reasons))})"


def _cell(
    data: ReportData, case: CaseView | None, base: CaseView | None, reference: str | None, name: str
) -> Cell | None:
    if case is None:
        return None
    shown, value = data.show(case.record, name), case.record.value(name)
    if shown.missing and not case.trusted:
        shown = FormattedValue(case.record.verdict.status, shown.about, missing=True)
    remark = effective_precision_note(case.record)
    why = "" if reference is None else _no_ratio(case, base, reference, name)
    if value is None or why or base is None or name in _BARE:
        return Cell(case, shown, "" if value is None or name in _BARE else why, 0.0, remark)
    against = base.record.value(name) or 0.0
    if name in _POINTS:
        tint = _clip((against - value) / _FULL_POINTS)
        return Cell(case, shown, "" if case is base else f"{100 * (value - against):+.2f}", tint, remark)
    tint = _clip(math.log(value / against) / _FULL)
    tint = tint if METRICS[name].better == "lower" else -tint
    return Cell(case, shown, "" if case is base else f"{TIMES}{value / against:.2f}", tint, remark)


def _no_ratio(case: CaseView, base: CaseView | None, reference: str, name: str) -> str:
    """Why the case's metric is not held against the reference; '' when it can be."""
    if base is None or not base.record.value(name) or (case.record.value(name) or 0) <= 0:
        return f"no {reference} to compare with"
    if name in TIMED and not (case.trusted and base.trusted):
        return f"{reference} not trusted" if case.trusted else "not trusted"
    return f"{reference} on other images" if name == "top1" and _images(base) != _images(case) else ""


def _images(case: CaseView) -> str | None:
    return case.record.case.dataset


def _clip(number: float) -> float:
    return max(-1.0, min(1.0, number))
