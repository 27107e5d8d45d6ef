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

from .figures import count, parsed, positive
from .parsed import ParsedCase, ParsedRun, parse_each, user_case

SOURCE = "benchmark_model"
_US, _MB = 1e3, 1 << 20
_TIMINGS = re.compile(
    r"Inference timings in us: Init: (?P<init>[^\s,]+), First inference: (?P<first>[^\s,]+), "
    r"Warmup \(avg\): (?P<warmup>[^\s,]+), Inference \(avg\): (?P<mean>[^\s,]+)"
)
_OLD_TIMINGS = re.compile(
    r"Average inference timings in us: Warmup: (?P<warmup>[^\s,]+), Init: (?P<init>[^\s,]+), "
    r"(?:no stats|with stats): (?P<mean>[^\s,]+)"
)
_COUNT = re.compile(r"count=(\S+) first=(\S+).*")
_MEMORY = re.compile(r"Peak memory footprint \(MB\): .*overall=(\S+)")
_FOLLOWING = 2000
"""Characters after the timings among which the memory line is looked for."""


def recognises(text: str) -> bool:
    """Return whether the text has the line that ends a benchmark."""
    return bool(_TIMINGS.search(text) or _OLD_TIMINGS.search(text))


def parse(text: str) -> ParsedRun:
    """Parse one case per such line, from the text before it and, for the memory, the lines after it."""
    ends = sorted(match.end() for pattern in (_TIMINGS, _OLD_TIMINGS) for match in pattern.finditer(text))
    before = [text[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    after = [text[end:limit] for end, limit in zip(ends, [*ends[1:], len(text)], strict=True)]
    cases, refused = parse_each(
        zip(before, after, strict=True), lambda parts: _case(*parts), lambda parts: _model(parts[0])
    )
    return ParsedRun(SOURCE, cases, refused=refused)


def _case(text: str, following: str) -> ParsedCase:
    timings = _TIMINGS.search(text) or _OLD_TIMINGS.search(text)
    if timings is None:
        raise ValueError("no timings")
    counts = _COUNT.findall(text)
    n = count(parsed(counts[-1][0], "count"), "count") if counts else None
    first = timings.groupdict().get("first") or (counts[0][1] if counts else None)
    mean_us = positive(parsed(timings["mean"], "the mean"), "the mean")
    metrics: dict[str, Quantity] = {"load_ns": _time(timings["init"], "Init"), **_inference(text, mean_us, n)}
    if first is not None:
        metrics["first_inference_ns"] = _time(first, "First inference")
    notes: dict[str, object] = {"mean_ns": mean_us * _US}
    if memory := _MEMORY.search("\n".join(following[:_FOLLOWING].splitlines()[:4])):
        # growth since the start, not the whole process
        notes["peak_growth_bytes"] = parsed(memory[1], "the memory footprint") * _MB
    threads = re.search(r"(?:#threads used for CPU inference|Num threads): \[(\d+)\]", text)
    case = user_case(_model(text), SOURCE, threads=max(1, int(threads[1])) if threads else 1)
    return ParsedCase(case, (), metrics, notes)


def _time(text: str, what: str) -> Quantity:
    """Return a time in ns from one in us; Missing for 0, which the tool prints for what it did not do."""
    time_us = parsed(text, what)
    return Value(positive(time_us, what) * _US) if time_us else Missing(f"benchmark_model prints {what}: {text}")


def _inference(text: str, mean_us: float, n: int | None) -> dict[str, Quantity]:
    """Return throughput from the mean, which every version prints, and the median if the tool prints it."""
    medians = re.findall(r"count=.*\bmedian=([^\s\]]+)", text)
    no_median = Missing(f"summary only: benchmark_model prints the mean, {mean_us:g} us, but no median")
    metrics: dict[str, Quantity] = {"throughput_per_s": Value(1e6 / mean_us, n=n), "latency_p50_ns": no_median}
    if medians:
        median_us = positive(parsed(medians[-1], "the median"), "the median")
        metrics["latency_p50_ns"] = Value(median_us * _US, n=n)
    if n is not None:
        metrics["n_inferences"] = Value(n)
    return metrics


def _model(text: str) -> str:
    graph = re.search(r"Graph: \[([^\]]+)\]", text) or re.search(r"Loaded model (\S+)", text)
    return PurePosixPath(graph[1].replace("\\", "/")).stem if graph else ""
