"""Model x compression, the number in the cell: one table a runtime and metric, coloured by the ratio to fp32."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.core.metric import METRICS, Metric
from reports.data import CaseView, ReportData
from reports.numbers import TIMES, Shown
from reports.section import Absent, Section, body

_METRICS = ("latency_p50_ns", "throughput_per_s", "top1", "energy_net_j", "artifact_bytes", "peak_rss_bytes")
_TIMED = frozenset(_METRICS[:2]) | {"energy_net_j"}  # what a verdict speaks about; a file's size is always right
_FULL = math.log(4)  # a fourfold change has the full colour
_FULL_POINTS = 0.05  # so have five points of accuracy


@dataclass(frozen=True)
class Cell:
    """One case: its value, its ratio or difference to fp32 as text, and the tint (-1 better .. +1 worse)."""

    case: CaseView
    shown: Shown
    relative: str
    tint: float


@dataclass(frozen=True)
class Grid:
    """One table: rows are models, columns compression settings; None where there is no such case."""

    name: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell | None]]]


def render(data: ReportData) -> Markup | Absent:
    """Every metric that any case has, each with one grid a target, runtime, thread count and load."""
    targets = len({case.record.target for case in data.cases}) > 1
    loads = len({case.load for case in data.cases}) > 1
    groups: dict[str, list[CaseView]] = {}
    for case in data.cases:
        groups.setdefault(_where(case, targets, loads), []).append(case)
    if not groups:
        return Absent("the run holds no record")
    views = []
    for name in _METRICS:
        having = {where: cases for where, cases in groups.items() if _speaks(name, cases)}
        if having:
            grids = [_grid(data, where, cases, name) for where, cases in having.items()]
            views.append((METRICS[name], data.scales[name], grids))
    if not views:
        return Absent("no case was measured to its end", "see Validity for what went wrong")
    return body("heatmap.html", views=views)


def _speaks(name: str, cases: Sequence[CaseView]) -> bool:
    """Any case has the metric, and it is the load's own: of Offline the throughput, of all others the latency."""
    offline = cases[0].record.case.scenario == "Offline"
    if (offline and name == "latency_p50_ns") or (not offline and name == "throughput_per_s"):
        return False
    return any(case.record.value(name) is not None for case in cases)


def _where(case: CaseView, targets: bool, loads: bool) -> str:
    """The grid a case stands in; with its target and load where they differ."""
    one = case.record.case
    parts = [case.record.target] if targets else []
    parts += [one.runtime, f"{one.threads} thread{'s' * (one.threads > 1)}"]
    return " · ".join([*parts, case.load] if loads else parts)


def _grid(data: ReportData, where: str, cases: Sequence[CaseView], name: str) -> Grid:
    columns = list(dict.fromkeys(case.record.case.compression for case in cases))
    columns.sort(key=lambda setting: setting != "fp32")
    models: dict[str, dict[str, CaseView]] = {}
    for case in cases:
        models.setdefault(case.record.case.model, {})[case.record.case.compression] = case
    rows = [(model, [_cell(data, found.get(c), found.get("fp32"), METRICS[name]) for c in columns])
            for model, found in models.items()]  # fmt: skip
    return Grid(where, columns, rows)


def _cell(data: ReportData, case: CaseView | None, base: CaseView | None, metric: Metric) -> Cell | None:
    if case is None:
        return None
    shown = data.show(case.record, metric.name)
    why = _no_ratio(case, base, metric.name)
    value, reference = (one.record.value(metric.name) if one else None for one in (case, base))
    if why or value is None or not reference:
        return Cell(case, shown, "" if value is None else why, 0.0)
    if metric.name == "top1":
        return Cell(case, shown, f"{100 * (value - reference):+.2f}", _clip((reference - value) / _FULL_POINTS))
    tint = _clip(math.log(value / reference) / _FULL)
    return Cell(case, shown, f"{TIMES}{value / reference:.2f}", tint if metric.better == "lower" else -tint)


def _no_ratio(case: CaseView, base: CaseView | None, name: str) -> str:
    """Why the case's metric is not held against fp32; '' when it can be."""
    if base is None or not base.record.value(name) or (case.record.value(name) or 0) <= 0:
        return "no fp32 to compare with"
    if name in _TIMED and not (case.trusted and base.trusted):
        return "fp32 not trusted" if case.trusted else "not trusted"
    return "fp32 on other images" if name == "top1" and base.record.case.dataset != case.record.case.dataset else ""


def _clip(number: float) -> float:
    return max(-1.0, min(1.0, number))


SECTION = Section("heatmap", f"Model {TIMES} compression", 60, render)
