"""What the figures of a case depend on besides its net: which input it is given, and how many came before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from harness.core.verdict import Finding
from harness.stats.by_input import InputSpread, input_spread

from .samples import CaseState

LEAST_GROWTH_BYTES = 4 << 20
LEAST_GROWTH = 0.05
"""Memory that grows by less than both, absolutely and as a share, is no finding."""

STEADY_GROWTH = 0.5
"""The last half of a loop must grow at this share of the whole loop's rate: an allocator's warm-up does not last."""

_MIB = 1 << 20


def spread_of(state: CaseState) -> InputSpread | None:
    """Return how latency varies between the inputs in rotation; None where they do not take turns one by one."""
    case = state.prepared.case
    if not state.runs or (case.scenario, case.driver) != ("SingleStream", "own"):
        return None
    return input_spread(state.wall_ns, state.n_inputs)


def dependence_details(spread: InputSpread | None) -> dict[str, Any]:
    """Return what the record keeps of it: relative differences, and medians in nanoseconds."""
    if spread is None:
        return {}
    return {
        "by_input": {
            "n_inputs": spread.n_inputs,
            "fastest_ns": round(spread.fastest),
            "slowest_ns": round(spread.slowest),
            "within": spread.within,
            "p_value": spread.p_value,
        }
    }


def dependence_findings(state: CaseState, spread: InputSpread | None) -> Iterator[Finding]:
    """Yield what a reader of latency and memory must know."""
    if spread is not None and spread.depends:
        yield _by_input(state, spread)
    growth = [found for run in state.runs if (found := growth_per_inference(run.resident_bytes)) is not None]
    if 2 * len(growth) > len(state.runs):
        yield _growing(state, float(np.median(growth)))


def _by_input(state: CaseState, spread: InputSpread) -> Finding:
    prepared = state.prepared
    if prepared.inputs is not None:
        remedy = "the median is that of this mix of inputs: measure each kind in a run of its own"
    elif prepared.labelled is not None:
        remedy = "the median is that of these images: --inputs FILE gives others"
    else:
        remedy = "these inputs are synthetic: give those of your use with --inputs FILE"
    words = (
        f"time depends on the input: of {spread.n_inputs} in rotation the fastest takes {spread.fastest / 1e6:.3g} ms, "
        f"the slowest {spread.slowest / 1e6:.3g} ms in the median; one of them varies by {spread.within:.1%}"
    )
    return Finding("input_dependence", "warn", words, remedy)


def growth_per_inference(marks: Sequence[tuple[int, int]]) -> float | None:
    """Return the bytes that each inference adds to what the process holds; None where it does not go on growing.

    Args:
        marks: Inferences since the warm-up and bytes held then, in order.
    """
    if len(marks) < 3:
        return None
    (_, before), (n, after) = marks[0], marks[-1]
    growth = after - before
    if n == 0 or growth <= max(LEAST_GROWTH_BYTES, LEAST_GROWTH * before):
        return None
    middle, held = next(mark for mark in reversed(marks) if mark[0] <= n / 2)
    late = (after - held) / (n - middle)
    return growth / n if late >= STEADY_GROWTH * growth / n else None


def _growing(state: CaseState, rate: float) -> Finding:
    marks = [run.resident_bytes for run in state.runs if run.resident_bytes]
    total = float(np.median([(one[-1][1] - one[0][1]) for one in marks])) / _MIB
    n = float(np.median([one[-1][0] for one in marks]))
    shown = f"{rate / _MIB:.3g} MiB" if rate >= _MIB else f"{rate / 1024:.3g} KiB"
    words = f"memory grows by {shown} per inference: {total:.3g} MiB in {n:.0f} inferences after the warm-up"
    remedy = "a long run ends without memory: look for a leak in the runtime's version, in an operator or a cache"
    return Finding("memory_growth", "warn", words, remedy)
