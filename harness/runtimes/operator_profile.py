"""Combine several profiled inferences into one profile that a passing disturbance does not distort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.execution import OperatorProfile, OperatorTiming


@dataclass(frozen=True)
class Inference:
    """One profiled inference: nanoseconds in all, and its operators in order of execution."""

    total_ns: float
    operators: Sequence[OperatorTiming]


def summarise(asked: str, inferences: Sequence[Inference]) -> OperatorProfile:
    """Return the mean inference over the faster half, operator by operator; ValueError without any.

    Whole inferences are left out, never single operators, so that the parts still add up to the total; it is the
    slower half, since what disturbs an inference makes it longer.
    """
    if not inferences:
        raise ValueError("no profiled inference")
    faster = sorted(inferences, key=lambda inference: inference.total_ns)[: (len(inferences) + 1) // 2]
    n = len(faster)
    return OperatorProfile(
        asked=asked,
        n_inferences=n,
        inference_ns=sum(inference.total_ns for inference in faster) / n,
        operators=tuple(_mean(faster)),
    )


def _mean(inferences: Sequence[Inference]) -> list[OperatorTiming]:
    """Merge operators of one name and type: a loop's body runs many times, a branch in some inferences only."""
    sums: dict[tuple[str, str, str, str], list[float]] = {}
    for inference in inferences:
        for each in inference.operators:
            total = sums.setdefault((each.name, each.type, each.provider, each.dtype), [0.0, 0.0])
            total[0] += each.duration_ns
            total[1] += each.calls
    n = len(inferences)
    return [OperatorTiming(*key[:3], duration / n, calls / n, key[3]) for key, (duration, calls) in sums.items()]
