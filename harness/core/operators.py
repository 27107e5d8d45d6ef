"""Where the time of an inference goes: its operators, as the runtime itself tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class OpTiming:
    """One operator as the runtime executed it: `duration_ns` of one inference over all its `calls`.

    `type` is the runtime's own name of the kernel or graph operator, `provider` what ran it (an execution provider,
    XNNPACK, the runtime's built-in kernels), `dtype` the element type it works on, '' where that is not told.
    """

    name: str
    type: str
    provider: str
    duration_ns: float
    calls: float = 1.0
    dtype: str = ""


@dataclass(frozen=True)
class OperatorProfile:
    """An inference taken apart. `asked` is the provider the case asked for; operators stand in order of execution.

    `inference_ns` is the runtime's own figure for the whole inference, taken while its profiler was on, which costs a
    few per cent: it is never a latency to report. All durations are means over the same `n_inferences`.
    """

    asked: str
    n_inferences: int
    inference_ns: float
    operators: tuple[OpTiming, ...]

    @property
    def unexplained_ns(self) -> float:
        """What is left of the inference when every operator is taken off: dispatch, copies, the profiler itself."""
        return self.inference_ns - sum(operator.duration_ns for operator in self.operators)

    @property
    def fallen_back(self) -> tuple[OpTiming, ...]:
        """Operators that ran elsewhere than on the provider asked for."""
        return tuple(operator for operator in self.operators if operator.provider != self.asked)

    def share(self, operators: tuple[OpTiming, ...]) -> float:
        """Part of the inference, 0 to 1, that these operators take."""
        return sum(operator.duration_ns for operator in operators) / self.inference_ns

    def by_type(self) -> dict[tuple[str, str], float]:
        """Nanoseconds of an inference by (type, provider), the largest first."""
        totals: dict[tuple[str, str], float] = {}
        for operator in self.operators:
            kind = (operator.type, operator.provider)
            totals[kind] = totals.get(kind, 0.0) + operator.duration_ns
        return dict(sorted(totals.items(), key=lambda item: -item[1]))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> OperatorProfile:
        """From plain JSON types. TypeError on an unknown or missing key."""
        return cls(**{**data, "operators": tuple(OpTiming(**operator) for operator in data["operators"])})
