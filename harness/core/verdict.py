"""Verdicts: which figures of a case can be trusted, with the reason and the remedy.

Contention spoils times, and not the size of a file or the top-1: trust is per metric.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from .metric import Subject, metric

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
    """The verdict on a case. `trust_of` says which of its metrics it leaves trustworthy.

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


Trust = Literal["full", "caution", "none"]
"""'caution' where the figure is right and its interval wider than the profile asks; 'none' where it proves nothing."""

TIMED = "latency_p50_ns"
"""The metric that a verdict is about first of all: what is said of a whole case is said of this one."""

_TIMES: frozenset[Subject] = frozenset({"time", "energy"})
_ALL_BUT_FILE: frozenset[Subject] = frozenset({"time", "energy", "memory", "accuracy", "fidelity", "count"})
_SPOILS: Mapping[Status, frozenset[Subject]] = {
    "precise": frozenset(),
    "imprecise": frozenset(),
    "untimed": _TIMES,
    "mistimed": _TIMES,
    "contended": _TIMES,
    "no-steady-state": _TIMES,
    "drifted": _TIMES,
    "throttled": _TIMES,
    "emulated": _TIMES | {"memory"},  # the emulator's own memory is in it
    "wrong-output": _TIMES | {"memory", "accuracy"},  # those of another computation; fidelity is what shows it
    "crashed": _ALL_BUT_FILE,
    "timeout": _ALL_BUT_FILE,
    "out-of-memory": _ALL_BUT_FILE,
    "unsupported": _ALL_BUT_FILE,
}
_WORDS: Mapping[Subject, str] = {
    "time": "times",
    "energy": "energy",
    "memory": "memory",
    "accuracy": "accuracy",
    "fidelity": "fidelity",
    "file": "size and parameters",
}


def trust_of(status: Status, name: str) -> Trust:
    """Return how far the metric `name` of a case with this verdict may be relied on."""
    subject = metric(name).subject
    if subject in _SPOILS[status]:
        return "none"
    return "caution" if status == "imprecise" and subject == "time" else "full"


def trusts(status: Status, name: str) -> bool:
    """Return whether the metric `name` of a case with this verdict may be compared with that of others."""
    return trust_of(status, name) != "none"


def trust_counts(statuses: Iterable[Status]) -> str:
    """Return of how many cases the times may be relied on: '13 precise, 23 usable with caution, 0 not'."""
    counts = Counter("untimed" if status == "untimed" else trust_of(status, TIMED) for status in statuses)
    total, untimed = sum(counts.values()), counts["untimed"]
    if not total:
        return "nothing was measured: the run has no records"
    if untimed == total:
        return f"{untimed} {'case' if untimed == 1 else 'cases'}, not measured for latency"
    words = f"{counts['full']} precise, {counts['caution']} usable with caution, {counts['none']} not"
    return f"{words}, {untimed} not measured for latency" if untimed else words


def spoiled(status: Status) -> str:
    """Return what must not be relied on, in words: 'times, energy'; '' where everything may."""
    return ", ".join(words for subject, words in _WORDS.items() if subject in _SPOILS[status])


def left(status: Status) -> str:
    """Return what may still be relied on, in words: 'memory, accuracy, fidelity, size and parameters'."""
    return ", ".join(words for subject, words in _WORDS.items() if subject not in _SPOILS[status])
