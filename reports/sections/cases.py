"""Every case in one row: sortable by keyboard, each with its anchor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from harness.core.metric import METRICS
from harness.store.comparison import Comparison
from reports.data import CaseView, ReportData
from reports.labels import COLUMNS, EXPECTED_COLUMNS
from reports.numbers import FormattedValue, format_change, half_width, shorten
from reports.section import Absent, Section, Template

_TEMPLATE = Template.beside(__file__)

_BINS = 26


@dataclass(frozen=True)
class Row:
    """One row: the case, its cells in the order of the columns, the change against the baseline, an SVG path."""

    case: CaseView
    cells: Sequence[FormattedValue]
    change: FormattedValue
    spark: str


def render(data: ReportData) -> Markup | Absent:
    """The table."""
    if not data.cases:
        return Absent("the run holds no record", "run it again: edgebench run")
    changes = {comparison.case_id: comparison for comparison in data.comparisons}
    names = [name for name in COLUMNS if any(case.record.value(name) is not None for case in data.cases)]
    return _TEMPLATE.render(
        rows=[_row(data, case, names, changes) for case in data.cases],
        columns=[(METRICS[name], data.scales[name], COLUMNS[name]) for name in names],
        nobody_has=[
            (METRICS[name].title, why_nobody_has(data, name)) for name in EXPECTED_COLUMNS if name not in names
        ],
        several=len({case.record.target for case in data.cases}) > 1,
        compared=bool(changes),
    )


def why_nobody_has(data: ReportData, name: str) -> str:
    """The reason why no case has the metric; where they differ the gist of each, the most frequent first."""
    reasons = Counter(reason for case in data.cases if (reason := case.record.missing(name)))
    gist = Counter(shorten(reason, 60) for reason in reasons.elements())
    return next(iter(reasons)) if len(reasons) == 1 else "; ".join(reason for reason, _ in gist.most_common(3))


def _row(data: ReportData, case: CaseView, names: Sequence[str], changes: dict[str, Comparison]) -> Row:
    cells = [data.show(case.record, name) for name in names]
    return Row(case, cells, _change(data, case, changes), spark(case.blobs.wall_ns()))


def _change(data: ReportData, case: CaseView, changes: dict[str, Comparison]) -> FormattedValue:
    """Against the baseline, or why there is no change to show."""
    if case.run is not data.newest:
        return FormattedValue("not run again", "the newest run does not hold this case", missing=True)
    return change_of(changes.get(case.record.case_id)) or FormattedValue(
        "new", "the baseline does not hold it", missing=True
    )


def change_of(comparison: Comparison | None) -> FormattedValue | None:
    """The latency's change as text with its interval and verdict; None where there is nothing to compare."""
    if comparison is None:
        return None
    latency = comparison.latency
    ratio = getattr(latency, "value", None)
    if ratio is None:
        return FormattedValue("none", comparison.reason, missing=True)
    width = half_width(latency)  # type: ignore[arg-type]
    about = f"{comparison.change}. {comparison.reason}".strip()
    sign = {"faster": "▼ ", "slower": "▲ ", "same": "= ", "undecided": "? "}[comparison.change]
    change, spread = format_change(ratio, width)
    return FormattedValue(sign + change, about, spread, sort=ratio)


def spark(samples: np.ndarray | None) -> str:
    """A histogram of the samples up to their 99th percentile as an SVG path of 100 x 20; empty without samples."""
    if samples is None or samples.size < 20:
        return ""
    low, high = float(samples.min()), float(np.quantile(samples, 0.99))
    counts, _ = np.histogram(samples, _BINS, (low, high if high > low else low + 1))
    heights = 20 * (1 - counts / max(counts.max(), 1))
    step = 100 / _BINS
    points = "".join(f"V{height:.0f}H{(index + 1) * step:.0f}" for index, height in enumerate(heights))
    return f"M0 20{points}V20Z"


PLUGINS: tuple[Section, ...] = (Section("cases", "Cases", 40, render),)
