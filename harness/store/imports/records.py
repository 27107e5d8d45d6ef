"""The parsed result of another tool, and its conversion into a run folder."""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from harness import stats
from harness.core.case import Case
from harness.core.metric import METRICS
from harness.core.quantity import Missing, Quantity, Value, iso, microseconds, utc_now
from harness.core.record import Record, RunHeader
from harness.core.verdict import Verdict
from harness.store.runfolder import RunFolder


@dataclass(frozen=True)
class ParsedCase:
    """One case of another tool's result.

    Attributes:
        case: The case.
        processes: Latencies in ns, one sequence per process; empty if the file has only a summary.
        metrics: The tool's own figures, by this project's names.
        notes: Other facts about the case.

    """

    case: Case
    processes: Sequence[Sequence[float]] = ()
    metrics: Mapping[str, Quantity] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ParsedRun:
    """The result of another tool.

    Attributes:
        source: Name of the tool.
        cases: Its cases.
        started_utc: Time of the run in ISO 8601, None if the file does not say.
        host: Facts about the machine.
        commit: Commit of the measured repository, None if unknown.
        versions: Versions by name.

    """

    source: str
    cases: Sequence[ParsedCase]
    started_utc: str | None = None
    host: Mapping[str, Any] = field(default_factory=dict)
    commit: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


def user_case(model: str, runtime: str, **more: Any) -> Case:
    """Return a case of a user's model, whose compression setting is unknown."""
    return Case(model, "as-is", runtime, weights="user", **more)


SUMMARY_ONLY = "summary only"
_TAILS = {"latency_p90_ns": 0.90, "latency_p95_ns": 0.95, "latency_p99_ns": 0.99, "latency_p999_ns": 0.999}


def import_run(parsed: ParsedRun, file: Path, out: Path, target: str, command: Sequence[str] = ()) -> RunFolder:
    """Write a parsed result into a new run folder.

    A case that occurs several times is written as often, with its model numbered.

    Args:
        parsed: The result.
        file: The file that it was read from.
        out: Path of the new run folder.
        target: Name of the machine that was measured.
        command: Command line of the import.

    """
    parsed = dataclasses.replace(parsed, cases=_numbered(parsed.cases))
    run = RunFolder.create(out, _header(parsed, file, target, command))
    for case in parsed.cases:
        run.append(_record(run, parsed, case, file))
    return run


def _numbered(cases: Sequence[ParsedCase]) -> list[ParsedCase]:
    times: Counter[str] = Counter()
    numbered = []
    for parsed in cases:
        times[parsed.case.id] += 1
        number = times[parsed.case.id]
        model = f"{parsed.case.model} ({number})" if number > 1 else parsed.case.model
        numbered.append(dataclasses.replace(parsed, case=dataclasses.replace(parsed.case, model=model)))
    return numbered


def _header(parsed: ParsedRun, file: Path, target: str, command: Sequence[str]) -> RunHeader:
    now = utc_now()
    modified = datetime.fromtimestamp(file.stat().st_mtime, timezone.utc).isoformat()
    unknown = {"reason": f"{parsed.source} does not say"}
    return RunHeader(
        run_id=f"{now[:19].replace('-', '').replace(':', '')}-{uuid.uuid4().hex[:6]}",
        suite=f"import:{parsed.source}",
        target=target,
        profile="imported",
        started_utc=_utc(parsed.started_utc or modified),
        planned=tuple(case.case.id for case in parsed.cases),
        command=tuple(command),
        seed=0,
        host={"machine_id": None, **parsed.host},
        versions=dict(parsed.versions),
        ended_utc=now,
        provenance={
            "source": {
                "tool": parsed.source,
                "file": file.name,
                "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            },
            "started": "from the file"
            if parsed.started_utc
            else "modification time of the file: the tool does not record it",
            "repository": {"commit": parsed.commit, "dirty": unknown} if parsed.commit else unknown,
        },
    )


def _record(run: RunFolder, parsed: ParsedRun, case: ParsedCase, file: Path) -> Record:
    header = run.header()
    details: dict[str, Any] = {"source": parsed.source, "file": file.name, "notes": dict(case.notes)}
    details["summary_only"] = not case.processes
    if case.processes:
        details["samples"] = _store_samples(run, case.processes)
    return Record(
        run_id=header.run_id,
        case_id=case.case.id,
        case=case.case,
        target=header.target,
        verdict=_verdict(parsed.source, case),
        metrics=_metrics(parsed.source, case),
        started_utc=header.started_utc,
        duration_s=sum(map(sum, case.processes)) / 1e9,
        runtime_info={"library": parsed.source, **parsed.versions},
        details=details,
    )


def _store_samples(run: RunFolder, processes: Sequence[Sequence[float]]) -> Mapping[str, Any]:
    """Store samples in integer nanoseconds with the index of their process."""
    samples = np.rint(np.concatenate([np.asarray(part) for part in processes])).astype(np.int64)
    origin = np.repeat(np.arange(len(processes)), [len(part) for part in processes])
    sha256, n = run.put_blob({"wall_ns": samples, "process": origin})
    return {"name": "latency", "sha256": sha256, "n": n, "unit": "ns"}


def _verdict(source: str, case: ParsedCase) -> Verdict:
    reason = f"imported from {source}: warm-up, load and clock were not observed"
    remedy = "measure the model here: edgebench run --model FILE"
    return Verdict("imprecise", reason if case.processes else f"{reason}; {SUMMARY_ONLY}", remedy)


def _metrics(source: str, case: ParsedCase) -> dict[str, Quantity]:
    metrics = dict(case.metrics) | (_from_samples(case.processes) if case.processes else {})
    reason = f"{source} does not report it" if case.processes else f"{SUMMARY_ONLY}: {source} stored no samples"
    return {name: metrics.get(name, Missing(reason)) for name in METRICS}


def _from_samples(processes: Sequence[Sequence[float]]) -> dict[str, Quantity]:
    """Compute median with interval, tails and throughput from samples, as `harness.measure` does."""
    pooled = np.concatenate([np.asarray(part) for part in processes])
    interval = stats.median_interval([np.asarray(part) for part in processes])
    metrics: dict[str, Quantity] = {
        "latency_p50_ns": Value(interval.mid, interval.lo, interval.hi, len(pooled)),
        "throughput_per_s": Value(1e9 * len(pooled) / float(pooled.sum()), n=len(pooled)),
        "n_inferences": Value(len(pooled)),
        "n_processes": Value(len(processes)),
    }
    for name, p in _TAILS.items():
        tail = stats.tail(pooled, p, definition="numpy")
        few = isinstance(tail, stats.TooFew)
        metrics[name] = Missing(f"n too small: {tail.reason}") if few else Value(tail.value, n=len(pooled))  # type: ignore[union-attr]
    return metrics


def _utc(text: str) -> str:
    """Normalise to UTC; pyperf's local time without a zone is taken for UTC."""
    return iso(microseconds(text))
