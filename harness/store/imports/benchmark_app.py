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

from .pytest_benchmark import parse_object
from .records import ParsedCase, ParsedRun

SOURCE = "benchmark_app"
_MS = 1e6
_MEDIAN = ("latency (ms)", "latency_median", "Median latency (ms)")
# metric: names in the reports, factor to the metric's unit
_FIGURES = {
    "first_inference_ns": (("first inference time (ms)", "first_inference_time"), _MS),
    "throughput_per_s": (("throughput",), 1.0),
    "n_inferences": (("total number of iterations", "iterations_num"), 1.0),
}
_LOADING = (
    ("read model time (ms)", "read_model_time"),
    ("reshape model time (ms)", "reshape_model_time"),
    ("compile model time (ms)", "compile_model_time", "load_model_time"),
)
_PRINTED = {
    "latency (ms)": r"Median:\s+([\d.]+) ms",
    "throughput": r"Throughput:\s+([\d.]+) FPS",
    "total number of iterations": r"Count:\s+(\d+) iterations",
    "first inference time (ms)": r"First inference took ([\d.]+) ms",
    "read model time (ms)": r"Read model took ([\d.]+) ms",
    "reshape model time (ms)": r"Reshape model took ([\d.]+) ms",
    "compile model time (ms)": r"Compile model took ([\d.]+) ms",
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
    metrics: dict[str, Quantity] = {
        name: Value(number * factor)
        for name, (keys, factor) in _FIGURES.items()
        if (number := _first_number(fields, keys))
    }
    count = _first_number(fields, _FIGURES["n_inferences"][0])
    n = round(count) if count else None
    percentile = (
        _first_number(
            fields, ("-latency_percentile", "latency_percentile", "Percentile boundary", "percentile_boundary")
        )
        or 50.0
    )
    median = _first_number(fields, _MEDIAN)
    if median is not None and percentile == 50.0:
        metrics["latency_p50_ns"] = Value(median * _MS, n=n)
    parts = [number for keys in _LOADING if (number := _first_number(fields, keys)) is not None]
    if parts:
        metrics["load_ns"] = Value(sum(parts) * _MS)
    if "throughput_per_s" not in metrics and "latency_p50_ns" not in metrics:
        return ParsedRun(SOURCE, [])
    notes: dict[str, str] = {
        name: fields[name] for name in ("-hint", "API", "-api", "target device", "-nstreams") if name in fields
    }
    return ParsedRun(SOURCE, [ParsedCase(_case(fields), (), metrics, notes)])


def _case(fields: Mapping[str, str]) -> Case:
    """Return the case; with several requests in flight the tool measures throughput, which is Offline."""
    device = _first_text(fields, "target device", "target_device", "-d", "d") or "CPU"
    model = _first_text(fields, "-m", "m", "topology") or "unnamed"
    requests = _first_number(fields, ("number of parallel infer requests", "nireq")) or 1.0
    return Case(
        PurePosixPath(model.replace("\\", "/")).stem,
        "as-is",
        f"openvino-{device.lower()}",
        threads=max(1, round(_first_number(fields, ("-nthreads", "nthreads")) or 1)),
        batch=max(1, round(_first_number(fields, ("batch size", "batch_size")) or 1)),
        scenario="Offline" if requests > 1 else "SingleStream",
        weights="user",
    )


def _json(text: str) -> dict[str, str]:
    """Merge all sections; the C++ tool writes some of them as lists of {name, value}."""
    fields: dict[str, str] = {}
    for section in parse_object(text).values():
        if isinstance(section, dict):
            fields |= {name: str(value) for name, value in section.items()}
        elif isinstance(section, list):
            fields |= {
                str(item["name"]): str(item["value"]) for item in section if isinstance(item, dict) and "name" in item
            }
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


def _first_number(fields: Mapping[str, str], names: tuple[str, ...]) -> float | None:
    for name in names:
        try:
            return float(fields[name])
        except (KeyError, ValueError):
            continue
    return None
