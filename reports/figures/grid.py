"""Heat maps: tables of one metric, with cells coloured by their ratio to a reference column."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.core.metric import Metric
from reports.data import CaseView, ReportData
from reports.labels import effective_precision_note, measured, metric_of
from reports.numbers import TIMES, FormattedValue, Scale
from reports.section import render_template

_COMPARED_BY_DIFFERENCE = frozenset({"top1", "agreement", "fidelity_agreement"})
_NOT_COMPARED = frozenset({"sqnr_db", "fidelity_sqnr_db"})  # ratios themselves
_FULL_COLOUR_RATIO = math.log(4)
_FULL_COLOUR_DIFFERENCE = 0.05
_MOST_COLUMNS = 8  # more do not fit the window of a laptop

CaseText = Callable[[CaseView], str]


@dataclass(frozen=True)
class Layout:
    """What the rows and columns of a heat map are.

    Attributes:
        row: Title of the rows.
        row_of: Return the row of a case.
        column: Title of the columns.
        column_of: Return the column of a case.
        reference: Choose the column that the others are compared with, given the columns that exist; None for none.

    """

    row: str
    row_of: CaseText
    column: str
    column_of: CaseText
    reference: Callable[[Sequence[str]], str | None]


@dataclass(frozen=True)
class Cell:
    """One case.

    Attributes:
        case: The case.
        shown: Its value.
        relative: Its ratio or difference to the reference, or why there is none.
        tint: How much better (down to -1) or worse (up to 1) than the reference it is.
        trusted: Its verdict lets the value be compared.
        remark: A further remark.

    """

    case: CaseView
    shown: FormattedValue
    relative: str
    tint: float
    trusted: bool
    remark: str = ""


@dataclass(frozen=True)
class Grid:
    """One table.

    Attributes:
        name: Its caption.
        corner: Title of the rows.
        columns: Titles of the columns.
        rows: Title and cells of each row; None where there is no case.
        note: Which rows are left out because they have no value, and why.

    """

    name: str
    corner: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell | None]]]
    note: str


@dataclass(frozen=True)
class View:
    """One metric with its tables."""

    metric: Metric
    scale: Scale
    grids: Sequence[Grid]


def views(data: ReportData, groups: dict[str, list[CaseView]], names: Sequence[str], layout: Layout) -> list[View]:
    """Return each of the metrics `names` that any case has, with one table per group that has it."""
    result = []
    records = [case.record for cases in groups.values() for case in cases]
    for name in measured(records, names):
        grids = [_grid(data, title, cases, name, layout) for title, cases in groups.items() if applies_to(name, cases)]
        if grids:
            result.append(View(metric_of(name, records), data.scales[name], grids))
    return result


def views_html(items: Sequence[View], how: str) -> Markup:
    """Return the HTML of the tables, followed by `how`, which says how to read them."""
    return render_template("grids.html", views=items, how=how)


def applies_to(name: str, cases: Sequence[CaseView]) -> bool:
    """Return whether any case has the metric and it fits the load: throughput for Offline, latency for all others."""
    offline = cases[0].record.case.scenario == "Offline"
    if (offline and name == "latency_p50_ns") or (not offline and name == "throughput_per_s"):
        return False
    return any(case.record.value(name) is not None for case in cases)


def _grid(data: ReportData, title: str, cases: Sequence[CaseView], name: str, layout: Layout) -> Grid:
    table: dict[str, dict[str, CaseView]] = {}
    for case in cases:
        table.setdefault(layout.row_of(case), {})[layout.column_of(case)] = case
    filled = {row: cells for row, cells in table.items() if any(_has(case, name) for case in cells.values())}
    columns = list(dict.fromkeys(column for cells in filled.values() for column in cells))
    reference = layout.reference(columns)
    columns.sort(key=lambda column: column != reference)
    rows = [
        (row, [_cell(data, cases.get(column), cases.get(reference or ""), reference, name) for column in columns])
        for row, cases in filled.items()
    ]
    note = _note(layout.row, table, filled, name)
    if len(columns) > max(_MOST_COLUMNS, len(rows)):  # the longer side runs down the page
        transposed = [(column, [cells[index] for _, cells in rows]) for index, column in enumerate(columns)]
        return Grid(title, layout.column, list(filled), transposed, note)
    return Grid(title, layout.row, columns, rows, note)


def _has(case: CaseView, name: str) -> bool:
    return case.record.value(name) is not None


def _note(title: str, table: dict[str, dict[str, CaseView]], filled: dict[str, dict[str, CaseView]], name: str) -> str:
    """Return a note on the rows that are left out: 'Model without a value: a, b (synthetic weights)'."""
    empty = {row: cells for row, cells in table.items() if row not in filled}
    if not empty:
        return ""
    reasons = {case.record.missing(name) or "" for cells in empty.values() for case in cells.values()}
    return f"{title} without a value: {', '.join(empty)} ({'; '.join(sorted(reasons))})"


def _cell(
    data: ReportData, case: CaseView | None, base: CaseView | None, reference: str | None, name: str
) -> Cell | None:
    if case is None:
        return None
    shown, value = data.show_case(case, name), case.record.value(name)
    remark, trusted = effective_precision_note(case.record), case.trusts(name)
    why = "" if reference is None else _no_ratio(case, base, reference, name)
    if value is None or why or base is None or name in _NOT_COMPARED:
        return Cell(case, shown, "" if value is None or name in _NOT_COMPARED else why, 0.0, trusted, remark)
    reference_value = base.record.value(name) or 0.0
    if name in _COMPARED_BY_DIFFERENCE or (name == "quality" and case.record.quality_kind.unit == "share"):
        tint = _clip(_sign(case, name) * (reference_value - value) / _FULL_COLOUR_DIFFERENCE)
        return Cell(
            case, shown, "" if case is base else f"{100 * (value - reference_value):+.2f}", tint, trusted, remark
        )
    tint = _clip(math.log(value / reference_value) / _FULL_COLOUR_RATIO)
    tint *= -_sign(case, name)
    return Cell(case, shown, "" if case is base else f"{TIMES}{value / reference_value:.2f}", tint, trusted, remark)


def _no_ratio(case: CaseView, base: CaseView | None, reference: str, name: str) -> str:
    """Return why a case is not compared with the reference; '' if it can be."""
    if base is None or not base.record.value(name) or (case.record.value(name) or 0) <= 0:
        return f"no {reference} to compare with"
    if not (case.trusts(name) and base.trusts(name)):
        return f"{reference} not trusted" if case.trusts(name) else "not trusted"
    return (
        f"{reference} on other images"
        if name in ("top1", "quality") and base.record.case.dataset != case.record.case.dataset
        else ""
    )


def _sign(case: CaseView, name: str) -> float:
    """Return 1.0 where more is better, -1.0 where less is."""
    return -1.0 if metric_of(name, [case.record]).better == "lower" else 1.0


def _clip(number: float) -> float:
    return max(-1.0, min(1.0, number))
