"""The second measurement of a suspicious case: pairs with its last good build, or fresh sessions of tonight's build.

The metrics of a case share its pairs.
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
"""Metrics that can be read from a latency process, in the units of the store's series: seconds and bytes."""

_SIDES: tuple[Side, Side] = ("a", "b")

Pair = tuple[NDArray[np.float64], NDArray[np.float64]]


class Remeasurement:
    """Measures cases again within one night.

    Args:
        profile: Number of processes and length of their loops.
        scratch: Folder for the files of the processes.
        seed: Seed of the order of pairs and of inputs.
        progress: Called with a line of text before each case.

    """

    def __init__(self, profile: Profile, scratch: Path, seed: int, progress: Callable[[str], None]) -> None:
        self._profile = profile
        self._scratch = scratch
        self._seed = seed
        self._progress = progress
        self._random = random.Random(seed)  # noqa: S311 - an order, no secret
        self._pairs: dict[str, list[dict[Side, ProcessTiming]]] = defaultdict(list)
        self._used: dict[tuple[str, str], int] = defaultdict(int)
        self._sessions = 0

    def ab(self, old: PreparedCase, new: PreparedCase, metric: str, pairs: int) -> Pair | None:
        """Return values of `metric` for both builds from `pairs` more pairs of fresh processes.

        Pairs already measured for another metric are reused.

        Returns:
            Arrays of `old` and `new`, one value per pair; None if a process failed.

        """
        name = new.case.id
        begin = self._used[name, metric]
        self._used[name, metric] = end = begin + pairs
        measured = self._pairs[name]
        if len(measured) < end:
            self._progress(f"{name}: {end - len(measured)} pairs with the last good build")
            measured += self._measure_pairs({"a": old, "b": new}, end - len(measured))
        if len(measured) < end:
            return None
        a, b = (_values([pair[side] for pair in measured[begin:end]], metric) for side in _SIDES)
        return a, b

    def rerun(self, new: PreparedCase, metric: str) -> NDArray[np.float64] | None:
        """Return values of `metric` from a fresh session, one per process of the profile; None if one failed."""
        self._progress(f"{new.case.id}: measuring again")
        inputs = write_inputs([new], self._scratch)
        timings = [self._process(new, inputs, number) for number in range(self._profile.processes)]
        good = [timing for timing in timings if isinstance(timing, ProcessTiming)]
        return _values(good, metric) if len(good) == len(timings) else None

    def _measure_pairs(self, sides: Mapping[Side, PreparedCase], pairs: int) -> list[dict[Side, ProcessTiming]]:
        """Measure that many pairs; stop at the first process that fails."""
        inputs = write_inputs([*sides.values()], self._scratch)
        measured: list[dict[Side, ProcessTiming]] = []
        for number, order in enumerate(abba_order(pairs, self._random)):
            pair: dict[Side, ProcessTiming] = {}
            for side in order:
                timing = self._process(sides[side], inputs, number)
                if isinstance(timing, WorkerFailure):
                    return measured
                pair[side] = timing
            measured.append(pair)
        return measured

    def _process(
        self, prepared: PreparedCase, inputs: Mapping[LabelledData, Path], number: int
    ) -> ProcessTiming | WorkerFailure:
        self._sessions += 1
        file = inputs.get(prepared.labelled) if prepared.labelled else None
        out = self._scratch / f"again-{self._sessions}"
        return time_process(prepared, self._profile, out, self._seed + number, file)


def _values(timings: Iterable[ProcessTiming], metric: str) -> NDArray[np.float64]:
    return np.array([FIELDS[metric](timing) for timing in timings])
