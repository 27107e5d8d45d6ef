"""Nights over time: levels of every case between change points, breaks in the environment, declared resets."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.core.record import Record
from harness.stats.changepoint import segments
from harness.store.comparison import SMALLEST

from .data import ReportData, Reset, Run
from .text import flatten

SHORTEST = 3
"""Nights that a level lasts at least: what is gone sooner was a burst."""

_NOISE = 0.003  # of the logarithm: nights that agree better than that do so by chance


@dataclass(frozen=True)
class EnvironmentChange:
    """A night whose machine or versions differ from the night before, and what is new."""

    at_utc: str
    what: str


@dataclass(frozen=True)
class Level:
    """Consecutive nights of one level: indices `start` .. `stop` - 1 of the line's nights, and their median (ns)."""

    start: int
    stop: int
    ns: float


@dataclass(frozen=True)
class ChangePoint:
    """A change point: the first night of the new level, new over old, and what else changed since the night before."""

    at_utc: str
    ratio: float
    why: str


@dataclass(frozen=True)
class CaseTrend:
    """One case over the nights in which it could be trusted: times in ns, oldest first, and their levels."""

    case_id: str
    nights: tuple[tuple[Run, Record], ...]
    levels: tuple[Level, ...]
    steps: tuple[ChangePoint, ...]

    @property
    def change(self) -> float:
        """The newest level over the oldest."""
        return self.levels[-1].ns / self.levels[0].ns


def runs_of(data: ReportData, target: str) -> list[Run]:
    """The target's runs, oldest first."""
    return [run for run in data.runs if run.header.target == target]


def case_trends(runs: Sequence[Run], resets: Sequence[Reset]) -> list[CaseTrend]:
    """One line a case with two nights or more, those that changed most first."""
    nights: dict[str, list[tuple[Run, Record]]] = {}
    for run in runs:
        for record in run.contents.records:
            if record.verdict.trusted and math.isfinite(time_ns(record)):
                nights.setdefault(record.case_id, []).append((run, record))
    found_breaks = environment_changes(runs)
    made = [_line(case_id, found, found_breaks, resets) for case_id, found in nights.items() if len(found) > 1]
    return sorted(made, key=_loudest_first)


def _loudest_first(line: CaseTrend) -> tuple[float, float]:
    """By the largest change that nothing recorded explains, then by what changed over all."""
    own = [abs(math.log(step.ratio)) for step in line.steps if not step.why]
    return -max(own, default=0.0), -abs(math.log(line.change))


def time_ns(record: Record) -> float:
    """The median latency, in Offline what a sample takes at that throughput; NaN when missing."""
    if record.case.scenario == "Offline":
        return 1e9 / (record.value("throughput_per_s") or math.nan)
    return record.value("latency_p50_ns") or math.nan


def environment_changes(runs: Sequence[Run]) -> list[EnvironmentChange]:
    """Every night whose machine or versions differ from those of the night before."""
    found = []
    for before, after in itertools.pairwise(runs):
        a, b = (dict(flatten({**run.header.host, **run.header.versions})) for run in (before, after))
        changed = [
            f"{key}: {a.get(key, 'none')} → {b.get(key, 'none')}"
            for key in sorted({*a, *b})
            if a.get(key) != b.get(key)
        ]
        if changed:
            found.append(EnvironmentChange(after.header.started_utc, "; ".join(changed)))
    return found


def resets_of(runs: Sequence[Run], resets: Sequence[Reset], case_id: str | None = None) -> list[Reset]:
    """The resets of these runs' target that fall between the first and the last; of one case, or of any."""
    target, first, last = runs[0].header.target, runs[0].header.started_utc, runs[-1].header.started_utc
    return [
        reset for reset in resets
        if reset.target in (None, target) and first < reset.at_utc <= last
        and (case_id is None or reset.case_id in (None, case_id))
    ]  # fmt: skip


def _line(
    case_id: str, nights: Sequence[tuple[Run, Record]], found: Sequence[EnvironmentChange], resets: Sequence[Reset]
) -> CaseTrend:
    times = [run.header.started_utc for run, _ in nights]
    mine = resets_of([run for run, _ in nights], resets, case_id)
    edges = sorted({0, len(nights), *(bisect.bisect_left(times, reset.at_utc) for reset in mine)})
    values = np.array([time_ns(record) for _, record in nights])
    levels = [level for pair in itertools.pairwise(edges) for level in _levels(values, *pair)]
    events = {reset.at_utc: f"reset: {reset.reason}" for reset in mine} | {one.at_utc: one.what for one in found}
    steps = (_step(times, before, after, events) for before, after in itertools.pairwise(levels))
    return CaseTrend(case_id, tuple(nights), tuple(levels), tuple(step for step in steps if _counts(step)))


def _levels(values: np.ndarray, start: int, stop: int) -> list[Level]:
    """The levels between two resets, on the logarithm: latency scatters in ratios."""
    found = segments(np.log(values[start:stop]), SHORTEST, _NOISE)
    return [Level(start + one.start, start + one.stop, math.exp(one.level)) for one in found]


def _step(times: Sequence[str], before: Level, after: Level, events: Mapping[str, str]) -> ChangePoint:
    """`events` between the last night of the old level and the first of the new one explain the step, or may."""
    last, first = times[before.stop - 1], times[after.start]
    return ChangePoint(
        first, after.ns / before.ns, "; ".join(what for at, what in events.items() if last < at <= first)
    )


def _counts(step: ChangePoint) -> bool:
    return abs(step.ratio - 1) >= SMALLEST
