"""torch's profiler: the CPU time of every ATen kernel of an inference, without what it calls."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.core.operators import OperatorProfile, OpTiming
from harness.core.quantity import Missing
from harness.runtimes.operator_profile import Inference, summarise

WARMUP = 3
"""Inferences before those that count: the profiler itself warms up."""
ASKED = "ATen"


def profile(infer: Callable[[], None], n: int) -> OperatorProfile | Missing:
    """Profile `n` calls of `infer`."""
    for _ in range(WARMUP):
        _once(infer)
    inferences = [_once(infer) for _ in range(n)]
    if not any(inference.operators for inference in inferences):
        return Missing("torch's profile names no operator")
    return summarise(ASKED, inferences)


def _once(infer: Callable[[], None]) -> Inference:
    """One inference; kernels are numbered in order, since their names repeat."""
    import torch

    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        before = time.perf_counter_ns()
        infer()
        total_ns = time.perf_counter_ns() - before
    kernels = [event for event in profiler.events() if event.name.startswith("aten::") and event.self_cpu_time_total]
    timings = [
        OpTiming(f"{place}: {event.name}", event.name.removeprefix("aten::"), ASKED, event.self_cpu_time_total * 1e3)
        for place, event in enumerate(kernels)
    ]
    return Inference(float(total_ns), timings)
