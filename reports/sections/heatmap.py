"""Model x compression: a heat map per runtime and metric, coloured by the ratio to fp32."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from reports.data import CaseView, ReportData
from reports.figures.grid import Layout, View, views, views_html
from reports.numbers import TIMES, counted
from reports.section import Absent, Section

_METRICS = ("latency_p50_ns", "throughput_per_s", "top1", "quality", "energy_net_j", "artifact_bytes", "peak_rss_bytes")
REFERENCE = "fp32"
_LAYOUT = Layout(
    "Model",
    lambda case: case.record.case.model,
    "Setting",
    lambda case: case.record.case.compression,
    lambda columns: REFERENCE,
)
_HOW = (
    "Large: the value. Small: the ratio to fp32 of the same model and runtime, for accuracy the difference in points. "
    "Blue is better than fp32, orange is worse. Hatched cells cannot be trusted."
)


def render(data: ReportData) -> Markup | Absent:
    """Render every metric that any case has, with one table per target, runtime, thread count and load."""
    if not data.cases:
        return Absent("the run has no records")
    tables = compression_views(data, _METRICS)
    if not tables:
        return Absent("no case was completed", "see Validity for the reasons")
    return views_html(tables, _HOW)


def compression_views(data: ReportData, names: Sequence[str]) -> list[View]:
    """Return the tables of model x compression for each of the metrics that any case has."""
    loads = len({case.load for case in data.cases}) > 1
    groups: dict[str, list[CaseView]] = {}
    for case in data.cases:
        groups.setdefault(_caption(case, loads), []).append(case)
    return views(data, groups, names, _LAYOUT)


def _caption(case: CaseView, loads: bool) -> str:
    """Return the caption of the table that holds a case, with piece of hardware and load if there are several."""
    identity = case.record.case
    parts = [case.unit] if case.several else []
    parts += [identity.runtime, counted(identity.threads, "thread")]
    return " · ".join([*parts, case.load] if loads else parts)


PLUGINS: tuple[Section, ...] = (Section("heatmap", f"Model {TIMES} compression", 60, render),)
