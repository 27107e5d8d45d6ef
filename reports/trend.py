"""Latency of every case over many runs: levels between change points, environment changes, declared resets."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.core.record import Record
from harness.stats.changepoint import segments
from harness.store.comparison import SMALLEST

from .data import Reset, Run
from .nights import commit_of
from .text import flatten

SHORTEST = 3
"""Smallest number of runs in a level; anything shorter is a burst."""

_NOISE = 0.003  # of the logarithm: runs that agree better than that do so by chance


@dataclass(frozen=True)
class EnvironmentChange:
    """A run whose machine or versions differ from those of the run before.

    Attributes:
        at_utc: Start of the run.
        what: What differs, as 'name: before → after' pairs.
        sequence: The run's place in the order of the runs.

    """

    at_utc: str
    what: str
    sequence: int


@dataclass(frozen=True)
class Level:
    """Consecutive runs of a case with the same latency.

    Attributes:
        start: Index of the first run of the level.
        stop: Index after its last run.
        ns: Median over its runs.

    """

    start: int
    stop: int
    ns: float


@dataclass(frozen=True)
class ChangePoint:
    """The start of a new level.

    Attributes:
        at_utc: Start of the first run of the new level.
        ratio: New level over old level.
        explanation: What else changed since the run before; '' if nothing was recorded.
        commit: Short commit of the repository that this run measured; '' where it is unknown.

    """

    at_utc: str
    ratio: float
    explanation: str
    commit: str = ""


@dataclass(frozen=True)
class CaseTrend:
    """One case over the runs in which its latency could be trusted.

    Attributes:
        case_id: Its id.
        runs: Those runs with its records, oldest first.
        levels: Its levels; their indices refer to `runs`.
        change_points: Changes between its levels.

    """

    case_id: str
    runs: tuple[tuple[Run, Record], ...]
    levels: tuple[Level, ...]
    change_points: tuple[ChangePoint, ...]

    @property
    def ratio(self) -> float:
        """The newest level over the oldest."""
        return self.levels[-1].ns / self.levels[0].ns


def case_trends(runs: Sequence[Run], resets: Sequence[Reset]) -> list[CaseTrend]:
    """Return a trend per case with at least two trusted runs, largest change first.

    Args:
        runs: Runs of one piece of hardware, oldest first.
        resets: Declared resets. Levels do not span them.

    """
    by_case: dict[str, list[tuple[Run, Record]]] = {}
    for run in runs:
        for record in run.contents.records:
            if record.trusts("latency_p50_ns") and math.isfinite(time_ns(record)):
                by_case.setdefault(record.case_id, []).append((run, record))
    changes = environment_changes(runs)
    trends = [_trend(case_id, pairs, changes, resets) for case_id, pairs in by_case.items() if len(pairs) > 1]
    return sorted(trends, key=_largest_first)


def _largest_first(trend: CaseTrend) -> tuple[float, float]:
    """Order by the largest unexplained change, then by the change over all runs."""
    unexplained = [abs(math.log(point.ratio)) for point in trend.change_points if not point.explanation]
    return -max(unexplained, default=0.0), -abs(math.log(trend.ratio))


def time_ns(record: Record) -> float:
    """Return the median latency, in Offline the time per sample at the measured throughput; NaN if missing."""
    if record.case.scenario == "Offline":
        return 1e9 / (record.value("throughput_per_s") or math.nan)
    return record.value("latency_p50_ns") or math.nan


def environment_changes(runs: Sequence[Run]) -> list[EnvironmentChange]:
    """Return every run whose machine or versions differ from those of the run before."""
    changes = []
    for before, after in itertools.pairwise(runs):
        a, b = (dict(flatten({**run.header.host, **run.header.versions})) for run in (before, after))
        differences = [
            f"{key}: {a.get(key, 'none')} → {b.get(key, 'none')}"
            for key in sorted({*a, *b})
            if a.get(key) != b.get(key)
        ]
        if differences:
            changes.append(EnvironmentChange(after.header.started_utc, "; ".join(differences), after.sequence))
    return changes


def resets_of(runs: Sequence[Run], resets: Sequence[Reset], case_id: str | None = None) -> list[Reset]:
    """Return the resets of a target between its first and its last run.

    Args:
        runs: Runs of the target, oldest first.
        resets: Resets of any target.
        case_id: Keep only the resets that apply to this case; None keeps all.

    """
    target, first, last = runs[0].header.target, runs[0].sequence, runs[-1].sequence
    return [
        reset for reset in resets
        if reset.target in (None, target) and first < reset.sequence <= last
        and (case_id is None or reset.case_id in (None, case_id))
    ]  # fmt: skip


def _trend(
    case_id: str,
    pairs: Sequence[tuple[Run, Record]],
    changes: Sequence[EnvironmentChange],
    resets: Sequence[Reset],
) -> CaseTrend:
    places = [run.sequence for run, _ in pairs]
    applicable = resets_of([run for run, _ in pairs], resets, case_id)
    edges = sorted({0, len(pairs), *(bisect.bisect_left(places, reset.sequence) for reset in applicable)})
    values = np.array([time_ns(record) for _, record in pairs])
    levels = [level for start, stop in itertools.pairwise(edges) for level in levels_of(values, start, stop)]
    events = [(reset.sequence, f"reset: {reset.reason}") for reset in applicable]
    events += [(change.sequence, change.what) for change in changes]
    points = (_change_point(pairs, before, after, events) for before, after in itertools.pairwise(levels))
    return CaseTrend(case_id, tuple(pairs), tuple(levels), tuple(filter(_is_large_enough, points)))


def levels_of(values: np.ndarray, start: int, stop: int) -> list[Level]:
    """Return the levels between two resets, found on the logarithm because latency scatters in ratios.

    The least length of a level forces a new one of two runs to begin one run too early. Such a level is none yet: its
    start, and so the commit that is named for it, would be wrong.
    """
    found = segments(np.log(values[start:stop]), SHORTEST, _NOISE)
    levels = [Level(start + segment.start, start + segment.stop, math.exp(segment.level)) for segment in found]
    if len(levels) > 1 and _is_too_young(levels[-1], levels[-2], values[levels[-1].start]):
        levels[-2:] = [_joined(values, *levels[-2:])]
    if len(levels) > 1 and _is_too_young(levels[0], levels[1], values[levels[0].stop - 1]):
        levels[:2] = [_joined(values, *levels[:2])]
    return levels


def _is_too_young(level: Level, neighbour: Level, nearest: float) -> bool:
    """Return whether the shortest level's run that is nearest to another level belongs to that one."""
    own, other = (abs(math.log(nearest / each.ns)) for each in (level, neighbour))
    return level.stop - level.start == SHORTEST and other < own


def _joined(values: np.ndarray, first: Level, second: Level) -> Level:
    return Level(first.start, second.stop, float(np.median(values[first.start : second.stop])))


def _change_point(
    pairs: Sequence[tuple[Run, Record]], before: Level, after: Level, events: Sequence[tuple[int, str]]
) -> ChangePoint:
    """Return the change between two levels, explained by the events between their adjacent runs."""
    last, first = pairs[before.stop - 1][0], pairs[after.start][0]
    explanation = "; ".join(what for place, what in events if last.sequence < place <= first.sequence)
    return ChangePoint(first.header.started_utc, after.ns / before.ns, explanation, commit_of(first.header))


def _is_large_enough(point: ChangePoint) -> bool:
    return abs(point.ratio - 1) >= SMALLEST
