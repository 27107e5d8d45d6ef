"""`edgebench ab`: compare two cases in pairs of fresh processes, and report the outcome in words and as JSON.

Versions of the JSON document:
    1   first version
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError
from harness.core.hostfs import HostFs
from harness.core.quantity import utc_now
from harness.core.scratch import scratch_folder
from harness.host.identity import identity
from harness.host.resource_limits import ResourceLimits
from harness.measure.ab import PairedComparison, ProcessTiming, Side, time_process
from harness.measure.passes.latency import write_inputs
from harness.measure.passes.worker_process import WorkerFailure
from harness.measure.prepared import NOT_COUNTED, artifact_info
from harness.measure.presets import profile
from harness.measure.protocol import LabelledData
from harness.measure.witnesses import CONTENDED, WAITED
from harness.stats.comparison import Comparison
from reports.numbers import counted

from .plan import find_target
from .session import versions
from .variants import Variant, VariantResolver, named_runtime

SCHEMA = 1


@dataclass(frozen=True)
class AbConfig:
    """What to compare, and how.

    Attributes:
        a: Name of variant A, as `VariantResolver.resolve` takes it.
        b: Name of variant B.
        runtime_a: Runtime of A; None takes the one in its name.
        runtime_b: Runtime of B; None takes the one in its name.
        threads: Intra-op threads of both.
        shapes: Shapes of dynamic inputs, by input name.
        signature: The entry point of both model files; '' for their primary one.
        profile: Name of the preset that says how long each process runs.
        same_within: Latency ratios within this share of 1 are called the same: 0.02 is 2 %.
        max_pairs: The most pairs to measure.
        timeout_s: Time limit of one process, in seconds.
        memory_bytes: Memory limit of one process, in bytes.
        seed: Seed of the order and of synthesised inputs.

    Raises:
        UsageError: `max_pairs` or `same_within` is out of range.
    """

    a: str
    b: str
    runtime_a: str | None = None
    runtime_b: str | None = None
    threads: int | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    signature: str = ""
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
                "give 2 or more; 6 or more can tell faster from slower",
            )
        if not 0.0 <= self.same_within < 1.0:
            raise UsageError(f"--same-within is {self.same_within}, expected 0 or more and below 1", "0.02 means 2 %")

    @cached_property
    def variants(self) -> dict[Side, Variant]:
        """Both variants, ready to run; one that names no runtime takes the other's where that can run it."""
        chosen = (self.runtime_a, named_runtime(self.a), self.runtime_b, named_runtime(self.b))
        limits = ResourceLimits.on(find_target("auto", HostFs()), self.timeout_s, self.memory_bytes)
        resolver = VariantResolver(limits, self.threads, self.shapes, next(filter(None, chosen), None), self.signature)
        return {"a": resolver.resolve(self.a, self.runtime_a), "b": resolver.resolve(self.b, self.runtime_b)}


class AbSession:
    """One comparison being measured.

    Attributes:
        config: What is compared, and how.
        variants: Both variants, ready to run.
        measured: The pairs measured so far: an interrupt loses none of them.
        started_utc: When the comparison began.
    """

    def __init__(self, config: AbConfig) -> None:
        self.config = config
        self.variants = config.variants
        self.measured = PairedComparison.plan(config.max_pairs, config.same_within, config.seed)
        self.started_utc = utc_now()
        self._profile = profile(config.profile)

    def run(self) -> Iterator[int]:
        """Measure, and yield the number of complete pairs after each."""
        with scratch_folder() as scratch:
            inputs = write_inputs([variant.prepared for variant in self.variants.values()], scratch)
            yield from self.measured.measure(lambda side, number: self._process(side, number, inputs, scratch))

    def _process(
        self, side: Side, number: int, inputs: Mapping[LabelledData, Path], scratch: Path
    ) -> ProcessTiming | WorkerFailure:
        """Run one process; both of a pair get the same seed, hence the same synthesised inputs."""
        prepared = self.variants[side].prepared
        images = inputs.get(prepared.labelled) if prepared.labelled else None
        return time_process(prepared, self._profile, scratch / side, self.config.seed + number, images)

    @property
    def words(self) -> list[str]:
        """The outcome in one sentence, followed by the warnings."""
        names = {side: variant.name for side, variant in self.variants.items()}
        single_threaded = all(variant.prepared.options.threads == 1 for variant in self.variants.values())
        return [sentence(self.measured, names), *warnings(self.measured, single_threaded)]

    def document(self, interrupted: bool = False) -> dict[str, Any]:
        """Return the outcome with all its data, as plain JSON types; times are in nanoseconds."""
        outcome, *doubts = self.words
        measured, config = self.measured, self.config
        return {
            "schema": SCHEMA,
            "kind": "edgebench-ab",
            "started_utc": self.started_utc,
            "ended_utc": utc_now(),
            "interrupted": interrupted,
            "verdict": measured.comparison.verdict if measured.comparison else None,
            "sentence": outcome,
            "warnings": doubts,
            "comparison": dataclasses.asdict(measured.comparison) if measured.comparison else None,
            "level_of_this_look": measured.level,
            "looks": list(measured.looks),
            "same_within": config.same_within,
            "max_pairs": config.max_pairs,
            "profile": config.profile,
            "seed": config.seed,
            "order": ["".join(pair) for pair in measured.order[: len(measured.a)]],
            "a": self._side("a", measured.a),
            "b": self._side("b", measured.b),
            "failure": _failure(measured),
            "host": dataclasses.asdict(identity(HostFs())),
            "versions": versions(),
        }

    def _side(self, side: Side, timings: list[ProcessTiming]) -> dict[str, Any]:
        variant = self.variants[side]
        return {
            "name": variant.name,
            "case_id": variant.prepared.case.id,
            "cpus": list(variant.prepared.cpus),
            "artifact": dataclasses.asdict(artifact_info(variant.prepared, NOT_COUNTED)),
            "runtime_info": dict(timings[-1].runtime_info) if timings else {},
            "median_ns": [timing.median_ns for timing in timings],
            "median_cpu_ns": [timing.median_cpu_ns for timing in timings],
            "involuntary_switches": [timing.involuntary_switches for timing in timings],
            "unsteady": [timing.unsteady for timing in timings],
        }


def _failure(measured: PairedComparison) -> dict[str, Any] | None:
    if measured.failure is None:
        return None
    side, failure = measured.failure
    return {"side": side, **dataclasses.asdict(failure.verdict), "log": failure.log}


FEWEST = 6
"""Fewest pairs that can be called faster or slower at 95 %: n pairs all agree by chance with p = 2 / 2^n."""


def sentence(measured: PairedComparison, names: Mapping[Side, str]) -> str:
    """Return the outcome in one sentence, with the ratio and its interval.

    Args:
        measured: The pairs measured so far.
        names: Names of the two variants.
    """
    a, b = f"A ({names['a']})", f"B ({names['b']})"
    if measured.failure is not None:
        side, failure = measured.failure
        reason = f"{failure.verdict.status}: {failure.verdict.reason}"
        return f"No answer: {a if side == 'a' else b} gave no figures in pair {len(measured.a) + 1}: {reason}"
    if measured.comparison is None:
        return f"No answer: {counted(len(measured.a), 'pair')} measured, the first look is after {measured.looks[0]}"
    return f"{_claim(measured, measured.comparison, a, b)}: {_figures(measured, measured.comparison)}"


def _claim(measured: PairedComparison, comparison: Comparison, a: str, b: str) -> str:
    after = f"after {comparison.pairs} pairs"
    if comparison.verdict == "same":
        return f"{b} is the same as {a} within {100 * measured.same_within:g} %, decided {after}"
    if comparison.verdict == "undecided":
        return f"Undecided {after} whether {b} is faster or slower than {a}"
    return f"{b} is {comparison.verdict} than {a}, decided {after}"


def _figures(measured: PairedComparison, comparison: Comparison) -> str:
    medians = " and ".join(f"{name} {_ms(side)}" for name, side in (("A", measured.a), ("B", measured.b)))
    slower = f"B took longer in {comparison.pairs_slower} of {comparison.pairs}"
    interval = f"{comparison.lo:.4g} to {comparison.hi:.4g} at 95 % over all looks"
    return f"latency ratio B/A {comparison.ratio:.4g}, {interval}; {medians}; {slower}"


def _ms(timings: list[ProcessTiming]) -> str:
    return f"{statistics.median(timing.median_ns for timing in timings) / 1e6:.4g} ms"


def _mistimed(measured: PairedComparison) -> list[str]:
    """Return a warning for each side in most of whose processes no whole inferences were timed."""
    texts = []
    for name, side in (("A", measured.a), ("B", measured.b)):
        reasons = [timing.mistimed for timing in side if timing.mistimed]
        if 2 * len(reasons) > len(side):
            texts.append(f"the latency of {name} is not that of whole inferences: {reasons[0]}")
    return texts


def warnings(measured: PairedComparison, single_threaded: bool) -> list[str]:
    """Return what speaks against trusting the outcome.

    Args:
        measured: The pairs measured so far.
        single_threaded: Whether both variants run on one thread; only then CPU time shows that a core was shared.
    """
    every = [*measured.a, *measured.b]
    waited = sum(timing.waited is not None and timing.waited > WAITED for timing in every)
    contended = sum(timing.median_ns > CONTENDED * timing.median_cpu_ns for timing in every) if single_threaded else 0
    unsteady = sum(bool(timing.unsteady) for timing in every)
    texts = _mistimed(measured)
    if contended:
        texts.append(
            f"in {contended} of {len(every)} processes another program held the core (wall time above {CONTENDED} "
            "times CPU time): stop other programs and compare again"
        )
    if waited:
        texts.append(
            f"in {waited} of {len(every)} processes threads waited for a CPU for more than {WAITED:.0%} of the time: "
            "stop other programs, use no more threads than cores, and compare again"
        )
    if needed := max((timing.needed_s for timing in every), default=0.0):
        short = sum(timing.needed_s > 0 for timing in every)
        texts.append(f"the time limit cut {short} of {len(every)} processes short: --timeout {needed:g} lets them end")
    if unsteady:
        texts.append(f"{unsteady} of {len(every)} processes never settled: let the machine cool down and idle")
    if not measured.decided and max(measured.looks) < FEWEST:
        texts.append(
            f"{max(measured.looks)} pairs can never tell faster from slower: give --max-pairs {FEWEST} or more"
        )
    return texts
