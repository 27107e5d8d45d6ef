"""May this number be trusted? One verdict a case, with its reason and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Status = Literal[
    "precise",  # the interval is as narrow as the profile asks
    "imprecise",  # the time ran out before the interval was narrow enough
    "contended",  # another program held the core
    "no-steady-state",  # latency never settled
    "drifted",  # the machine's own speed changed meanwhile
    "throttled",  # heat or power capped the clock
    "emulated",  # the CPU is emulated: the figures mean nothing
    "wrong-output",  # fast or not: these are not the net's answers
    "crashed",
    "timeout",
    "out-of-memory",
    "unsupported",
]
TRUSTED: frozenset[str] = frozenset({"precise", "imprecise"})
FAILED: frozenset[str] = frozenset({"crashed", "timeout", "out-of-memory"})


@dataclass(frozen=True)
class Verdict:
    """`status` with the evidence in `reason` and the advice in `remedy` (both may be empty when trusted)."""

    status: Status
    reason: str = ""
    remedy: str = ""

    def __post_init__(self) -> None:
        if self.status not in get_args(Status):
            raise ValueError(f"no such verdict: {self.status}")

    @property
    def trusted(self) -> bool:
        """The latency figures may be compared with others."""
        return self.status in TRUSTED

    @property
    def failed(self) -> bool:
        """The case was tried and gave no figures."""
        return self.status in FAILED


@dataclass(frozen=True)
class Finding:
    """What one environment check saw. Never raised: an absent file is `unknown`, with the reason in `found`."""

    check: str
    status: Literal["ok", "warn", "fail", "unknown"]
    found: str
    remedy: str = ""
