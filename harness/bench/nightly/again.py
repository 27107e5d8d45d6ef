"""The second measurement of a suspicious case: pairs against its last good build, or fresh sessions of tonight's.

A case is measured again once, whichever of its metrics are suspicious.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.measure.job import Labelled
from harness.measure.latency import write_feeds
from harness.measure.pairs import Side, Timing, abba, time_process
from harness.measure.prepared import Prepared
from harness.measure.process import Failure
from harness.measure.profile import Profile

FIELDS: Mapping[str, Callable[[Timing], float]] = {
    "latency_p50_ns": lambda timing: timing.median_ns / 1e9,
    "load_ns": lambda timing: (timing.load_ns or np.nan) / 1e9,
    "peak_rss_bytes": lambda timing: timing.peak_rss_bytes or np.nan,
}
"""Metrics that a latency process tells, in the unit of the store's series: seconds and bytes."""

Pair = tuple[NDArray[np.float64], NDArray[np.float64]]


class Again:
    """Measures again within one night. `said` is told of each case before its first process."""

    def __init__(self, profile: Profile, scratch: Path, seed: int, said: Callable[[str], None]) -> None:
        self._profile = profile
        self._scratch = scratch
        self._seed = seed
        self._said = said
        self._duels: dict[str, dict[Side, list[Timing]] | None] = {}
        self._sessions = 0

    def ab(self, old: Prepared, new: Prepared, metric: str, pairs: int) -> Pair | None:
        """Values of `metric` of both builds from `pairs` pairs of fresh processes; None where one of them failed."""
        name = new.case.id
        if name not in self._duels:
            self._said(f"{name}: {pairs} pairs against the last good build")
            self._duels[name] = self._duel({"a": old, "b": new}, pairs)
        found = self._duels[name]
        return None if found is None else (_values(found["a"], metric), _values(found["b"], metric))

    def rerun(self, new: Prepared, metric: str) -> NDArray[np.float64] | None:
        """Values of `metric` from a fresh session of as many processes as the profile has; None where one failed."""
        self._said(f"{new.case.id}: measured again")
        feeds = write_feeds([new], self._scratch)
        timings = [self._process(new, feeds, number) for number in range(self._profile.processes)]
        good = [timing for timing in timings if isinstance(timing, Timing)]
        return _values(good, metric) if len(good) == len(timings) else None

    def _duel(self, sides: Mapping[Side, Prepared], pairs: int) -> dict[Side, list[Timing]] | None:
        feeds = write_feeds([*sides.values()], self._scratch)
        found: dict[Side, list[Timing]] = {"a": [], "b": []}
        order = abba(pairs, random.Random(self._seed))  # noqa: S311 - an order, no secret
        for number, pair in enumerate(order):
            for side in pair:
                timing = self._process(sides[side], feeds, number)
                if isinstance(timing, Failure):
                    return None
                found[side].append(timing)
        return found

    def _process(self, prepared: Prepared, feeds: Mapping[Labelled, Path], number: int) -> Timing | Failure:
        self._sessions += 1
        inputs = feeds.get(prepared.labelled) if prepared.labelled else None
        out = self._scratch / f"again-{self._sessions}"
        return time_process(prepared, self._profile, out, self._seed + number, inputs)


def _values(timings: Iterable[Timing], metric: str) -> NDArray[np.float64]:
    return np.array([FIELDS[metric](timing) for timing in timings])
