"""What another tool's file holds, in this project's terms.

What was found in another tool's file, as a run folder.
"""

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
    """One case: `processes` holds its latencies in ns, a sequence a process, none where the file has a summary alone.

    `metrics` are the tool's own figures, by this project's names; `notes` what else the file says of the case.
    """

    case: Case
    processes: Sequence[Sequence[float]] = ()
    metrics: Mapping[str, Quantity] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ParsedRun:
    """A file: its tool, cases, when it was made (ISO 8601, None where it does not say), the machine and its commit."""

    source: str
    cases: Sequence[ParsedCase]
    started_utc: str | None = None
    host: Mapping[str, Any] = field(default_factory=dict)
    commit: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


def user_case(model: str, runtime: str, **more: Any) -> Case:
    """A case of a model that the user brought: its setting is not known."""
    return Case(model, "as-is", runtime, weights="user", **more)


SUMMARY_ONLY = "summary only"
_TAILS = {"latency_p90_ns": 0.90, "latency_p95_ns": 0.95, "latency_p99_ns": 0.99, "latency_p999_ns": 0.999}


def import_run(found: ParsedRun, file: Path, out: Path, target: str, command: Sequence[str] = ()) -> RunFolder:
    """Write what was found in `file` into a new run folder. `target` says whose figures these are.

    A case that the file holds several times is kept as often, its model numbered.
    """
    found = dataclasses.replace(found, cases=_numbered(found.cases))
    run = RunFolder.create(out, _header(found, file, target, command))
    for each in found.cases:
        run.append(_record(run, found, each, file))
    return run


def _numbered(cases: Sequence[ParsedCase]) -> list[ParsedCase]:
    times: Counter[str] = Counter()
    apart = []
    for each in cases:
        times[each.case.id] += 1
        number = times[each.case.id]
        model = f"{each.case.model} ({number})" if number > 1 else each.case.model
        apart.append(dataclasses.replace(each, case=dataclasses.replace(each.case, model=model)))
    return apart


def _header(found: ParsedRun, file: Path, target: str, command: Sequence[str]) -> RunHeader:
    now = utc_now()
    modified = datetime.fromtimestamp(file.stat().st_mtime, timezone.utc).isoformat()
    unknown = {"reason": f"{found.source} does not say"}
    return RunHeader(
        run_id=f"{now[:19].replace('-', '').replace(':', '')}-{uuid.uuid4().hex[:6]}",
        suite=f"import:{found.source}",
        target=target,
        profile="imported",
        started_utc=_utc(found.started_utc or modified),
        planned=tuple(each.case.id for each in found.cases),
        command=tuple(command),
        seed=0,
        host={"machine_id": None, **found.host},
        versions=dict(found.versions),
        ended_utc=now,
        provenance={
            "source": {
                "tool": found.source,
                "file": file.name,
                "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            },
            "started": "told by the file" if found.started_utc else "the file's own date: the tool does not say",
            "repository": {"commit": found.commit, "dirty": unknown} if found.commit else unknown,
        },
    )


def _record(run: RunFolder, found: ParsedRun, each: ParsedCase, file: Path) -> Record:
    head = run.header()
    details: dict[str, Any] = {"source": found.source, "file": file.name, "notes": dict(each.notes)}
    details["summary_only"] = not each.processes
    if each.processes:
        details["samples"] = _keep(run, each.processes)
    return Record(
        run_id=head.run_id,
        case_id=each.case.id,
        case=each.case,
        target=head.target,
        verdict=_verdict(found.source, each),
        metrics=_metrics(found.source, each),
        started_utc=head.started_utc,
        duration_s=sum(map(sum, each.processes)) / 1e9,
        runtime_info={"library": found.source, **found.versions},
        details=details,
    )


def _keep(run: RunFolder, processes: Sequence[Sequence[float]]) -> Mapping[str, Any]:
    """Samples in whole nanoseconds, and which process each is from."""
    samples = np.rint(np.concatenate([np.asarray(part) for part in processes])).astype(np.int64)
    origin = np.repeat(np.arange(len(processes)), [len(part) for part in processes])
    sha256, n = run.put_blob({"wall_ns": samples, "process": origin})
    return {"name": "latency", "sha256": sha256, "n": n, "unit": "ns"}


def _verdict(source: str, each: ParsedCase) -> Verdict:
    reason = f"imported from {source}: nobody watched warm-up, load and clock"
    remedy = "measure the model here: edgebench run --model FILE"
    return Verdict("imprecise", reason if each.processes else f"{reason}; {SUMMARY_ONLY}", remedy)


def _metrics(source: str, each: ParsedCase) -> dict[str, Quantity]:
    told = dict(each.metrics) | (_reckoned(each.processes) if each.processes else {})
    lacks = Missing(f"{SUMMARY_ONLY}: {source} kept no samples" if not each.processes else f"{source} does not tell it")
    return {name: told.get(name, lacks) for name in METRICS}


def _reckoned(processes: Sequence[Sequence[float]]) -> dict[str, Quantity]:
    """Median with its interval, tails and throughput from the samples, as `harness.measure` reckons its own."""
    pooled = np.concatenate([np.asarray(part) for part in processes])
    interval = stats.median_interval([np.asarray(part) for part in processes])
    found: dict[str, Quantity] = {
        "latency_p50_ns": Value(interval.mid, interval.lo, interval.hi, len(pooled)),
        "throughput_per_s": Value(1e9 * len(pooled) / float(pooled.sum()), n=len(pooled)),
        "n_inferences": Value(len(pooled)),
        "n_processes": Value(len(processes)),
    }
    for name, p in _TAILS.items():
        tail = stats.tail(pooled, p, definition="numpy")
        few = isinstance(tail, stats.TooFew)
        found[name] = Missing(f"n too small: {tail.reason}") if few else Value(tail.value, n=len(pooled))  # type: ignore[union-attr]
    return found


def _utc(text: str) -> str:
    """In UTC; pyperf writes local time without a zone, which is taken for UTC: nothing better can be done."""
    return iso(microseconds(text))
