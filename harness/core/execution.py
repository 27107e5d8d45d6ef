"""How a runtime executed a model, as read back from the runtime: precision, devices, operators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .quantity import Missing
from .verdict import Finding

PRECISIONS = ("fp32", "tf32", "fp16", "bf16", "int8", "int16", "int4", "fp64")
"""Element types that convolutions and matrix products compute in."""
FROM_FILE = "as in the file"
"""The requested precision of a model whose making is unknown."""
MIN_SHARE = 0.1
"""A precision is named if it has at least this share of the arithmetic nodes."""


@dataclass(frozen=True)
class Execution:
    """How a case was executed.

    Attributes:
        asked: Precision that the case requests.
        effective: Precision of convolutions and matrix products; 'int8+fp32' where several have a tenth of them each.
        evidence: Where the effective precision was read.
        nodes: Number of graph nodes by what ran them (an execution provider, XNNPACK, the built-in kernels); empty if
            the runtime does not report it.
        busy_threads: Threads that computed in the timed loop, from /proc.
        findings: Where the runtime deviated from the request.
        arena_bytes: Most memory of the runtime's own allocator, for one sample at a time.

    """

    asked: str = FROM_FILE
    effective: str | Missing = field(default_factory=lambda: Missing("not recorded"))
    evidence: str = ""
    nodes: Mapping[str, int] = field(default_factory=dict)
    busy_threads: int | Missing = field(default_factory=lambda: Missing("not recorded"))
    findings: tuple[Finding, ...] = ()
    arena_bytes: int | Missing = field(default_factory=lambda: Missing("this runtime does not report its arena"))

    def with_findings(self, *findings: Finding) -> Execution:
        """Return a copy with more findings."""
        return replace(self, findings=(*self.findings, *findings))


def effective_precision(precisions: Iterable[str]) -> str | Missing:
    """Combine the precisions of all nodes into one name, the most frequent first: 'int8', 'int8+fp32'."""
    counts: dict[str, int] = {}
    for precision in precisions:
        counts[precision] = counts.get(precision, 0) + 1
    if not counts:
        return Missing("the runtime reports no convolution or matrix product")
    total = sum(counts.values())
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    return "+".join(name for name in ordered if counts[name] >= MIN_SHARE * total)


def from_json(data: Mapping[str, Any]) -> Execution:
    """Create from plain JSON types, as a worker writes them; TypeError for an unknown key."""
    known: dict[str, Any] = dict(data)
    for key in ("effective", "arena_bytes", "busy_threads"):
        if isinstance(value := known.get(key), dict):
            known[key] = Missing(**value)
    findings = tuple(Finding(**finding) for finding in known.pop("findings"))
    return Execution(**{**known, "findings": findings})


@dataclass(frozen=True)
class OperatorTiming:
    """One operator as the runtime executed it.

    Attributes:
        name: Name of the node.
        type: The runtime's name of the kernel or graph operator.
        provider: What ran it: an execution provider, XNNPACK, the runtime's built-in kernels.
        duration_ns: Time in one inference, over all its calls.
        calls: Calls per inference.
        dtype: Element type, '' if not reported.

    """

    name: str
    type: str
    provider: str
    duration_ns: float
    calls: float = 1.0
    dtype: str = ""


@dataclass(frozen=True)
class OperatorProfile:
    """Durations of the operators of an inference, as means over the profiled inferences.

    Attributes:
        asked: Provider that the case requests.
        n_inferences: Number of profiled inferences.
        inference_ns: The runtime's own duration of an inference. The profiler adds a few per cent, so it is not a
            latency to report.
        operators: The operators in order of execution.

    """

    asked: str
    n_inferences: int
    inference_ns: float
    operators: tuple[OperatorTiming, ...]

    @property
    def unexplained_ns(self) -> float:
        """Time of the inference outside of all operators: dispatch, copies, the profiler itself."""
        return self.inference_ns - sum(operator.duration_ns for operator in self.operators)

    @property
    def fallen_back(self) -> tuple[OperatorTiming, ...]:
        """Operators that ran on another provider than the requested one."""
        return tuple(operator for operator in self.operators if operator.provider != self.asked)

    def share(self, operators: tuple[OperatorTiming, ...]) -> float:
        """Return the share (0..1) of the inference that these operators take."""
        return sum(operator.duration_ns for operator in operators) / self.inference_ns

    def by_type(self) -> dict[tuple[str, str], float]:
        """Return the time per inference in ns by (type, provider), the largest first."""
        totals: dict[tuple[str, str], float] = {}
        for operator in self.operators:
            kind = (operator.type, operator.provider)
            totals[kind] = totals.get(kind, 0.0) + operator.duration_ns
        return dict(sorted(totals.items(), key=lambda item: -item[1]))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> OperatorProfile:
        """Create from plain JSON types; TypeError for an unknown or missing key."""
        return cls(**{**data, "operators": tuple(OperatorTiming(**operator) for operator in data["operators"])})
