"""Model x runtime: how fast a net is elsewhere, in which precision it really ran, and how true its answers are."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from reports.data import CaseView, ReportData
from reports.figures.grid import Layout, views, views_html
from reports.numbers import TIMES, counted
from reports.section import Absent, Section

_METRICS = (
    *("latency_p50_ns", "throughput_per_s", "fidelity_sqnr_db", "fidelity_agreement", "top1"),
    *("energy_net_j", "peak_rss_bytes"),
)


def render(data: ReportData) -> Markup | Absent:
    """Every metric that any case has, each with one grid a target, setting, thread count and load."""
    runtimes = dict.fromkeys(case.record.case.runtime for case in data.cases)
    if len(runtimes) < 2:
        return Absent("every case ran on one runtime", "edgebench run --runtime A --runtime B")
    reference = next(iter(runtimes))
    layout = Layout("Model", _model, "Runtime", _runtime, lambda columns: _first(columns, reference))
    found = views(data, _groups(data), _METRICS, layout)
    if not found:
        return Absent("no case was measured to its end", "see Validity for what went wrong")
    return views_html(found, _how(reference))


def _how(reference: str) -> str:
    return (
        f"Large: the value. Small: the ratio to {reference} (for shares the difference in points), and the precision "
        "that the runtime says it ran in where that is not the one asked for. Fidelity holds the outputs against fp32 "
        "on the reference runtime: a fast wrong answer shows there."
    )


def _first(columns: Sequence[str], reference: str) -> str | None:
    return reference if reference in columns else columns[0] if columns else None


def _groups(data: ReportData) -> dict[str, list[CaseView]]:
    """Cases that differ in model and runtime alone; groups in which one runtime stands alone say nothing."""
    targets = len({case.record.target for case in data.cases}) > 1
    loads = len({case.load for case in data.cases}) > 1
    groups: dict[str, list[CaseView]] = {}
    for case in data.cases:
        one = case.record.case
        parts = [*([case.record.target] if targets else []), one.compression, counted(one.threads, "thread")]
        groups.setdefault(" · ".join([*parts, case.load] if loads else parts), []).append(case)
    return {where: cases for where, cases in groups.items() if len({_runtime(case) for case in cases}) > 1}


def _model(case: CaseView) -> str:
    return case.record.case.model


def _runtime(case: CaseView) -> str:
    return case.record.case.runtime


PLUGINS: tuple[Section, ...] = (Section("runtimes", f"Model {TIMES} runtime", 65, render),)
