"""A run's header and records as rows of the store's tables; the writer fills in the ids."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from harness.core.case import Case
from harness.core.metric import METRICS
from harness.core.quantity import Missing, Value, microseconds
from harness.core.record import Blob, ProcessRun, Record, RunHeader, display_texts, to_json
from harness.store.runfolder import sample_blobs

# Metrics that each fresh process measures, and their fields in the record of the process.
PROCESS_METRICS = {
    "latency_p50_ns": "median_ns",
    "cpu_time_p50_ns": "median_cpu_ns",
    "load_ns": "load_ns",
    "first_inference_ns": "first_inference_ns",
    "peak_rss_bytes": "peak_rss_bytes",
}
# Facts about the machine that may change speed: a change of them is an event of the environment, not of the code.
_ENVIRONMENT_FACTS = ("kernel", "os", "firmware", "microcode", "hypervisor", "container", "cores", "memory_bytes")


@dataclass(frozen=True)
class MetricRow:
    """One metric of a case.

    Attributes:
        metric: Name of the metric.
        value: The value, None where missing.
        reason: Why it is missing, else ''.
        processes: (index, value) of each process that measured it.

    """

    metric: str
    value: Value | None
    reason: str
    processes: tuple[tuple[int, float], ...]


def target_row(header: RunHeader) -> dict[str, Any]:
    """Return the row of the target; `machine` is the id of its unit."""
    recorded = header.provenance.get("target")
    target = recorded if isinstance(recorded, Mapping) else {}
    return {
        "name": header.target,
        "machine": header.unit,
        "kind": target.get("kind") or "",
        "descriptor": target.get("sha256") or "",
    }


def run_row(header: RunHeader, trigger: str) -> dict[str, Any]:
    """Return the row of the run; `env` is its whole header."""
    return {
        "uuid": header.run_id,
        "started": microseconds(header.started_utc),
        "trigger": trigger,
        "git_sha": git_sha(header),
        "suite": header.suite,
        "profile": header.profile,
        "harness_version": header.versions.get("edgebench", ""),
        "environment": environment(header),
        "env": json.dumps(to_json(header), ensure_ascii=False, allow_nan=False),
    }


def git_sha(header: RunHeader) -> str | None:
    """Return the commit of the repository that the run was started in; None without one."""
    repository = header.provenance.get("repository")
    return repository.get("commit") if isinstance(repository, Mapping) else None


def environment(header: RunHeader) -> str:
    """Hash what may change speed without a change of code: system, firmware, governor, turbo and power mode."""
    parts: dict[str, Any] = {name: header.host.get(name) for name in _ENVIRONMENT_FACTS}
    parts |= {finding.check: finding.found for finding in header.findings if finding.check in {"governor", "turbo"}}
    return _hash(parts | {"power_mode": header.provenance.get("power_mode")})


def config_row(case: Case) -> dict[str, Any]:
    """Return the row of a case. Labelled data is not part of its key, since `--data` may change it from run to run.

    The user's inputs are: the time may depend on them.
    """
    extra: dict[str, Any] = {"weights": case.weights, "driver": case.driver, "load": case.load.parameters}
    if case.inputs:
        extra["inputs"] = case.inputs
    return {
        "key": _hash({"case": case.id, "extra": extra}),
        "case": case.id,
        "model": case.model,
        "family": case.model if case.weights == "user" else case.model.partition("-")[0],
        "compression": case.compression,
        "runtime": case.runtime,
        "scenario": case.scenario,
        "threads": case.threads,
        "batch": case.batch,
        "extra": json.dumps(extra, sort_keys=True),
    }


def cell_row(record: Record) -> dict[str, Any]:
    """Return the row of a case in a run; `board_state` holds the findings of the checks before and after it."""
    findings = {"before": record.findings, "after": record.findings_after}
    state = {when: [asdict(finding) for finding in group] for when, group in findings.items()}
    return {
        "status": record.verdict.status,
        "error": record.verdict.reason,
        "started": microseconds(record.started_utc),
        "board_state": json.dumps(state, ensure_ascii=False),
        "dataset": record.case.dataset,
        "artifact": record.artifact.sha256 if record.artifact else "",
        "build": build(record),
        "texts": json.dumps(display_texts(record), ensure_ascii=False),
    }


def build(record: Record) -> str:
    """Hash the model and all that the runtime reports about itself; '' if either is unknown."""
    if record.artifact is None or not record.runtime_info:
        return ""
    return _hash({"artifact": record.artifact.sha256, "runtime": dict(record.runtime_info)})


def metric_rows(record: Record) -> Iterator[MetricRow]:
    """Yield a row for each metric of a record."""
    for name in METRICS:
        quantity = record.quantity(name)
        if isinstance(quantity, Missing):
            yield MetricRow(name, None, quantity.reason, ())
        else:
            yield MetricRow(name, quantity, "", _processes(name, record.processes))


def raw_files(record: Record) -> Iterator[tuple[str, Blob]]:
    """Yield (kind, blob) for each raw file of a record."""
    yield from (("samples", blob) for blob in sample_blobs(record))
    yield from (("power", trace.blob) for trace in record.traces)


def _processes(metric: str, processes: Iterable[ProcessRun]) -> tuple[tuple[int, float], ...]:
    field = PROCESS_METRICS.get(metric)
    if field is None:
        return ()
    return tuple((process.index, float(getattr(process, field))) for process in processes)


def _hash(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
