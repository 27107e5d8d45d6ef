"""Verdicts: whether the figures of a case can be trusted, with the reason and the remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Status = Literal[
    "precise",  # the interval is as narrow as the profile requires
    "imprecise",  # the interval is wider
    "untimed",  # too few inferences to measure latency, as the profile 'smoke' asks
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
FAILED: frozenset[str] = frozenset({"crashed", "timeout", "out-of-memory"})


@dataclass(frozen=True)
class Verdict:
    """The verdict on a case. `harness.core.trust` says which of its metrics it leaves trustworthy.

    Attributes:
        status: The verdict.
        reason: The evidence; may be empty for a precise case.
        remedy: What to do; may be empty.

    """

    status: Status
    reason: str = ""
    remedy: str = ""

    def __post_init__(self) -> None:
        if self.status not in get_args(Status):
            raise ValueError(f"unknown verdict: {self.status}")

    @property
    def failed(self) -> bool:
        """Whether the case was tried and has no figures."""
        return self.status in FAILED

    @property
    def ran(self) -> bool:
        """Whether the case was measured: it neither failed nor is unsupported."""
        return not self.failed and self.status != "unsupported"

    @property
    def works(self) -> bool:
        """Whether the case ran and computed what the net does: only such a one may be chosen for its size."""
        return self.ran and self.status != "wrong-output"


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
