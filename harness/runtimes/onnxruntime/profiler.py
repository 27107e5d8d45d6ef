"""ONNX Runtime's own profiler: a session with profiling on, and its JSON file read back.

The file is a list of trace events: durations `dur` and starts `ts` in whole microseconds, one event 'model_run' of
category 'Session' an inference, one event of category 'Node' named '<node>_kernel_time' an executed kernel, with its
operator and provider in `args` (onnxruntime/core/common/profiler.cc, sequential_executor.cc).
"""

from __future__ import annotations

import json
import re
import tempfile
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from harness.core.execution import Execution, OperatorProfile, OperatorTiming, effective_precision
from harness.core.quantity import Missing
from harness.core.verdict import Finding
from harness.runtimes.operator_profile import Inference, summarise

if TYPE_CHECKING:
    import onnxruntime as ort

    Open = Callable[[ort.SessionOptions], ort.InferenceSession]

WARMUP = 3
"""Inferences before those that count: the first ones allocate."""

_KERNEL = "_kernel_time"
_CONTAINERS = frozenset({"If", "Loop", "Scan"})
_US = 1000
Event = Mapping[str, Any]


def trace(open_: Open, settings: ort.SessionOptions, inputs: Mapping[str, NDArray[Any]], n: int) -> str:
    """Return what the profiler writes about `n` inferences on the inputs, '' for nothing.

    `open_` and `settings` make a session like the timed one.
    """
    with tempfile.TemporaryDirectory(prefix="edgebench-profile-") as folder:
        settings.enable_profiling = True
        settings.profile_file_prefix = str(Path(folder) / "ort")
        _run(open_(settings), inputs, n)
        return "".join(file.read_text(encoding="utf-8", errors="replace") for file in Path(folder).glob("*.json"))


def _run(session: ort.InferenceSession, inputs: Mapping[str, NDArray[Any]], n: int) -> None:
    for _ in range(WARMUP + n):
        session.run(None, inputs)
    session.end_profiling()


def read(text: str, provider: str, n: int) -> OperatorProfile | Missing:
    """Return the last `n` inferences of a profile file; Missing says what is wrong with it."""
    if not text:
        return Missing("ONNX Runtime's profiler wrote no file")
    try:
        events = json.loads(text)
    except ValueError as error:
        return Missing(f"ONNX Runtime's profile is no JSON: {error}")
    if not isinstance(events, list):
        return Missing("ONNX Runtime's profile is no list of events")
    inferences = list(_inferences([event for event in events if _timed(event)]))[-n:]
    if not any(inference.operators for inference in inferences):
        return Missing("ONNX Runtime's profile names no operator")
    return summarise(provider, inferences)


def arena_bytes(text: str) -> int | Missing:
    """Return the most that the CPU provider's arena held in a profile file: activations and packed weights."""
    try:
        sizes = [
            int(size) for event in json.loads(text) if (size := _arguments(event).get("mem_arena_held")) is not None
        ]
    except (ValueError, TypeError, AttributeError):
        sizes = []
    return max(sizes, default=0) or Missing("this ONNX Runtime's profile has no arena size; newer ones do")


def _timed(event: Any) -> bool:
    return isinstance(event, dict) and all(isinstance(event.get(key), int) for key in ("ts", "dur"))


def _inferences(events: Sequence[Event]) -> Iterator[Inference]:
    """Yield every 'model_run' with the kernels that started within it, in order of time."""
    kernels = sorted((event for event in events if _is_kernel(event)), key=_start)
    for run in sorted((event for event in events if event.get("name") == "model_run"), key=_start):
        first = bisect_left(kernels, run["ts"], key=_start)
        behind = bisect_right(kernels, run["ts"] + run["dur"], key=_start)
        yield Inference(run["dur"] * _US, [_timing(kernel) for kernel in kernels[first:behind]])


def _start(event: Event) -> int:
    start: int = event["ts"]
    return start


def _is_kernel(event: Event) -> bool:
    """Return whether an event is a kernel: a control-flow node's event spans those of its body and is none."""
    if event.get("cat") != "Node" or not str(event.get("name", "")).endswith(_KERNEL):
        return False
    return _arguments(event).get("op_name") not in _CONTAINERS


def _arguments(event: Event) -> Mapping[str, Any]:
    arguments = event.get("args")
    return arguments if isinstance(arguments, dict) else {}


def _timing(event: Event) -> OperatorTiming:
    known = _arguments(event)
    return OperatorTiming(
        name=str(event["name"]).removesuffix(_KERNEL),
        type=str(known.get("op_name", "unknown")),
        provider=str(known.get("provider", "unknown")),
        duration_ns=float(event["dur"] * _US),
        dtype=_dtype(known.get("input_type_shape")),
    )


def _dtype(signature: Any) -> str:
    """Return the element type of the first input, from a list such as [{"float": [1, 3, 224, 224]}, ...]."""
    first = signature[0] if isinstance(signature, list) and signature else None
    return next(iter(first), "") if isinstance(first, dict) else ""


_ARITHMETIC = re.compile(r"Conv(?!ert)|MatMul|Gemm|Attention|LSTM|GRU")
_INTEGER = re.compile(r"^(Q|DynamicQuantize)|Integer")
_ELEMENTS = {"float": "fp32", "float16": "fp16", "bfloat16": "bf16", "double": "fp64", "int8": "int8", "uint8": "int8"}


def read_execution(profile: OperatorProfile) -> Execution:
    """Return precision and providers of a profile; a kernel on another provider than requested is a finding."""
    arithmetic = [each for each in profile.operators if _ARITHMETIC.search(each.type)]
    nodes = Counter(each.provider for each in profile.operators)
    execution = Execution(
        effective=effective_precision(_precision(each) for each in arithmetic),
        evidence="kernels and their element types in ONNX Runtime's profile of one inference",
        nodes=dict(nodes.most_common()),
    )
    elsewhere = Counter(each.type for each in profile.fallen_back)
    if not elsewhere:
        return execution
    kinds = ", ".join(f"{n} {kind}" for kind, n in elsewhere.most_common(5))
    words = f"{elsewhere.total()} of {len(profile.operators)} kernels ran elsewhere than on {profile.asked}: {kinds}"
    remedy = (
        "replace these operators in the net, or compare with onnxruntime-cpu: edgebench explain says what they cost"
    )
    return execution.with_findings(Finding("fallback", "warn", words, remedy))


def _precision(kernel: OperatorTiming) -> str:
    return "int8" if _INTEGER.search(kernel.type) else _ELEMENTS.get(kernel.dtype, kernel.dtype or "unknown")
