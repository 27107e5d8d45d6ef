"""The result of another tool as its parser returns it: cases with figures that can be used, and those refused."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from harness import stats
from harness.core.case import Case
from harness.core.quantity import Missing, Quantity, Value

PARSE_ERRORS = (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, RecursionError)
"""What a parser raises for contents that are not what the tool writes."""

_SHORTEST_NS = 1.0
_LARGEST = float(2**62)
"""Tables and samples have whole numbers of 64 bits: 146 years in ns."""
_MAX_THREADS = 1 << 20
_MAX_NAME = 500
_TAILS = {"latency_p90_ns": 0.90, "latency_p95_ns": 0.95, "latency_p99_ns": 0.99, "latency_p999_ns": 0.999}
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, which a terminal obeys and a database refuses, and halves of characters, which have no UTF-8."""

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class ParsedCase:
    """One case of another tool's result, with figures that can be used.

    Attributes:
        case: The case.
        processes: Latencies in ns, one sequence per process; empty if the file has only a summary.
        metrics: The tool's own figures, by this project's names; with samples also those computed from them.
        notes: Other facts about the case; what is not a number or a short text is dropped.
        calls_per_sample: Calls whose mean each latency is.

    Raises:
        ValueError: A sample is not a time of 1 ns or more, there are fewer than two, or the case is out of range.

    """

    case: Case
    processes: Sequence[Sequence[float]] = ()
    metrics: Mapping[str, Quantity] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    calls_per_sample: int = 1

    def __post_init__(self) -> None:
        case = self.case
        named = dataclasses.replace(
            case, model=clean(case.model), compression=clean(case.compression), runtime=clean(case.runtime)
        )
        object.__setattr__(self, "case", named)
        object.__setattr__(self, "notes", _facts(self.notes))
        if not 1 <= case.threads <= _MAX_THREADS or case.batch > _MAX_THREADS:
            raise ValueError(f"{case.threads} threads with batches of {case.batch}: out of range")
        for name, value in case.load.parameters.items():
            if not value < _LARGEST:
                raise ValueError(f"{name} is {value:.3g}, more than a record can hold")
        if self.processes:
            _check_samples(self.processes)
            object.__setattr__(self, "metrics", {**self.metrics, **self._from_samples()})
        for name, figure in self.metrics.items():
            if isinstance(figure, Value) and not abs(figure.value) < _LARGEST:
                raise ValueError(f"{name} is {figure.value:.3g}, more than a record can hold")
            if isinstance(figure, Value) and name == "latency_p50_ns" and figure.n == 1:
                raise ValueError("a single inference, which says nothing about the next")

    def _from_samples(self) -> dict[str, Quantity]:
        """Compute median with interval, tails and throughput, as `harness.measure` does for its own samples."""
        processes = [np.asarray(part) for part in self.processes]
        pooled = np.concatenate(processes)
        with np.errstate(over="raise"):  # medians of processes that differ by hundreds of magnitudes
            interval = stats.median_interval(processes)
        return {
            "latency_p50_ns": Value(interval.mid, interval.lo, interval.hi, len(pooled)),
            **{name: self._tail(pooled, p) for name, p in _TAILS.items()},
            "throughput_per_s": Value(1e9 * len(pooled) / float(pooled.sum()), n=len(pooled)),
            "n_inferences": Value(len(pooled) * self.calls_per_sample),
            "n_processes": Value(len(processes)),
        }

    def _tail(self, pooled: npt.NDArray[np.float64], p: float) -> Quantity:
        """Return a tail; none where a sample is the mean of several calls, which hides slow ones."""
        tail = stats.tail(pooled, p, definition="numpy")
        if isinstance(tail, stats.TooFew):
            return Missing(f"n too small: {tail.reason}")
        if self.calls_per_sample > 1:
            return Missing(f"each sample is the mean of {self.calls_per_sample} calls: no slow one shows")
        return Value(tail.value, n=len(pooled))


@dataclass(frozen=True)
class RefusedCase:
    """A case of another tool's result that cannot be used.

    Attributes:
        name: Its name in the file.
        reason: Why it cannot be used.

    """

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


@dataclass(frozen=True)
class ParsedRun:
    """The result of another tool.

    Attributes:
        source: Name of the tool.
        cases: Its cases.
        started_utc: Time of the run in ISO 8601, None if the file does not say.
        host: Facts about the machine; what is not a short text is dropped.
        commit: Commit of the measured repository, None if unknown.
        versions: Versions by name.
        refused: Cases whose figures cannot be used.

    """

    source: str
    cases: Sequence[ParsedCase]
    started_utc: str | None = None
    host: Mapping[str, Any] = field(default_factory=dict)
    commit: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    refused: Sequence[RefusedCase] = ()

    def __post_init__(self) -> None:
        texts = {name: clean(value) for name, value in self.host.items() if value and isinstance(value, str)}
        object.__setattr__(self, "host", texts)
        object.__setattr__(self, "versions", {name: clean(str(text)) for name, text in self.versions.items()})
        object.__setattr__(self, "commit", clean(self.commit) if isinstance(self.commit, str) else None)


def parse_each(
    entries: Iterable[Entry], parse: Callable[[Entry], ParsedCase], name: Callable[[Entry], str]
) -> tuple[list[ParsedCase], list[RefusedCase]]:
    """Parse the cases of a result one by one; one that cannot be used is refused with the reason."""
    cases: list[ParsedCase] = []
    refused: list[RefusedCase] = []
    for number, entry in enumerate(entries, 1):
        try:
            cases.append(parse(entry))
        except PARSE_ERRORS as error:
            refused.append(RefusedCase(clean(name(entry), f"case {number}"), reason_of(error)))
    return cases, refused


def reason_of(error: Exception) -> str:
    """Return why contents could not be parsed, in one line."""
    return clean(f"it has no {error}" if isinstance(error, KeyError) else str(error), "its structure is another")


def clean(text: str, otherwise: str = "unnamed") -> str:
    """Return a text that can be shown and stored: printable, of a bounded length, `otherwise` where nothing is left."""
    kept = _UNPRINTABLE.sub("?", " ".join(text.split()))
    return (kept if len(kept) <= _MAX_NAME else f"{kept[: _MAX_NAME - 20]}...") or otherwise  # a number may follow


def user_case(model: str, runtime: str, **more: Any) -> Case:
    """Return a case of a user's model, whose compression setting is unknown."""
    return Case(model, "as-is", runtime, weights="user", **more)


def _facts(notes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the notes that are numbers or texts."""
    numbers = {name: value for name, value in notes.items() if isinstance(value, (int, float)) and abs(value) < 1e300}
    return {**numbers, **{name: clean(value) for name, value in notes.items() if isinstance(value, str)}}


def _check_samples(processes: Sequence[Sequence[float]]) -> None:
    """Raise ValueError for samples that are not times of a distribution."""
    pooled = np.concatenate([np.asarray(part, dtype=float) for part in processes])
    if pooled.size < 2:
        raise ValueError("it has no samples" if not pooled.size else "a single sample, which says nothing of the next")
    unusable = np.flatnonzero(~(pooled >= _SHORTEST_NS))  # NaN is not >= 1 either
    if unusable.size:
        index = int(unusable[0])
        others = f", and so are {unusable.size - 1} others" if unusable.size > 1 else ""
        raise ValueError(
            f"sample {index + 1} of {pooled.size} is {pooled[index]:g} ns{others}: expected a time of 1 ns or more"
        )
    if not pooled.sum() < _LARGEST:
        raise ValueError(f"its samples last {pooled.sum() / 1e9:.3g} s together, more than a record can hold")
