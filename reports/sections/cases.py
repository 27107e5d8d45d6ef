"""Table of cases: one row per case, sortable with mouse and keyboard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from harness.core.metric import METRICS
from harness.store.comparison import Comparison
from reports.data import CaseView, ReportData, Unit
from reports.labels import expected, measured, metric_of
from reports.numbers import FormattedValue, format_change, half_width, shorten
from reports.scenarios import columns_of
from reports.section import Absent, Section, Template

_TEMPLATE = Template.beside(__file__)

_BINS = 26


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        case: The case.
        cells: Its values by metric, in the order of the columns.
        change: Its latency compared with the baseline.
        histogram: Its latencies as an SVG path; '' without samples.

    """

    case: CaseView
    cells: Mapping[str, FormattedValue]
    change: FormattedValue
    histogram: str


def render(data: ReportData) -> Markup | Absent:
    """Render the table."""
    if not data.cases:
        return Absent("the run has no records", "edgebench run")
    changes = {unit.name: _changes(unit) for unit in data.units if unit.comparisons}
    records = [case.record for case in data.cases]
    titles = columns_of(records)
    names = measured(records, titles)
    return _TEMPLATE.render(
        rows=[_row(data, case, names, changes.get(unit.name, {})) for unit in data.units for case in unit.cases],
        columns=[(metric_of(name, records), data.scales[name], titles[name]) for name in names],
        left_out=[(METRICS[name].title, why_missing(data, name)) for name in expected(records) if name not in names],
        several_units=data.several_units,
        has_baseline=bool(changes),
    )


def why_missing(data: ReportData, name: str) -> str:
    """Return why no case has a metric; if reasons differ, the gist of the most frequent three."""
    reasons = Counter(reason for case in data.cases if (reason := case.record.missing(name)))
    gists = Counter(shorten(reason, 60) for reason in reasons.elements())
    return next(iter(reasons)) if len(reasons) == 1 else "; ".join(reason for reason, _ in gists.most_common(3))


def _row(data: ReportData, case: CaseView, names: Sequence[str], changes: Mapping[str, FormattedValue]) -> Row:
    cells = {name: data.show_case(case, name) for name in names}
    none = FormattedValue("none", "there is no earlier run on this machine", missing=True)
    return Row(case, cells, changes.get(case.record.case_id, none), histogram_path(case.blobs.wall_ns()))


def _changes(unit: Unit) -> dict[str, FormattedValue]:
    """Return the change of each case against the baseline of its piece of hardware, or why there is none."""
    compared = {comparison.case_id: comparison for comparison in unit.comparisons}
    not_again = FormattedValue("not run again", "the newest run does not include this case", missing=True)
    new = FormattedValue("new", "the baseline does not include it", missing=True)
    return {
        case.record.case_id: not_again if case.run is not unit.newest
        else change_of(compared.get(case.record.case_id)) or new
        for case in unit.cases
    }  # fmt: skip


def change_of(comparison: Comparison | None) -> FormattedValue | None:
    """Return the change of latency with its interval and verdict; None if there is nothing to compare."""
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


def histogram_path(samples: np.ndarray | None) -> str:
    """Return a histogram of the samples up to their 99th percentile, as an SVG path of 100 x 20; '' without samples."""
    if samples is None or samples.size < 20:
        return ""
    low, high = float(samples.min()), float(np.quantile(samples, 0.99))
    counts, _ = np.histogram(samples, _BINS, (low, high if high > low else low + 1))
    heights = 20 * (1 - counts / max(counts.max(), 1))
    step = 100 / _BINS
    steps = "".join(f"V{height:.0f}H{(index + 1) * step:.0f}" for index, height in enumerate(heights))
    return f"M0 20{steps}V20Z"


PLUGINS: tuple[Section, ...] = (Section("cases", "Cases", 40, render),)
