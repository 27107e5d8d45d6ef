"""Two cases against each other: neighbouring fresh processes in randomised ABBA order, until it is decided.

What moves the machine moves both processes of a pair and drops out of their ratio. The mathematics of the ratio is
`harness.stats.comparison`; here is the order, when to look, and the loop.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from harness import stats
from harness.stats.comparison import Comparison, ab

from .mistimed import mistimed
from .passes.worker_process import WorkerFailure, run_worker
from .prepared import PreparedCase
from .presets import Profile
from .samples import steady_part

Side = Literal["a", "b"]
Pair = tuple[Side, Side]

_CANDIDATES = (*stats.LOOKS, 28, 40, 56, 80)
_SPACING = 1.4
"""Looks stand about sqrt(2) apart: closer ones cost confidence and tell little new."""


@dataclass(frozen=True)
class ProcessTiming:
    """One fresh process: median wall and CPU nanoseconds of an inference in its steady state.

    `unsteady` says why there was no steady state, empty when there was; `load_ns` and `peak_rss_bytes` are those of
    the process; `runtime_info` is what the runtime told. `waited` is the share of the time in which its threads, or
    any on the machine, waited for a CPU; None where the kernel tells neither. `mistimed` says why no whole inferences
    were timed, empty where nothing says so. `needed_s` is the time limit that all its samples need where its own cut
    them short, else 0.
    """

    median_ns: float
    median_cpu_ns: float
    load_ns: int | None = None
    peak_rss_bytes: int | None = None
    involuntary_switches: int = 0
    unsteady: str = ""
    waited: float | None = None
    mistimed: str = ""
    needed_s: float = 0.0
    runtime_info: Mapping[str, Any] = field(default_factory=dict, compare=False)


Run = Callable[[Side, int], ProcessTiming | WorkerFailure]
"""Runs one process of a side; the number is that of the pair, from 0."""


@dataclass
class PairedComparison:
    """What is planned and what has been measured: `a[i]` and `b[i]` are the pair that ran in the order `order[i]`.

    `comparison` is that of the last planned look, None before the first; `level` the confidence it was given, so that
    all `looks` together hold 95 %. `failure` is the side that gave no answer, and why.
    """

    order: Sequence[Pair]
    looks: Sequence[int]
    same_within: float
    a: list[ProcessTiming] = field(default_factory=list)
    b: list[ProcessTiming] = field(default_factory=list)
    comparison: Comparison | None = None
    level: float | None = None
    failure: tuple[Side, WorkerFailure] | None = None

    @classmethod
    def plan(cls, max_pairs: int, same_within: float, seed: int) -> PairedComparison:
        """Plan at most `max_pairs` (>= 2) pairs in an order drawn from `seed`."""
        rng = random.Random(seed)  # noqa: S311 - an order, no secret
        return cls(abba_order(max_pairs, rng), planned_looks(max_pairs), same_within)

    @property
    def decided(self) -> bool:
        """Whether the verdict is faster, slower or the same."""
        return self.comparison is not None and self.comparison.verdict != "undecided"

    def measure(self, run: Run) -> Iterator[int]:
        """Run pairs until the comparison is decided, the pairs are used up or a process fails; yield the pairs done.

        Only whole pairs are kept.
        """
        for number, pair in enumerate(self.order):
            if not self._one_pair(run, pair, number):
                return
            if number + 1 in self.looks:
                self._look()
            yield number + 1
            if self.decided:
                return

    def _one_pair(self, run: Run, pair: Pair, number: int) -> bool:
        timings: dict[Side, ProcessTiming] = {}
        for side in pair:
            timing = run(side, number)
            if isinstance(timing, WorkerFailure):
                self.failure = (side, timing)
                return False
            timings[side] = timing
        self.a.append(timings["a"])
        self.b.append(timings["b"])
        return True

    def _look(self) -> None:
        self.level = stats.look_level(len(self.a), self.looks)
        a, b = ([timing.median_ns for timing in side] for side in (self.a, self.b))
        self.comparison = ab(a, b, self.same_within, self.level)


def abba_order(pairs: int, rng: random.Random) -> list[Pair]:
    """Return the order within each pair: two by two either AB BA or BA AB, at random.

    So each side goes first as often as the other, a steady drift drops out of every two pairs, and nothing periodic
    on the machine can fall in step with the order.
    """
    order: list[Pair] = []
    while len(order) < pairs:
        order += rng.choice(((("a", "b"), ("b", "a")), (("b", "a"), ("a", "b"))))
    return order[:pairs]


def planned_looks(max_pairs: int) -> tuple[int, ...]:
    """Return after how many pairs to look: never where no outcome could be called faster or slower.

    n pairs that all agree have p = 2 / 2^n, and a look gets a share of 5 % alone: with at most 20 pairs the looks are
    at 7, 10, 14 and 20. The last is always at `max_pairs`.
    """
    looks: tuple[int, ...] = ()
    for n in _CANDIDATES:
        if _SPACING * n <= max_pairs and 2.0 ** (1 - n) <= 1.0 - stats.look_level(n, (*looks, n, max_pairs)):
            looks += (n,)
    return (*looks, max_pairs)


def time_process(
    prepared: PreparedCase, profile: Profile, out: Path, seed: int, feeds: Path | None = None
) -> ProcessTiming | WorkerFailure:
    """Run one fresh worker process of a case; `out` is its scratch folder, `feeds` its inputs (None: synthesised)."""
    answer = run_worker(prepared.job("latency", out, seed, profile.loop, feeds), prepared.timeout_s)
    if isinstance(answer, WorkerFailure):
        return answer
    start, unsteady = steady_part(answer.arrays["wall_ns"], profile)
    wall, cpu = (float(np.median(answer.arrays[name][start:])) for name in ("wall_ns", "cpu_ns"))
    told = answer.result
    return ProcessTiming(
        median_ns=wall,
        median_cpu_ns=cpu,
        load_ns=told["load_ns"],
        peak_rss_bytes=told["peak_rss_bytes"],
        involuntary_switches=told["involuntary_switches"],
        unsteady=unsteady,
        waited=max((told[name] for name in ("run_delay", "cpu_pressure") if told[name] is not None), default=None),
        mistimed=mistimed(
            [told["cycle_ns"]], [told["new_input_ratio"]], [told["same_input_ratio"]], told["calls_per_sample"]
        ),
        needed_s=told.get("cut_short", {}).get("needed_s", 0.0),
        runtime_info=told["runtime_info"],
    )
