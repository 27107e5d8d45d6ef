"""Verdicts: whether the figures of a case can be trusted, with the reason and the remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Status = Literal[
    "precise",  # the interval is as narrow as the profile requires
    "imprecise",  # the interval is wider
    "contended",  # another program used the core
    "no-steady-state",  # latency did not settle
    "drifted",  # the machine's speed changed meanwhile
    "throttled",  # heat or power limited the clock
    "emulated",  # the CPU is emulated, so times mean nothing
    "wrong-output",  # the outputs are not those of the net
    "mistimed",  # the timed part is not a whole inference
    "crashed",
    "timeout",
    "out-of-memory",
    "unsupported",
]
TRUSTED: frozenset[str] = frozenset({"precise", "imprecise"})
FAILED: frozenset[str] = frozenset({"crashed", "timeout", "out-of-memory"})


@dataclass(frozen=True)
class Verdict:
    """The verdict on a case.

    Attributes:
        status: The verdict.
        reason: The evidence; may be empty for a trusted case.
        remedy: What to do; may be empty.

    """

    status: Status
    reason: str = ""
    remedy: str = ""

    def __post_init__(self) -> None:
        if self.status not in get_args(Status):
            raise ValueError(f"unknown verdict: {self.status}")

    @property
    def trusted(self) -> bool:
        """Whether the figures may be compared with others."""
        return self.status in TRUSTED

    @property
    def failed(self) -> bool:
        """Whether the case was tried and has no figures."""
        return self.status in FAILED


@dataclass(frozen=True)
class Finding:
    """The result of an environment check.

    Attributes:
        check: Name of the check.
        status: The result; 'unknown' if it could not be determined.
        found: What the check observed, or why it is unknown.
        remedy: What to do; may be empty.

    """

    check: str
    status: Literal["ok", "warn", "fail", "unknown"]
    found: str
    remedy: str = ""
