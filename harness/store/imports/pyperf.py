"""pyperf's JSON: benchmarks with runs, each a process with `values` in seconds after its warm-up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .pytest_benchmark import parse_object
from .records import ParsedCase, ParsedRun, user_case

SOURCE = "pyperf"
_NS = 1e9


def recognises(text: str) -> bool:
    """Return whether the text is a JSON object with benchmarks that have runs."""
    benchmarks = parse_object(text).get("benchmarks")
    return isinstance(benchmarks, list) and bool(benchmarks) and all("runs" in benchmark for benchmark in benchmarks)


def parse(text: str) -> ParsedRun:
    """Parse each benchmark as a case; ValueError if one is not a time."""
    document = parse_object(text)
    common: dict[str, Any] = dict(document.get("metadata") or {})
    benchmarks = document["benchmarks"]
    first = {**common, **_first_metadata(benchmarks)}
    host = {"arch": None, "kernel": first.get("platform"), "cpu_model": first.get("cpu_model_name")}
    return ParsedRun(
        SOURCE,
        [_case(benchmark, {**common, **(benchmark.get("metadata") or {})}) for benchmark in benchmarks],
        first.get("date"),
        {name: value for name, value in host.items() if value},
        versions={SOURCE: str(first.get("perf_version", "unknown")), "python": str(first.get("python_version", ""))},
    )


def _first_metadata(benchmarks: list[Mapping[str, Any]]) -> dict[str, Any]:
    runs = [run for benchmark in benchmarks for run in benchmark["runs"]]
    return dict(runs[0].get("metadata") or {}) if runs else {}


def _case(benchmark: Mapping[str, Any], metadata: Mapping[str, Any]) -> ParsedCase:
    if metadata.get("unit", "second") != "second":
        raise ValueError(f"{metadata.get('name')} is measured in {metadata['unit']}, not in seconds")
    # runs without values are calibration
    processes = [[float(value) * _NS for value in run["values"]] for run in benchmark["runs"] if run.get("values")]
    if not processes:
        raise ValueError(f"{metadata.get('name')} has no values")
    notes = {"loops": metadata.get("loops"), "inner_loops": metadata.get("inner_loops")}
    return ParsedCase(user_case(str(metadata.get("name", "unnamed")), SOURCE), processes, {}, notes)
