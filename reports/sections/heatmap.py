"""Model x compression, the number in the cell: one table a runtime and metric, coloured by the ratio to fp32."""

from __future__ import annotations

from markupsafe import Markup

from reports.data import CaseView, ReportData
from reports.figures.grid import Layout, views, views_html
from reports.numbers import TIMES, counted
from reports.section import Absent, Section

_METRICS = ("latency_p50_ns", "throughput_per_s", "top1", "energy_net_j", "artifact_bytes", "peak_rss_bytes")
_LAYOUT = Layout(
    "Model",
    lambda case: case.record.case.model,
    "Setting",
    lambda case: case.record.case.compression,
    lambda columns: "fp32",
)
_HOW = (
    "Large: the value. Small: the ratio to fp32 of the same net and runtime (for accuracy the difference in points). "
    "Blue is better than fp32, orange is worse; hatched cells cannot be trusted."
)


def render(data: ReportData) -> Markup | Absent:
    """Every metric that any case has, each with one grid a target, runtime, thread count and load."""
    targets = len({case.record.target for case in data.cases}) > 1
    loads = len({case.load for case in data.cases}) > 1
    groups: dict[str, list[CaseView]] = {}
    for case in data.cases:
        groups.setdefault(_where(case, targets, loads), []).append(case)
    if not groups:
        return Absent("the run holds no record")
    found = views(data, groups, _METRICS, _LAYOUT)
    if not found:
        return Absent("no case was measured to its end", "see Validity for what went wrong")
    return views_html(found, _HOW)


def _where(case: CaseView, targets: bool, loads: bool) -> str:
    """The grid a case stands in; with its target and load where they differ."""
    one = case.record.case
    parts = [case.record.target] if targets else []
    parts += [one.runtime, counted(one.threads, "thread")]
    return " · ".join([*parts, case.load] if loads else parts)


PLUGINS: tuple[Section, ...] = (Section("heatmap", f"Model {TIMES} compression", 60, render),)
