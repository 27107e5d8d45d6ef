"""Against the baseline: the ratio of every case with its interval, changes first, the rest folded."""

from __future__ import annotations

from markupsafe import Markup

from harness.core.errors import UsageError
from harness.core.quantity import Missing
from harness.store.compare import Comparison, check_comparable
from reports.data import ReportData
from reports.numbers import Shown, percent, short
from reports.section import Absent, Section, body

from .cases import change_of

_FIRST = {"slower": 0, "faster": 1, "undecided": 2, "same": 3}


def render(data: ReportData) -> Markup | Absent:
    """The cases both runs hold; a warning when the machines differ."""
    if data.baseline is None:
        return Absent("no baseline was given", "edgebench report RUN --baseline RUN")
    found = sorted(data.comparisons, key=lambda comparison: (_FIRST[comparison.change], comparison.case_id))
    if not found:
        return Absent("the newest run and the baseline have no case in common")
    labels = {case.record.case_id: case for case in data.cases if case.run is data.newest}
    rows = [(labels[c.case_id], c, change_of(c), _energy(c), _top1(c)) for c in found if c.case_id in labels]
    return body(
        "comparison.html",
        loud=[row for row in rows if row[1].change in ("slower", "faster")],
        quiet=[row for row in rows if row[1].change not in ("slower", "faster")],
        data=data,
        warning=_differs(data),
    )


def _differs(data: ReportData) -> str:
    assert data.baseline is not None
    try:
        check_comparable(data.baseline.header, data.newest.header)
    except UsageError as error:
        return error.message
    return ""


def _energy(comparison: Comparison) -> Shown:
    energy = comparison.energy
    return _missing(energy) if isinstance(energy, Missing) else Shown(percent(energy.value)[0])


def _top1(comparison: Comparison) -> Shown:
    top1 = comparison.top1
    return _missing(top1) if isinstance(top1, Missing) else Shown(f"{100 * top1.value:+.2f} points")


def _missing(quantity: Missing) -> Shown:
    return Shown(short(quantity.reason), quantity.reason, missing=True)


SECTION = Section("comparison", "Comparison", 45, render)
