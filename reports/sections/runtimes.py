"""Model x runtime: the speed, effective precision and fidelity of a model on every runtime."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from reports.data import CaseView, ReportData
from reports.figures.grid import Layout, View, views, views_html
from reports.numbers import TIMES, counted
from reports.section import Absent, Section

_METRICS = (
    *("latency_p50_ns", "throughput_per_s", "fidelity_sqnr_db", "fidelity_agreement", "top1", "quality"),
    *("energy_net_j", "peak_rss_bytes"),
)


def render(data: ReportData) -> Markup | Absent:
    """Render every metric that any case has, with one table per target, compression, thread count and load."""
    runtimes = dict.fromkeys(case.record.case.runtime for case in data.cases)
    if len(runtimes) < 2:
        return Absent("all cases ran on one runtime", "edgebench run --runtime A --runtime B")
    tables = runtime_views(data, _METRICS)
    if not tables:
        return Absent("no case was completed", "see Validity for the reasons")
    return views_html(tables, _how(next(iter(runtimes))))


def runtime_views(data: ReportData, names: Sequence[str]) -> list[View]:
    """Return the tables of model x runtime for each of the metrics that any case has; the first runtime is compared."""
    reference = next((case.record.case.runtime for case in data.cases), "")
    layout = Layout("Model", _model, "Runtime", _runtime, lambda columns: _first(columns, reference))
    return views(data, _groups(data), names, layout)


def _how(reference: str) -> str:
    return (
        f"Large: the value. Small: the ratio to {reference}, for shares the difference in points, and the effective "
        "precision if it is not the requested one. Fidelity compares the outputs with those of fp32 on the reference "
        "runtime, which exposes outputs that are fast but wrong."
    )


def _first(columns: Sequence[str], reference: str) -> str | None:
    return reference if reference in columns else columns[0] if columns else None


def _groups(data: ReportData) -> dict[str, list[CaseView]]:
    """Return groups of cases that differ in model and runtime alone. Groups with a single runtime are left out."""
    loads = len({case.load for case in data.cases}) > 1
    groups: dict[str, list[CaseView]] = {}
    for case in data.cases:
        identity = case.record.case
        parts = [*([case.unit] if case.several else []), identity.compression, counted(identity.threads, "thread")]
        groups.setdefault(" · ".join([*parts, case.load] if loads else parts), []).append(case)
    return {title: cases for title, cases in groups.items() if len({_runtime(case) for case in cases}) > 1}


def _model(case: CaseView) -> str:
    return case.record.case.model


def _runtime(case: CaseView) -> str:
    return case.record.case.runtime


PLUGINS: tuple[Section, ...] = (Section("runtimes", f"Model {TIMES} runtime", 65, render),)
