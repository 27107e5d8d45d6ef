"""MNN's operators as it runs them: their precision and their time.

MNN calls back before and after each one, which costs some microseconds: small operators look slower than they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from harness.core.execution import Execution, OperatorProfile, OperatorTiming, effective_precision
from harness.runtimes.operator_profile import Inference, summarise

PROVIDER = "MNN"
WARMUP = 3
_QUANTISED = "[ DT_INT8 ]"
"""What MNN appends to the type of an operator that works on int8."""
_WEIGHTED = frozenset(
    {
        *("Convolution", "ConvolutionDepthwise", "Deconvolution", "DeconvolutionDepthwise", "Convolution3D"),
        *("MatMul", "BatchMatMul", "InnerProduct", "LSTM", "Attention"),
    }
)


def read_execution(net: Any, session: Any, copy_inputs: Callable[[], Any], plain: str) -> Execution:
    """Return the precision of convolutions and matrix products: int8 by their types, else `plain`, the session's."""
    kinds = [kind for _, kind, _ in _run(net, session, copy_inputs)]
    return Execution(
        effective=effective_precision(
            "int8" if _QUANTISED in kind else plain for kind in kinds if _type(kind) in _WEIGHTED
        ),
        evidence="types of the operators that ran; floats by the outputs at MNN's precision high",
        nodes={PROVIDER: len(kinds)},
    )


def profile(net: Any, session: Any, n: int, copy_inputs: Callable[[], Any]) -> OperatorProfile:
    """Time the operators of `n` inferences; `copy_inputs` copies the inputs in before each."""
    for _ in range(WARMUP):
        _inference(net, session, copy_inputs)
    return summarise(PROVIDER, [_inference(net, session, copy_inputs) for _ in range(n)])


def _inference(net: Any, session: Any, copy_inputs: Callable[[], Any]) -> Inference:
    started = time.perf_counter_ns()
    ran = _run(net, session, copy_inputs)
    total_ns = time.perf_counter_ns() - started
    timings = [
        OperatorTiming(name, _type(kind), PROVIDER, float(taken), dtype="int8" if _QUANTISED in kind else "")
        for name, kind, taken in ran
    ]
    return Inference(float(total_ns), timings)


def _run(net: Any, session: Any, copy_inputs: Callable[[], Any]) -> list[tuple[str, str, int]]:
    """Run one inference; return name, type and nanoseconds of each operator, in order."""
    ran: list[tuple[str, str, int]] = []
    began = 0

    def before(tensors: Any, operator: Any) -> bool:
        nonlocal began
        began = time.perf_counter_ns()
        return True

    def after(tensors: Any, operator: Any) -> bool:
        taken = time.perf_counter_ns() - began
        ran.append((operator.getName(), operator.getType(), taken))
        return True

    copy_inputs()
    net.runSessionWithCallBackInfo(session, before, after)
    return ran


def _type(kind: str) -> str:
    return kind.partition("[")[0].strip()
