"""pyperf's JSON: benchmarks with runs, each a process with `values` in seconds after its warm-up."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .figures import count, mapping, sequence, times_ns
from .parsed import ParsedCase, ParsedRun, parse_each, user_case
from .text import parse_object

SOURCE = "pyperf"


def recognises(text: str) -> bool:
    """Return whether the text is a JSON object with benchmarks that have runs."""
    benchmarks = parse_object(text).get("benchmarks")
    return (
        isinstance(benchmarks, list)
        and bool(benchmarks)
        and all(isinstance(benchmark, Mapping) and "runs" in benchmark for benchmark in benchmarks)
    )


def parse(text: str) -> ParsedRun:
    """Parse each benchmark as a case; one that is not a time is refused."""
    document = parse_object(text)
    common, benchmarks = _metadata(document), document["benchmarks"]
    first = {**common, **_first_metadata(benchmarks)}
    cases, refused = parse_each(
        benchmarks,
        lambda benchmark: _case(benchmark, {**common, **_metadata(benchmark)}),
        lambda benchmark: str({**common, **_metadata(benchmark)}.get("name", "")),
    )
    return ParsedRun(
        SOURCE,
        cases,
        first.get("date"),
        {"kernel": first.get("platform"), "cpu_model": first.get("cpu_model_name")},
        versions={SOURCE: first.get("perf_version", "unknown"), "python": first.get("python_version", "")},
        refused=refused,
    )


def _metadata(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the metadata of a document, benchmark or run; {} where it has none."""
    metadata = part.get("metadata") if isinstance(part, Mapping) else None
    return metadata if isinstance(metadata, Mapping) else {}


def _first_metadata(benchmarks: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the metadata of the first process."""
    runs = (run for benchmark in benchmarks if isinstance(benchmark["runs"], list) for run in benchmark["runs"])
    return _metadata(next(runs, {}))


def _case(benchmark: Mapping[str, Any], metadata: Mapping[str, Any]) -> ParsedCase:
    runs = [mapping(run, f"runs[{index}]") for index, run in enumerate(sequence(benchmark["runs"], "runs"))]
    for unit in (metadata.get("unit"), *(_metadata(run).get("unit") for run in runs)):
        if unit not in (None, "second"):
            raise ValueError(f"it is measured in {unit}, not in seconds")
    # runs without values are calibration
    processes = [
        times_ns(run["values"], f"runs[{index}].values")
        for index, run in enumerate(runs)
        if run.get("values") not in (None, [])
    ]
    if not processes:
        raise ValueError("it has no values")
    notes = {"loops": metadata.get("loops"), "inner_loops": metadata.get("inner_loops")}
    calls = max(_calls({**metadata, **_metadata(run)}) for run in runs)
    return ParsedCase(user_case(str(metadata.get("name", "")), SOURCE), processes, {}, notes, calls)


def _calls(metadata: Mapping[str, Any]) -> int:
    """Return the calls whose mean a value is."""
    return math.prod(count(metadata.get(name) or 1, name) for name in ("loops", "inner_loops"))
