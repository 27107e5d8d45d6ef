"""Which metrics a verdict leaves trustworthy: contention spoils times, and not the size of a file or the top-1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

from .metric import Subject, metric
from .verdict import Status

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
