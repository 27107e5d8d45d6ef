"""The second measurement of a suspicious case: pairs against its last good build, or fresh sessions of tonight's.

A case is measured again once, whichever of its metrics are suspicious.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.measure.ab import ProcessTiming, Side, abba_order, time_process
from harness.measure.passes.latency import write_inputs
from harness.measure.passes.worker_process import WorkerFailure
from harness.measure.prepared import PreparedCase
from harness.measure.presets import Profile
from harness.measure.protocol import LabelledData

FIELDS: Mapping[str, Callable[[ProcessTiming], float]] = {
    "latency_p50_ns": lambda timing: timing.median_ns / 1e9,
    "load_ns": lambda timing: (timing.load_ns or np.nan) / 1e9,
    "peak_rss_bytes": lambda timing: timing.peak_rss_bytes or np.nan,
}
"""Metrics that a latency process tells, in the unit of the store's series: seconds and bytes."""

_SIDES: tuple[Side, Side] = ("a", "b")

Pair = tuple[NDArray[np.float64], NDArray[np.float64]]


class Remeasurement:
    """Measures again within one night. `said` is told of each case before its first process."""

    def __init__(self, profile: Profile, scratch: Path, seed: int, said: Callable[[str], None]) -> None:
        self._profile = profile
        self._scratch = scratch
        self._seed = seed
        self._said = said
        self._random = random.Random(seed)  # noqa: S311 - an order, no secret
        self._duels: dict[str, list[dict[Side, ProcessTiming]]] = defaultdict(list)
        self._told: dict[tuple[str, str], int] = defaultdict(int)
        self._sessions = 0

    def ab(self, old: PreparedCase, new: PreparedCase, metric: str, pairs: int) -> Pair | None:
        """Values of `metric` of both builds from `pairs` more pairs of fresh processes; None where one of them failed.

        Pairs that another metric asked for are not measured again.
        """
        name = new.case.id
        begin = self._told[name, metric]
        self._told[name, metric] = end = begin + pairs
        found = self._duels[name]
        if len(found) < end:
            self._said(f"{name}: {end - len(found)} pairs against the last good build")
            found += self._duel({"a": old, "b": new}, end - len(found))
        if len(found) < end:
            return None
        a, b = (_values([pair[side] for pair in found[begin:end]], metric) for side in _SIDES)
        return a, b

    def rerun(self, new: PreparedCase, metric: str) -> NDArray[np.float64] | None:
        """Values of `metric` from a fresh session of as many processes as the profile has; None where one failed."""
        self._said(f"{new.case.id}: measured again")
        feeds = write_inputs([new], self._scratch)
        timings = [self._process(new, feeds, number) for number in range(self._profile.processes)]
        good = [timing for timing in timings if isinstance(timing, ProcessTiming)]
        return _values(good, metric) if len(good) == len(timings) else None

    def _duel(self, sides: Mapping[Side, PreparedCase], pairs: int) -> list[dict[Side, ProcessTiming]]:
        """So many pairs, fewer where a process failed."""
        feeds = write_inputs([*sides.values()], self._scratch)
        found: list[dict[Side, ProcessTiming]] = []
        for number, order in enumerate(abba_order(pairs, self._random)):
            pair: dict[Side, ProcessTiming] = {}
            for side in order:
                timing = self._process(sides[side], feeds, number)
                if isinstance(timing, WorkerFailure):
                    return found
                pair[side] = timing
            found.append(pair)
        return found

    def _process(
        self, prepared: PreparedCase, feeds: Mapping[LabelledData, Path], number: int
    ) -> ProcessTiming | WorkerFailure:
        self._sessions += 1
        inputs = feeds.get(prepared.labelled) if prepared.labelled else None
        out = self._scratch / f"again-{self._sessions}"
        return time_process(prepared, self._profile, out, self._seed + number, inputs)


def _values(timings: Iterable[ProcessTiming], metric: str) -> NDArray[np.float64]:
    return np.array([FIELDS[metric](timing) for timing in timings])
