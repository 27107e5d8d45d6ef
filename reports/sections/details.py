"""Every case in full: all metrics with interval or reason, how it ran, what it printed when it failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from markupsafe import Markup

from harness.core.execution import Execution
from harness.core.metric import METRICS, Metric
from harness.core.record import ProcessRun, Record
from harness.core.verdict import Finding
from reports.data import CaseView, ReportData
from reports.figures.plots import GREY, axis, figure_json, thin
from reports.numbers import Scale, Shown, plain
from reports.section import Absent, Section, Template
from reports.words import flat, tail

_TEMPLATE = Template.beside(__file__)

_POINTS_ALL = 60_000
_MOST_POINTS = 600
_LEAST_POINTS = 60
_NO_PLOT_ABOVE = 300  # cases: beyond that the report would take longer to open than a reader waits


@dataclass(frozen=True)
class Detail:
    """One case: metrics, the facts around it, its log's tail, and its latencies in run order as a plot (or '').

    `missing`: (titles of the metrics, why they have no number), one a reason. `headline`: its latency and accuracy.
    """

    case: CaseView
    metrics: list[tuple[Metric, Scale, Shown]]
    missing: list[tuple[str, str]]
    facts: list[tuple[str, str]]
    log: str
    plot: Markup
    headline: str


def render(data: ReportData) -> Markup | Absent:
    """One folded block a case."""
    if not data.cases:
        return Absent("the run holds no record")
    points = max(_LEAST_POINTS, min(_MOST_POINTS, _POINTS_ALL // len(data.cases)))
    plots = len(data.cases) <= _NO_PLOT_ABOVE
    details = [_detail(data, case, points if plots else 0) for case in data.cases]
    facts, missing = _shared([one.facts for one in details]), _shared([one.missing for one in details])
    return _TEMPLATE.render(
        several=len({case.record.target for case in data.cases}) > 1,
        shared=[*facts, *((titles, f"not available: {reason}") for titles, reason in missing)],
        details=[
            replace(one, facts=_without(one.facts, facts), missing=_without(one.missing, missing)) for one in details
        ],
    )


def _shared(lists: Sequence[list[tuple[str, str]]]) -> list[tuple[str, str]]:
    """What all cases say alike: it is said once, since nobody reads it a thousand times."""
    if len(lists) == 1:
        return []
    common = set(lists[0]).intersection(*lists[1:])
    return [pair for pair in lists[0] if pair in common]


def _without(pairs: list[tuple[str, str]], shared: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    known = set(shared)
    return [pair for pair in pairs if pair not in known]


def _detail(data: ReportData, case: CaseView, points: int) -> Detail:
    metrics = [(metric, data.scales[name], data.show(case.record, name)) for name, metric in METRICS.items()]
    missing: dict[str, list[str]] = {}
    for metric, _, shown in metrics:
        if shown.missing:
            missing.setdefault(shown.about, []).append(metric.title)
    return Detail(
        case,
        [one for one in metrics if not one[2].missing],
        [(", ".join(titles), reason) for reason, titles in missing.items()],
        _facts(case),
        tail(case.record.log),
        _plot(case, data.scales["latency_p50_ns"], points),
        ", ".join(_figure(data, case, name) for name in ("latency_p50_ns", "top1") if case.record.value(name)),
    )


def _figure(data: ReportData, case: CaseView, name: str) -> str:
    return f"{data.show(case.record, name).text} {data.scales[name].unit}"


def _facts(case: CaseView) -> list[tuple[str, str]]:
    record, artifact = case.record, case.record.artifact
    facts = [("Case", record.case_id), ("Target", record.target), ("Weights", record.case.weights)]
    facts += [("Data set", record.case.dataset)] if record.case.dataset else []
    facts += [("Started", record.started_utc), ("Took", f"{record.duration_s:.1f} s"), ("Run", record.run_id)]
    if artifact is not None:
        facts += [("Model file", record.model_file or artifact.file), ("SHA-256", artifact.sha256)]
        facts += [("Measured shapes", record.input_shapes)] if record.input_shapes else []
        facts += [(f"recipe: {key}", value) for key, value in flat(artifact.recipe)]
    facts += [(f"runtime: {key}", value) for key, value in flat(record.runtime_info)]
    facts += _ran(record)
    facts += [("Accuracy", record.accuracy_note)] if record.accuracy_note else []
    facts += [(f"detail: {key}", value) for key, value in flat(record.details)]
    facts += [(f"process {run.index + 1}", _process(run)) for run in record.processes]
    facts += _checks("check", _others(record.findings, case.run.header.findings))
    return facts + _checks("check after", _others(record.findings_after, record.findings))


def _ran(record: Record) -> list[tuple[str, str]]:
    """The precision asked for and the one it ran in, what ran the nodes, and where the runtime did otherwise."""
    ran = record.execution
    if ran == Execution():
        return []
    effective = ran.effective if isinstance(ran.effective, str) else f"unknown: {ran.effective.reason}"
    facts = [("Precision asked for", ran.asked), ("Precision it ran in", f"{effective} {ran.evidence}".strip())]
    nodes = ", ".join(f"{name} {n}" for name, n in ran.nodes.items())
    facts += [("Nodes by what ran them", nodes)] if nodes else []
    facts += [("Busy threads", str(ran.busy_threads))] if isinstance(ran.busy_threads, int) else []
    return facts + _checks("runtime", ran.findings)


def _process(run: ProcessRun) -> str:
    """How one fresh process went, in words."""
    parts = [f"started as number {run.order + 1}", f"{run.n_timed:,} timed after {run.n_warmup:,} warm-up"]
    parts += [f"median {plain(run.median_ns / 1e6)} ms", f"{run.involuntary_switches} involuntary switches"]
    parts += [f"each sample the mean of {run.calls_per_sample} calls"] if run.calls_per_sample > 1 else []
    parts += [f"control work after / before {run.control_ratio:.3f}"] if run.control_ratio is not None else []
    same = run.same_input_ratio
    parts += [f"one input repeated / inputs in rotation {same:.3f}"] if same is not None else []
    peaks = [f"{phase} {bytes_ / 1e6:.1f} MB" for phase, bytes_ in run.peak_rss_after_bytes.items()]
    parts += [f"peak memory after {', '.join(peaks)}"] if peaks else []
    return "; ".join([*parts, *([f"unsteady: {run.unsteady}"] if run.unsteady else [])])


def _others(findings: Sequence[Finding], before: Sequence[Finding]) -> list[Finding]:
    """The findings that say something else than those before; those of the run stand under Validity."""
    known = {finding.check: finding.status for finding in before}
    return [finding for finding in findings if known.get(finding.check) != finding.status]


def _checks(name: str, findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """One line each that speaks against the case or is unknown, and one for all that passed."""
    loud = [(f"{name}: {f.check} ({f.status})", f"{f.found}. {f.remedy}".strip(". ")) for f in findings
            if f.status != "ok"]  # fmt: skip
    passed = ", ".join(f.check for f in findings if f.status == "ok")
    return loud + ([(f"{name}: passed", passed)] if passed else [])


def _plot(case: CaseView, scale: Scale, points: int) -> Markup:
    """Latency in run order, process after process; each one's warm-up shaded before its samples."""
    runs = case.blobs.processes_ns() if points else []
    if not any(wall.size for _, wall in runs):
        return Markup("")
    traces, shapes, at = [], [], 0
    for index, (warmup, wall) in enumerate(runs):
        series = np.concatenate([warmup, wall]) * scale.factor
        if not series.size:
            continue
        places, values = thin(series, max(points // len(runs), 20))
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": places + np.int32(at),
                "y": values,
                "line": {"width": 1},
                "name": f"process {index + 1}",
            }
        )
        shapes.append(
            {
                "type": "rect",
                "x0": at,
                "x1": at + warmup.size,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "fillcolor": GREY,
                "opacity": 0.22,
                "line": {"width": 0},
            }
        )
        at += series.size
    x, y = (
        axis("Inference, in run order (warm-up shaded)"),
        axis(f"Latency ({scale.unit})", "lower", rangemode="tozero"),
    )
    return figure_json(traces, xaxis=x, yaxis=y, shapes=shapes)


PLUGINS: tuple[Section, ...] = (Section("details", "Every case in full", 120, render),)
