"""What a runtime did with a model, read back from the runtime: precision, devices, and its operators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .quantity import Missing
from .verdict import Finding

PRECISIONS = ("fp32", "tf32", "fp16", "bf16", "int8", "int16", "int4", "fp64")
"""Element types that convolutions and matrix products compute in."""
FROM_FILE = "as in the file"
"""What is asked for a model whose making is unknown."""
MIN_SHARE = 0.1
"""A precision with less than this share of the arithmetic nodes is not named."""


@dataclass(frozen=True)
class Execution:
    """How a case was carried out.

    `asked` is the precision the case asks its runtime to compute in; `effective` the one convolutions and matrix
    products had, 'int8+fp32' where more than one has a tenth of them; `evidence` says where that was read. `nodes`
    counts graph nodes by what ran them (an execution provider, XNNPACK, the built-in kernels), empty where the runtime
    does not tell. `busy_threads` are the threads that worked in the timed loop, by /proc. `arena_bytes` is what its own
    allocator held for one sample at a time. `findings` say where the runtime did otherwise than asked.
    """

    asked: str = FROM_FILE
    effective: str | Missing = field(default_factory=lambda: Missing("not looked at"))
    evidence: str = ""
    nodes: Mapping[str, int] = field(default_factory=dict)
    busy_threads: int | Missing = field(default_factory=lambda: Missing("not looked at"))
    findings: tuple[Finding, ...] = ()
    arena_bytes: int | Missing = field(default_factory=lambda: Missing("this runtime does not tell its arena"))

    def with_findings(self, *findings: Finding) -> Execution:
        """The same with more findings."""
        return replace(self, findings=(*self.findings, *findings))


def effective_precision(precisions: Iterable[str]) -> str | Missing:
    """One name for what many nodes computed in, one entry a node: 'int8', 'int8+fp32', the most frequent first."""
    counts: dict[str, int] = {}
    for precision in precisions:
        counts[precision] = counts.get(precision, 0) + 1
    if not counts:
        return Missing("the runtime names no convolution or matrix product")
    total = sum(counts.values())
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    return "+".join(name for name in ordered if counts[name] >= MIN_SHARE * total)


def from_json(data: Mapping[str, Any]) -> Execution:
    """From plain JSON types, as a worker writes them. TypeError on an unknown key."""
    known: dict[str, Any] = dict(data)
    for key in ("effective", "arena_bytes", "busy_threads"):
        if isinstance(value := known.get(key), dict):
            known[key] = Missing(**value)
    findings = tuple(Finding(**each) for each in known.pop("findings"))
    return Execution(**{**known, "findings": findings})


@dataclass(frozen=True)
class OperatorTiming:
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
    operators: tuple[OperatorTiming, ...]

    @property
    def unexplained_ns(self) -> float:
        """What is left of the inference when every operator is taken off: dispatch, copies, the profiler itself."""
        return self.inference_ns - sum(operator.duration_ns for operator in self.operators)

    @property
    def fallen_back(self) -> tuple[OperatorTiming, ...]:
        """Operators that ran elsewhere than on the provider asked for."""
        return tuple(operator for operator in self.operators if operator.provider != self.asked)

    def share(self, operators: tuple[OperatorTiming, ...]) -> float:
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
        return cls(**{**data, "operators": tuple(OperatorTiming(**operator) for operator in data["operators"])})
