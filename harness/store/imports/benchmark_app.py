"""OpenVINO's `benchmark_app`: benchmark_report.json (-json_stats), benchmark_report.csv, or its output.

The Python and the C++ tool name the same figures differently in JSON; both forms are known. The latency is the median
unless another percentile was requested (-latency_percentile).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from harness.core.case import Case
from harness.core.quantity import Quantity, Value

from .figures import count, parsed, positive
from .parsed import ParsedCase, ParsedRun, parse_each
from .text import parse_object

SOURCE = "benchmark_app"
_MS = 1e6
_MEDIAN = ("latency (ms)", "latency_median", "Median latency (ms)")
# metric: names in the reports, factor to the metric's unit
_FIGURES = {
    "first_inference_ns": (("first inference time (ms)", "first_inference_time"), _MS),
    "throughput_per_s": (("throughput",), 1.0),
    "n_inferences": (("total number of iterations", "iterations_num"), 1.0),
}
_PERCENTILE = ("-latency_percentile", "latency_percentile", "Percentile boundary", "percentile_boundary")
_LOADING = (
    ("read model time (ms)", "read_model_time"),
    ("reshape model time (ms)", "reshape_model_time"),
    ("compile model time (ms)", "compile_model_time", "load_model_time"),
)
_PRINTED = {
    "latency (ms)": r"Median:\s+(\S+) ms",
    "throughput": r"Throughput:\s+(\S+) FPS",
    "total number of iterations": r"Count:\s+(\S+) iterations",
    "first inference time (ms)": r"First inference took (\S+) ms",
    "read model time (ms)": r"Read model took (\S+) ms",
    "reshape model time (ms)": r"Reshape model took (\S+) ms",
    "compile model time (ms)": r"Compile model took (\S+) ms",
    "-m": r"^.*\bbenchmark_app\S*\s.*-m[= ](\S+)",
}


def recognises(text: str) -> bool:
    """Return whether the text is a report with results, or the printed figures."""
    return (
        "execution_results" in parse_object(text)
        or "Execution results" in text
        or ("Dumping statistics report" in text and "Throughput:" in text)
    )


def parse(text: str) -> ParsedRun:
    """Parse the case of a report; the run has no cases if the tool failed."""
    fields = _json(text) or _csv(text) or _printed(text)
    reported = (*_MEDIAN, *_FIGURES["throughput_per_s"][0])
    entries = [fields] if any(name in fields for name in reported) else []
    cases, refused = parse_each(entries, _parsed_case, _model)
    return ParsedRun(SOURCE, cases, refused=refused)


def _parsed_case(fields: Mapping[str, str]) -> ParsedCase:
    metrics: dict[str, Quantity] = {
        name: Value(positive(number, name) * factor)
        for name, (keys, factor) in _FIGURES.items()
        if (number := _figure(fields, keys)) is not None
    }
    iterations = _figure(fields, _FIGURES["n_inferences"][0])
    n = None if iterations is None else count(iterations, "the number of iterations")
    median = _figure(fields, _MEDIAN)
    if median is not None and (_setting(fields, _PERCENTILE) or 50.0) == 50.0:
        metrics["latency_p50_ns"] = Value(positive(median, "the median") * _MS, n=n)
    parts = [part for keys in _LOADING if (part := _figure(fields, keys)) is not None]
    if any(parts):
        metrics["load_ns"] = Value(positive(sum(parts), "the time to load") * _MS)
    notes = {name: fields[name] for name in ("-hint", "API", "-api", "target device", "-nstreams") if name in fields}
    return ParsedCase(_case(fields), (), metrics, notes)


def _case(fields: Mapping[str, str]) -> Case:
    """Return the case; with several requests in flight the tool measures throughput, which is Offline."""
    device = _first_text(fields, "target device", "target_device", "-d", "d") or "CPU"
    requests = _setting(fields, ("number of parallel infer requests", "nireq")) or 1.0
    return Case(
        _model(fields),
        "as-is",
        f"openvino-{device.lower()}",
        threads=max(1, round(_setting(fields, ("-nthreads", "nthreads")) or 1)),
        batch=max(1, round(_setting(fields, ("batch size", "batch_size")) or 1)),
        scenario="Offline" if requests > 1 else "SingleStream",
        weights="user",
    )


def _model(fields: Mapping[str, str]) -> str:
    model = _first_text(fields, "-m", "m", "topology") or ""
    return PurePosixPath(model.replace("\\", "/")).stem


def _json(text: str) -> dict[str, str]:
    """Merge all sections; the C++ tool writes some of them as lists of {name, value}."""
    fields: dict[str, str] = {}
    for section in parse_object(text).values():
        if isinstance(section, dict):
            fields |= {name: str(value) for name, value in section.items() if value is not None}
        elif isinstance(section, list):
            items = (item for item in section if isinstance(item, dict) and item.get("value") is not None)
            fields |= {str(item["name"]): str(item["value"]) for item in items if "name" in item}
    return fields


def _csv(text: str) -> dict[str, str]:
    if "Execution results" not in text:
        return {}
    pairs = (line.split(";", 1) for line in text.splitlines() if ";" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _printed(text: str) -> dict[str, str]:
    matches = {name: re.findall(pattern, text, re.MULTILINE) for name, pattern in _PRINTED.items()}
    return {name: values[-1] for name, values in matches.items() if values}


def _first_text(fields: Mapping[str, str], *names: str) -> str | None:
    return next((fields[name] for name in names if fields.get(name)), None)


def _figure(fields: Mapping[str, str], names: tuple[str, ...]) -> float | None:
    """Return a figure, None where the tool reported none; ValueError for one that is no number."""
    return next((parsed(fields[name], name) for name in names if name in fields), None)


def _setting(fields: Mapping[str, str], names: tuple[str, ...]) -> float | None:
    """Return a setting that is a number; None for one such as 'NOT SPECIFIED'."""
    for name in names:
        try:
            return parsed(fields[name], name)
        except (KeyError, ValueError):
            continue
    return None
