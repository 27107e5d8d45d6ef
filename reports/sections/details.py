"""Details of every case: the metrics that the table of cases has no column for, how it ran, what it printed."""

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
from reports.figures.plots import GREY, axis, downsample, figure_json
from reports.numbers import FormattedValue, Scale, format_number
from reports.scenarios import columns_of
from reports.section import Absent, Section, Template
from reports.text import flatten, tail

_TEMPLATE = Template.beside(__file__)

_MOST_POINTS_IN_ALL = 60_000
_MOST_POINTS = 600
_LEAST_POINTS = 60
_MOST_PLOTS = 300  # with more the report would open too slowly


@dataclass(frozen=True)
class Detail:
    """One case.

    Attributes:
        case: The case.
        metrics: Its metrics that have a value and no column in the table of cases.
        missing: (titles of metrics, why they have no value), one pair per reason.
        facts: Everything else on record, as (name, value) pairs.
        log: The end of its log.
        plot: Its latencies in run order as a figure; '' without samples.

    """

    case: CaseView
    metrics: list[tuple[Metric, Scale, FormattedValue]]
    missing: list[tuple[str, str]]
    facts: list[tuple[str, str]]
    log: str
    plot: Markup


def render(data: ReportData) -> Markup | Absent:
    """Render one folded block per case."""
    if not data.cases:
        return Absent("the run has no records")
    points = max(_LEAST_POINTS, min(_MOST_POINTS, _MOST_POINTS_IN_ALL // len(data.cases)))
    plots = len(data.cases) <= _MOST_PLOTS
    details = [_detail(data, case, points if plots else 0) for case in data.cases]
    facts = _common([detail.facts for detail in details])
    missing = _common([detail.missing for detail in details])
    return _TEMPLATE.render(
        common=[*facts, *((titles, f"not available: {reason}") for titles, reason in missing)],
        details=[
            replace(detail, facts=_without(detail.facts, facts), missing=_without(detail.missing, missing))
            for detail in details
        ],
    )


def _common(lists: Sequence[list[tuple[str, str]]]) -> list[tuple[str, str]]:
    """Return the pairs that all cases have in common: they are listed once."""
    if len(lists) == 1:
        return []
    common = set(lists[0]).intersection(*lists[1:])
    return [pair for pair in lists[0] if pair in common]


def _without(pairs: list[tuple[str, str]], common: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    known = set(common)
    return [pair for pair in pairs if pair not in known]


def _detail(data: ReportData, case: CaseView, points: int) -> Detail:
    metrics = [(metric, data.scales[name], data.show(case.record, name)) for name, metric in METRICS.items()]
    columns = columns_of([other.record for other in data.cases])
    missing: dict[str, list[str]] = {}
    for metric, _, shown in metrics:
        if shown.missing:
            missing.setdefault(shown.about, []).append(metric.title)
    return Detail(
        case,
        [item for item in metrics if not item[2].missing and item[0].name not in columns],
        [(", ".join(titles), reason) for reason, titles in missing.items()],
        _facts(case),
        tail(case.record.log),
        _plot(case, data.scales["latency_p50_ns"], points),
    )


def _facts(case: CaseView) -> list[tuple[str, str]]:
    record, artifact = case.record, case.record.artifact
    facts = [("Case", record.case_id), ("Target", record.target), ("Weights", record.case.weights)]
    facts += [("Data set", record.case.dataset)] if record.case.dataset else []
    facts += [("Started", record.started_utc), ("Took", f"{record.duration_s:.1f} s"), ("Run", record.run_id)]
    if artifact is not None:
        facts += [("Model file", record.model_file or artifact.file), ("SHA-256", artifact.sha256)]
        facts += [("Measured shapes", record.input_shapes)] if record.input_shapes else []
        facts += [("Input values", record.input_values)] if record.input_values else []
        facts += [(f"recipe: {key}", value) for key, value in flatten(artifact.recipe)]
    facts += [(f"runtime: {key}", value) for key, value in flatten(record.runtime_info)]
    facts += _execution(record)
    facts += [("Accuracy", record.accuracy_note)] if record.accuracy_note else []
    facts += [(f"detail: {key}", value) for key, value in flatten(record.details)]
    facts += [(f"process {run.index + 1}", _process(run)) for run in record.processes]
    facts += _checks("check", _changed_findings(record.findings, case.run.header.findings))
    return facts + _checks("check after", _changed_findings(record.findings_after, record.findings))


def _execution(record: Record) -> list[tuple[str, str]]:
    """Return the requested and the effective precision, the nodes per provider, and findings of the runtime."""
    execution = record.execution
    if execution == Execution():
        return []
    effective = execution.effective
    precision = effective if isinstance(effective, str) else f"unknown: {effective.reason}"
    facts = [
        ("Requested precision", execution.asked),
        ("Effective precision", f"{precision} {execution.evidence}".strip()),
    ]
    if nodes := ", ".join(f"{name} {count}" for name, count in execution.nodes.items()):
        facts.append(("Nodes by provider", nodes))
    if isinstance(execution.busy_threads, int):
        facts.append(("Busy threads", str(execution.busy_threads)))
    return facts + _checks("runtime", execution.findings)


def _process(run: ProcessRun) -> str:
    """Return how one process went, in words."""
    parts = [f"started as process {run.order + 1} of the run", f"{run.n_timed:,} timed after {run.n_warmup:,} warm-up"]
    parts += [f"median {format_number(run.median_ns / 1e6)} ms", f"{run.involuntary_switches} involuntary switches"]
    parts += [f"each sample is the mean of {run.calls_per_sample} calls"] if run.calls_per_sample > 1 else []
    parts += [f"control workload after / before: {run.control_ratio:.3f}"] if run.control_ratio is not None else []
    same_input = run.same_input_ratio
    parts += [f"one repeated input / rotating inputs: {same_input:.3f}"] if same_input is not None else []
    new_input = run.new_input_ratio
    parts += [f"rotating inputs / inputs never seen: {new_input:.3f}"] if new_input is not None else []
    parts += [f"other programs used {run.others_cpus:.2f} CPUs"] if run.others_cpus is not None else []
    peaks = [f"{phase} {bytes_ / 1e6:.1f} MB" for phase, bytes_ in run.peak_rss_after_bytes.items()]
    parts += [f"peak memory after {', '.join(peaks)}"] if peaks else []
    return "; ".join([*parts, *([f"unsteady: {run.unsteady}"] if run.unsteady else [])])


def _changed_findings(findings: Sequence[Finding], before: Sequence[Finding]) -> list[Finding]:
    """Return the findings with another status than before. Those of the run are listed under Validity."""
    known = {finding.check: finding.status for finding in before}
    return [finding for finding in findings if known.get(finding.check) != finding.status]


def _checks(name: str, findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """Return a line per finding that is not ok, and one for all that passed."""
    problems = [(f"{name}: {f.check} ({f.status})", f"{f.found}. {f.remedy}".strip(". ")) for f in findings
            if f.status != "ok"]  # fmt: skip
    passed = ", ".join(f.check for f in findings if f.status == "ok")
    return problems + ([(f"{name}: passed", passed)] if passed else [])


def _plot(case: CaseView, scale: Scale, points: int) -> Markup:
    """Return the latencies in run order, process by process, with warm-ups shaded."""
    runs = case.blobs.processes_ns() if points else []
    if not any(wall.size for _, wall in runs):
        return Markup("")
    traces, shapes, start = [], [], 0
    for index, (warmup, wall) in enumerate(runs):
        series = np.concatenate([warmup, wall]) * scale.factor
        if not series.size:
            continue
        indices, values = downsample(series, max(points // len(runs), 20))
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": indices + np.int32(start),
                "y": values,
                "line": {"width": 1},
                "name": f"process {index + 1}",
            }
        )
        shapes.append(
            {
                "type": "rect",
                "x0": start,
                "x1": start + warmup.size,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "fillcolor": GREY,
                "opacity": 0.22,
                "line": {"width": 0},
            }
        )
        start += series.size
    return figure_json(
        traces,
        xaxis=axis("Inference, in run order (warm-up shaded)"),
        yaxis=axis(f"Latency ({scale.unit})", "lower", rangemode="tozero"),
        shapes=shapes,
    )


PLUGINS: tuple[Section, ...] = (Section("details", "Case details", 120, render),)
