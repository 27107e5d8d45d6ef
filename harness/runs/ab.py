"""`edgebench ab`: two cases in pairs of fresh processes, and what came of it as a sentence and a document.

Document history
    1   first version

The outcome of an A/B comparison in words.
"""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError
from harness.core.hostfs import HostFs
from harness.core.quantity import utc_now
from harness.host.identity import identity
from harness.host.resource_limits import ResourceLimits
from harness.measure import ab
from harness.measure.ab import PairedComparison, ProcessTiming, Side
from harness.measure.passes.latency import write_inputs
from harness.measure.passes.worker_process import WorkerFailure
from harness.measure.prepared import NOT_COUNTED, artifact_info
from harness.measure.presets import profile
from harness.measure.protocol import LabelledData
from harness.measure.verdicts import CONTENDED
from harness.stats.comparison import Comparison
from reports.numbers import counted

from .plan import find_target
from .session import versions
from .variants import Variant, VariantResolver, named_runtime

SCHEMA = 1


@dataclass(frozen=True)
class AbConfig:
    """Compare `b` with `a`: names as `SideFinder.find` takes them.

    `same_within` 0.02 calls a latency ratio within 2 % the same. `profile` says how long each process runs.
    Raises UsageError for a number that makes no sense.
    """

    a: str
    b: str
    runtime_a: str | None = None
    runtime_b: str | None = None
    threads: int | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    profile: str = "quick"
    same_within: float = 0.02
    max_pairs: int = 20
    timeout_s: float | None = None
    memory_bytes: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.max_pairs < 2:
            raise UsageError(
                f"{counted(self.max_pairs, 'pair')} cannot give an interval",
                "at least 2, and 6 to tell faster or slower",
            )
        if not 0.0 <= self.same_within < 1.0:
            raise UsageError(f"'same' within {self.same_within} makes no sense", "a share of 1, such as 0.02 for 2 %")

    @cached_property
    def sides(self) -> dict[ab.Side, Variant]:
        """Both sides, ready to run; a side that names no runtime takes the other's where it can."""
        chosen = (self.runtime_a, named_runtime(self.a), self.runtime_b, named_runtime(self.b))
        room = ResourceLimits.on(find_target("auto", HostFs()), self.timeout_s, self.memory_bytes)
        finder = VariantResolver(room, self.threads, self.shapes, next(filter(None, chosen), None))
        return {"a": finder.find(self.a, self.runtime_a), "b": finder.find(self.b, self.runtime_b)}


class AbSession:
    """One comparison. `duel` holds what has been measured so far, so that nothing is lost to Ctrl-C."""

    def __init__(self, request: AbConfig) -> None:
        self.request = request
        self.sides = request.sides
        self.duel = PairedComparison.plan(request.max_pairs, request.same_within, request.seed)
        self.started_utc = utc_now()
        self._profile = profile(request.profile)

    def run(self) -> Iterator[int]:
        """Measure; yields how many pairs are done."""
        with tempfile.TemporaryDirectory(prefix="edgebench-") as folder:
            scratch = Path(folder)
            feeds = write_inputs([side.prepared for side in self.sides.values()], scratch)
            yield from self.duel.measure(lambda side, number: self._process(side, number, feeds, scratch))

    def _process(
        self, side: ab.Side, number: int, feeds: Mapping[LabelledData, Path], scratch: Path
    ) -> ProcessTiming | WorkerFailure:
        """Both processes of a pair get the same seed, hence the same synthesised inputs."""
        prepared = self.sides[side].prepared
        inputs = feeds.get(prepared.labelled) if prepared.labelled else None
        return ab.time_process(prepared, self._profile, scratch / side, self.request.seed + number, inputs)

    @property
    def words(self) -> list[str]:
        """The outcome in one sentence, and after it what speaks against trusting it."""
        names = {key: side.name for key, side in self.sides.items()}
        lone = all(side.prepared.options.threads == 1 for side in self.sides.values())
        return [sentence(self.duel, names), *warnings(self.duel, lone)]

    def document(self, interrupted: bool = False) -> dict[str, Any]:
        """The outcome with everything behind it, as plain JSON types; times in nanoseconds."""
        told, *doubts = self.words
        duel, request = self.duel, self.request
        return {
            "schema": SCHEMA,
            "kind": "edgebench-ab",
            "started_utc": self.started_utc,
            "ended_utc": utc_now(),
            "interrupted": interrupted,
            "verdict": duel.comparison.verdict if duel.comparison else None,
            "sentence": told,
            "warnings": doubts,
            "comparison": dataclasses.asdict(duel.comparison) if duel.comparison else None,
            "level_of_this_look": duel.level,
            "looks": list(duel.looks),
            "same_within": request.same_within,
            "max_pairs": request.max_pairs,
            "profile": request.profile,
            "seed": request.seed,
            "order": ["".join(pair) for pair in duel.order[: len(duel.a)]],
            "a": self._side("a", duel.a),
            "b": self._side("b", duel.b),
            "failure": _failure(duel),
            "host": dataclasses.asdict(identity(HostFs())),
            "versions": versions(),
        }

    def _side(self, key: ab.Side, timings: list[ProcessTiming]) -> dict[str, Any]:
        side = self.sides[key]
        return {
            "name": side.name,
            "case_id": side.prepared.case.id,
            "cpus": list(side.prepared.cpus),
            "artifact": dataclasses.asdict(artifact_info(side.prepared, NOT_COUNTED)),
            "runtime_info": dict(timings[-1].runtime_info) if timings else {},
            "median_ns": [timing.median_ns for timing in timings],
            "median_cpu_ns": [timing.median_cpu_ns for timing in timings],
            "involuntary_switches": [timing.involuntary_switches for timing in timings],
            "unsteady": [timing.unsteady for timing in timings],
        }


def _failure(duel: PairedComparison) -> dict[str, Any] | None:
    if duel.failure is None:
        return None
    side, failure = duel.failure
    return {"side": side, **dataclasses.asdict(failure.verdict), "log": failure.log}


FEWEST = 6
"""Pairs that can be called faster or slower at 95 %: that all agree has p = 2 / 2^n by chance."""


def sentence(duel: PairedComparison, names: Mapping[Side, str]) -> str:
    """What came out, with ratio and interval; `names` of the two sides."""
    a, b = f"A ({names['a']})", f"B ({names['b']})"
    if duel.failure is not None:
        side, failure = duel.failure
        reason = f"{failure.verdict.status}: {failure.verdict.reason}"
        return f"No answer: {a if side == 'a' else b} ended in pair {len(duel.a) + 1} as {reason}"
    if duel.comparison is None:
        return f"No answer: {len(duel.a)} pairs, the first look is after {duel.looks[0]}"
    return f"{_claim(duel, duel.comparison, a, b)}: {_figures(duel, duel.comparison)}"


def _claim(duel: PairedComparison, found: Comparison, a: str, b: str) -> str:
    after = f"after {found.pairs} pairs"
    if found.verdict == "same":
        return f"{b} is the same as {a} within {100 * duel.same_within:g} %, decided {after}"
    if found.verdict == "undecided":
        return f"Undecided {after} whether {b} is faster or slower than {a}"
    return f"{b} is {found.verdict} than {a}, decided {after}"


def _figures(duel: PairedComparison, found: Comparison) -> str:
    medians = " and ".join(f"{name} {_ms(side)}" for name, side in (("A", duel.a), ("B", duel.b)))
    slower = f"B took longer in {found.pairs_slower} of {found.pairs}"
    interval = f"{found.lo:.4g} to {found.hi:.4g} at 95 % over all looks"
    return f"latency ratio B/A {found.ratio:.4g}, {interval}; {medians}; {slower}"


def _ms(timings: list[ProcessTiming]) -> str:
    return f"{statistics.median(timing.median_ns for timing in timings) / 1e6:.4g} ms"


def warnings(duel: PairedComparison, lone: bool) -> list[str]:
    """What speaks against trusting the outcome; `lone` when both sides run on one thread."""
    every = [*duel.a, *duel.b]
    contended = sum(timing.median_ns > CONTENDED * timing.median_cpu_ns for timing in every) if lone else 0
    unsteady = sum(bool(timing.unsteady) for timing in every)
    told = []
    if contended:
        told.append(
            f"in {contended} of {len(every)} processes another program held the core (wall time above {CONTENDED} "
            "times CPU time): stop other programs and compare again"
        )
    if unsteady:
        told.append(f"{unsteady} of {len(every)} processes never settled: let the machine cool down and idle")
    if not duel.decided and max(duel.looks) < FEWEST:
        told.append(f"{max(duel.looks)} pairs can never tell faster from slower: --max-pairs {FEWEST} or more")
    return told
