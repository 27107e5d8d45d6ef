"""pytest-benchmark's JSON (`--benchmark-json`): seconds, every raw sample in `stats.data`, the rest in `extra_info`.

pytest-benchmark's own class computes the statistics, so that `pytest-benchmark compare` shows its usual figures.
"""

from __future__ import annotations

import dataclasses
import json
from importlib.metadata import version
from typing import Any

from harness.core.metric import METRICS
from harness.core.record import Record
from harness.core.verdict import TIMED
from harness.store.database.rows import git_sha

from . import Export, Exported

OPTIONS = {"disable_gc": False, "timer": "perf_counter_ns", "warmup": True}
"""How the samples were taken, in pytest-benchmark's terms; files of earlier versions say the same."""


def render(run: Exported) -> str:
    """Return the document without cases that have no samples or whose latency must not be compared.

    The format has no place for either: its readers compare whatever it holds.
    """
    header = run.header
    commit = header.provenance.get("repository", {})
    document = {
        "machine_info": {
            "node": header.host.get("machine_id"),
            "machine": header.host.get("arch"),
            "system": header.host.get("os"),
            "release": header.host.get("kernel"),
            "cpu": {"brand_raw": header.host.get("cpu_model"), "count": header.host.get("cores")},
        },
        "commit_info": {"id": git_sha(header), "dirty": commit.get("dirty") is True},
        "benchmarks": [entry for record in run.records if (entry := _entry(run, record)) is not None],
        "datetime": header.started_utc,
        "version": version("pytest-benchmark"),
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def extra_info(record: Record) -> dict[str, Any]:
    """Return verdict, target and each metric: its number, or null beside the reason."""
    info: dict[str, Any] = {"case": record.case_id, "target": record.target}
    info |= {"verdict": record.verdict.status, "reason": record.verdict.reason}
    for name in METRICS:
        info[name] = record.value(name)
        if reason := record.missing(name):
            info[f"{name}_reason"] = reason
    return info


def calls_per_sample(record: Record) -> int:
    """Return the inferences whose mean a sample is, which are pytest-benchmark's iterations of a round."""
    return max((process.calls_per_sample for process in record.processes), default=1)


def _entry(run: Exported, record: Record) -> dict[str, Any] | None:
    from pytest_benchmark.stats import Stats

    if not record.trusts(TIMED):
        return None
    stats: Any = Stats()  # type: ignore[no-untyped-call]
    for sample_ns in run.samples(record).tolist():
        stats.update(sample_ns / 1e9)
    if not stats.data:
        return None
    name = f"test_classify[{record.case_id}]"
    return {
        "group": record.case.model,
        "name": name,
        "fullname": f"suites/test_classify.py::{name}",
        "params": dataclasses.asdict(record.case),
        "param": record.case_id,
        "extra_info": extra_info(record),
        "options": dict(OPTIONS),
        "stats": {**stats.as_dict(), "data": list(stats.data), "iterations": calls_per_sample(record)},
    }


PLUGINS: tuple[Export, ...] = (Export("pytest-benchmark", render),)
