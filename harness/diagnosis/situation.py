"""The input of the rules, a `Situation`, and their output, an `Explanation`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.core.execution import OperatorProfile, OperatorTiming
from harness.core.hardware.roofline import Roofline
from harness.core.quantity import Missing, Value
from harness.core.record import Record

from .plausibility import PublishedLatency

REFERENCE = "fp32"
UNKNOWN_INTERVAL = 0.10


@dataclass(frozen=True)
class Explanation:
    """`evidence` is what was measured, `conclusion` what follows from it, `remedy` what to do (may be '').

    'error': the figure cannot be right; 'warn': something makes the case slower than it need be, or the figure is in
    doubt; 'info': how things stand.
    """

    rule: str
    severity: Literal["error", "warn", "info"]
    evidence: str
    conclusion: str
    remedy: str = ""


@dataclass(frozen=True)
class Situation:
    """A record and what it may be compared with.

    `others` are records of the same run; `host` is the run's machine identity; `published` holds figures of the same
    model, setting and board.
    """

    record: Record
    others: Sequence[Record] = ()
    host: Mapping[str, Any] = field(default_factory=dict)
    roofline: Roofline | Missing = field(default_factory=lambda: Missing("not measured: edgebench roofline"))
    published: Sequence[PublishedLatency] = ()

    @property
    def latency(self) -> Value | None:
        """Median latency in ns."""
        quantity = self.record.quantity("latency_p50_ns")
        return quantity if isinstance(quantity, Value) else None

    @property
    def profile(self) -> OperatorProfile | None:
        """The operator profile, if one was taken."""
        return None if isinstance(self.record.operators, Missing) else self.record.operators

    @property
    def isa(self) -> frozenset[str]:
        """Instruction set extensions, as the kernel names them; empty where unknown."""
        return frozenset(self.host.get("isa") or ())

    @property
    def x86(self) -> bool:
        """The processor is an x86."""
        return self.host.get("arch") in ("x86_64", "i686")

    @property
    def int8(self) -> bool:
        """The setting stores integers of 8 bits."""
        return self.record.case.compression.startswith("int8")

    @property
    def on_cpu(self) -> bool:
        """The runtime computes on the processor's own cores."""
        return self.record.case.runtime.endswith(("-cpu", "-xnnpack"))

    def sibling(self, **changes: Any) -> Record | None:
        """Return the trusted record of the case that differs from this one in `changes` alone, None without one."""
        case = dataclasses.replace(self.record.case, **changes)
        found = (each for each in self.others if each.case.id == case.id and each.target == self.record.target)
        return next((each for each in found if each.trusted_value("latency_p50_ns")), None)

    @property
    def fp32(self) -> Record | None:
        """The trusted record of the same net on the same runtime in fp32, unless this is it."""
        if self.record.case.compression == REFERENCE:
            return None
        return self.sibling(compression=REFERENCE)

    def against_fp32(self) -> tuple[float, str] | None:
        """Return latency over fp32's and a phrase with both; None where one is missing or the intervals overlap."""
        base = self.fp32
        if base is None or self.latency is None or not self.record.trusts("latency_p50_ns"):
            return None
        other = base.quantity("latency_p50_ns")
        if not isinstance(other, Value) or _overlap(self.latency, other):
            return None
        words = f"{milliseconds(self.latency.value)} against {milliseconds(other.value)} of fp32"
        return self.latency.value / other.value, words


def taking(
    profile: OperatorProfile | None, wanted: Callable[[OperatorTiming], object], least: float, most: int = 3
) -> str | None:
    """Describe the `wanted` operators with their share of the inference; None where that is below `least`."""
    if profile is None:
        return None
    chosen = tuple(each for each in profile.operators if wanted(each))
    share = profile.share(chosen)
    return f"{kinds(profile, chosen, most)}: {percent(share)} of the inference" if share >= least else None


def _overlap(a: Value, b: Value) -> bool:
    """Return whether the intervals share a point; without intervals, whether the values are within 10 %."""
    if a.lo is None or a.hi is None or b.lo is None or b.hi is None:
        return abs(math.log(a.value / b.value)) < UNKNOWN_INTERVAL
    return a.lo <= b.hi and b.lo <= a.hi


def milliseconds(ns: float) -> str:
    """Format a duration, such as '3.41 ms'."""
    return f"{ns / 1e6:.3g} ms"


def percent(share: float) -> str:
    """Format a share, such as '12 %'; below 1 % with one decimal."""
    return f"{share:.0%}".replace("%", " %") if share >= 0.01 else f"{share:.1%}".replace("%", " %")


def kinds(profile: OperatorProfile, operators: Sequence[OperatorTiming], most: int = 3) -> str:
    """Describe the types that take most of the inference by count and share: '21 HARD_SWISH 66 %, ...'."""
    totals: dict[str, list[float]] = {}
    for each in operators:
        entry = totals.setdefault(each.type, [0, 0.0])
        entry[0] += 1
        entry[1] += each.duration_ns
    largest = sorted(totals.items(), key=lambda item: -item[1][1])[:most]
    return ", ".join(f"{n:.0f} {kind} {percent(ns / profile.inference_ns)}" for kind, (n, ns) in largest)
