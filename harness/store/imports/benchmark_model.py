"""The output of TFLite's `benchmark_model`: parameters, 'count=... first=... avg=...' and 'Inference timings in us'.

    Graph: [net.tflite]
    #threads used for CPU inference: [4]
    count=50 first=32891 curr=33978 min=32641 max=34005 avg=33209.4 std=450 [p5=... median=... p95=...]
    Inference timings in us: Init: 855, First inference: 49060, Warmup (avg): 34825.1, Inference (avg): 33209.4
    Peak memory footprint (MB): init=0 overall=12.8672

Older versions print 'Average inference timings in us: Warmup: ..., Init: ..., no stats: ...'; lines may start with
'INFO: ' or the prefix of a log.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from harness.core.quantity import Missing, Quantity, Value

from .records import ParsedCase, ParsedRun, user_case

SOURCE = "benchmark_model"
_US, _MB = 1e3, 1 << 20
_TIMINGS = re.compile(
    r"Inference timings in us: Init: (?P<init>[\d.e+]+), First inference: (?P<first>[\d.e+]+), "
    r"Warmup \(avg\): (?P<warmup>[\d.e+]+), Inference \(avg\): (?P<mean>[\d.e+]+)"
)
_OLD_TIMINGS = re.compile(
    r"Average inference timings in us: Warmup: (?P<warmup>[\d.e+]+), Init: (?P<init>[\d.e+]+), "
    r"(?:no stats|with stats): (?P<mean>[\d.e+]+)"
)
_COUNT = re.compile(r"count=(\d+) first=([\d.e+]+).*")


def recognises(text: str) -> bool:
    """Return whether the text has the line that ends a benchmark."""
    return bool(_TIMINGS.search(text) or _OLD_TIMINGS.search(text))


def parse(text: str) -> ParsedRun:
    """Parse one case per such line, from the text before it."""
    ends = sorted(match.end() for pattern in (_TIMINGS, _OLD_TIMINGS) for match in pattern.finditer(text))
    starts = [0, *ends[:-1]]
    # the memory line comes after the timings, and belongs to the case before it
    parts = [text[start:end] + _next_lines(text, end) for start, end in zip(starts, ends, strict=True)]
    return ParsedRun(SOURCE, [_case(part) for part in parts])


def _next_lines(text: str, position: int) -> str:
    return "\n".join(text[position:].splitlines()[:4])


def _case(text: str) -> ParsedCase:
    timings = _TIMINGS.search(text) or _OLD_TIMINGS.search(text)
    if timings is None:
        raise ValueError("no timings")
    counts = _COUNT.findall(text)
    n = int(counts[-1][0]) if counts else None
    first = timings.groupdict().get("first") or (counts[0][1] if counts else None)
    metrics: dict[str, Quantity] = {
        "load_ns": Value(float(timings["init"]) * _US),
        **_inference(text, float(timings["mean"]), n),
    }
    if first is not None:
        metrics["first_inference_ns"] = Value(float(first) * _US)
    memory = re.search(r"Peak memory footprint \(MB\): .*overall=([\d.]+)", text)
    notes: dict[str, object] = {"mean_ns": float(timings["mean"]) * _US}
    if memory:
        notes["peak_growth_bytes"] = float(memory[1]) * _MB  # growth since the start, not the whole process
    threads = re.search(r"(?:#threads used for CPU inference|Num threads): \[(\d+)\]", text)
    case = user_case(_model(text), SOURCE, threads=max(1, int(threads[1])) if threads else 1)
    return ParsedCase(case, (), metrics, notes)


def _inference(text: str, mean_us: float, n: int | None) -> dict[str, Quantity]:
    """Return throughput from the mean, which every version prints, and the median if the tool prints it."""
    medians = re.findall(r"count=.*\bmedian=([\d.e+]+)", text)
    no_median = Missing(f"summary only: benchmark_model prints the mean, {mean_us:g} us, but no median")
    metrics: dict[str, Quantity] = {
        "throughput_per_s": Value(1e6 / mean_us, n=n),
        "latency_p50_ns": Value(float(medians[-1]) * _US, n=n) if medians else no_median,
    }
    if n is not None:
        metrics["n_inferences"] = Value(n)
    return metrics


def _model(text: str) -> str:
    graph = re.search(r"Graph: \[([^\]]+)\]", text) or re.search(r"Loaded model (\S+)", text)
    return PurePosixPath(graph[1].replace("\\", "/")).stem if graph else "unnamed"
