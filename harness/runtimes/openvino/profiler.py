"""OpenVINO's performance counters: one entry a node of the execution graph, of the last inference, in microseconds."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from harness.core.execution import OperatorProfile, OperatorTiming
from harness.core.quantity import Missing
from harness.runtimes.operator_profile import Inference, summarise

if TYPE_CHECKING:
    import openvino as ov

WARMUP = 3
"""Inferences before those that count: the first ones allocate."""


def profile(request: ov.InferRequest, device: str, n: int) -> OperatorProfile | Missing:
    """Profile `n` inferences of a request whose inputs are set and whose model was compiled with PERF_COUNT."""
    for _ in range(WARMUP):
        request.infer()
    inferences = [_inference(request, device) for _ in range(n)]
    if not any(inference.operators for inference in inferences):
        return Missing("OpenVINO's counters name no operator")
    return summarise(device, inferences)


def _inference(request: ov.InferRequest, device: str) -> Inference:
    """`latency` is OpenVINO's own figure for the whole inference, in milliseconds."""
    request.start_async()
    request.wait()
    executed = [each for each in request.get_profiling_info() if str(each.status).endswith("EXECUTED")]
    return Inference(request.latency * 1e6, [_timing(each, device) for each in executed if each.real_time])


def _timing(counter: ov.ProfilingInfo, device: str) -> OperatorTiming:
    """The kernel's name ends in what it computes in: 'brgconv_avx512_f32', 'jit_gemm_i8'."""
    dtype = counter.exec_type.rpartition("_")[2]
    spent: timedelta = counter.real_time
    return OperatorTiming(counter.node_name, counter.node_type, device, spent.total_seconds() * 1e9, dtype=dtype)
