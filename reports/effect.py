"""Which effects a run can show by its own spread, and what must be measured to show another one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from harness import stats
from harness.core.errors import RecordError, UsageError
from harness.core.quality import TOP1
from harness.core.quantity import Missing
from harness.core.record import Record
from harness.measure.passes.latency import SIZED
from harness.measure.presets import PROFILES
from harness.stats import power
from harness.stats.planning import VarianceComponents, variance_components
from harness.store.runfolder import FindBlob

P = TypeVar("P")

LEVEL = stats.look_level(stats.LOOKS[-1])
"""Confidence of `edgebench ab` at its last look, which pairs are planned for."""
CONFIDENCE = 0.8
"""Confidence of the upper limits of a pilot's spread."""
_LATENCY = "latency_p50_ns"
_LONGEST = PROFILES["full"]  # its loop is planned for: later processes are sized in it
_STRETCH = 4  # times the loop's time, at most


@dataclass(frozen=True)
class Pilot:
    """How the latency of a case varies, and what its processes cost.

    Attributes:
        record: The case.
        variance: Variances of the log latency.
        median_ns: Median of an inference.
        start_ns: Time of a process up to the end of its warm-up.
        inferences: Inferences per process that show most for the time.

    """

    record: Record
    variance: VarianceComponents
    median_ns: float
    start_ns: float
    inferences: int


@dataclass(frozen=True)
class LatencyPlan:
    """What shows an effect on the latency of a case.

    Attributes:
        pilot: The pilot.
        processes: Processes on each side.
        processes_safe: The same, should the spread be as large as the pilot's upper limit.
        pairs: Pairs of processes of `edgebench ab`.
        pairs_safe: The same, at the upper limit.

    """

    pilot: Pilot
    processes: int
    processes_safe: int
    pairs: int
    pairs_safe: int

    def minutes(self, processes: int) -> float:
        """Return how long as many processes on each of two sides take."""
        pilot = self.pilot
        return 2 * processes * (pilot.start_ns + pilot.inferences * pilot.median_ns) / 60e9

    @property
    def spread(self) -> float:
        """Relative standard deviation of the medians of processes of that many inferences."""
        return math.sqrt(self.pilot.variance.of_median(self.pilot.inferences))


@dataclass(frozen=True)
class AccuracyPlan:
    """What shows a difference of a case's top-1 to that of fp32.

    Attributes:
        record: The case.
        discordant: Share of images that exactly one of the two gets right.
        evidence: What the share comes from.
        images: Images needed.
        images_safe: The same, should the share be as large as its upper limit.

    """

    record: Record
    discordant: float
    evidence: str
    images: int
    images_safe: int


@dataclass(frozen=True)
class EffectPlan:
    """What shows an effect on each case of a pilot run.

    Attributes:
        effect: Relative difference of two latencies; None for none.
        points: Difference of two accuracies, as a share; None for none.
        chance: Probability of showing them.
        latency: Plan of each case whose latency can be planned.
        accuracy: Plan of each case whose accuracy can be planned.
        unplanned_latency: The other cases, each with the reason.
        unplanned_accuracy: The same, of the accuracy.

    """

    effect: float | None
    points: float | None
    chance: float
    latency: tuple[LatencyPlan, ...]
    accuracy: tuple[AccuracyPlan, ...]
    unplanned_latency: tuple[tuple[Record, str], ...]
    unplanned_accuracy: tuple[tuple[Record, str], ...]


def plan_effect(
    records: Sequence[Record], blob: FindBlob, effect: float | None, points: float | None, chance: float = power.POWER
) -> EffectPlan:
    """Plan each record of a pilot run.

    Args:
        records: The records.
        blob: Reads their samples.
        effect: Relative difference of two latencies; None plans no latency.
        points: Difference of two accuracies, as a share; None plans no accuracy.
        chance: Probability of showing them.

    Raises:
        UsageError: An effect is out of range or too small to be shown.

    """
    latency: list[LatencyPlan | tuple[Record, str]] = []
    accuracy: list[AccuracyPlan | tuple[Record, str]] = []
    try:
        if effect is not None:
            latency = [_or_reason(record, _latency(record, blob, effect, chance)) for record in records]
        if points is not None:
            accuracy = [_or_reason(record, accuracy_plan(record, points, chance)) for record in records]
    except ValueError as error:
        raise UsageError(f"cannot be planned: {error}", "plan for a larger effect") from error
    return EffectPlan(
        effect,
        points,
        chance,
        tuple(each for each in latency if isinstance(each, LatencyPlan)),
        tuple(each for each in accuracy if isinstance(each, AccuracyPlan)),
        tuple(each for each in latency if isinstance(each, tuple)),
        tuple(each for each in accuracy if isinstance(each, tuple)),
    )


def _or_reason(record: Record, plan: P | Missing) -> P | tuple[Record, str]:
    return (record, plan.reason) if isinstance(plan, Missing) else plan


def _latency(record: Record, blob: FindBlob, effect: float, chance: float) -> LatencyPlan | Missing:
    pilot = pilot_of(record, blob)
    return pilot if isinstance(pilot, Missing) else latency_plan(pilot, effect, chance)


def pilot_of(record: Record, blob: FindBlob) -> Pilot | Missing:
    """Return how a case varies; Missing, with the reason, where that cannot be known or would not help."""
    if not record.trusts(_LATENCY):
        return Missing(f"{record.verdict.status}: its times cannot be relied on")
    if record.case.scenario not in SIZED:
        return Missing(f"planned for {' and '.join(sorted(SIZED))} alone, not for {record.case.scenario}")
    if len(record.processes) < 2:
        return Missing("one process does not show how processes differ: use the profile quick or a longer one")
    try:
        walls = [np.asarray(blob(process.blob.sha256)["wall_ns"], dtype=np.float64) for process in record.processes]
        return _pilot(record, walls)
    except RecordError as error:
        return Missing(f"its samples cannot be read: {error.message}")
    except (KeyError, ValueError) as error:
        return Missing(f"its samples cannot be used: {error}")


def _pilot(record: Record, walls: Sequence[npt.NDArray[np.float64]]) -> Pilot:
    """Size the processes as the profile 'full' does, from all processes of the pilot."""
    loop, median_ns = _LONGEST.loop, float(np.median([np.median(wall) for wall in walls]))
    warmup_ns = max(loop.warmup_ns, loop.warmup_n * median_ns)
    before_ns = [
        run.spawn_ns + run.import_ns + run.load_ns + run.first_inference_ns for run in record.processes
    ]  # fmt: skip
    start_ns = float(np.mean(before_ns)) + warmup_ns
    least = max(loop.min_n, math.ceil(loop.min_ns / median_ns))
    most = max(least, round(_STRETCH * loop.min_ns / median_ns))
    inferences = stats.iterations_per_process(walls, start_ns, median_ns, (least, most))
    return Pilot(record, variance_components(walls), median_ns, start_ns, inferences)


def latency_plan(pilot: Pilot, effect: float, chance: float = power.POWER) -> LatencyPlan:
    """Return what shows a relative difference of `effect` with the probability `chance`.

    Raises:
        ValueError: The effect is out of range, or so small that no number of processes shows it.

    """
    variance = pilot.variance.of_median(pilot.inferences)
    limit = power.variance_limit(variance, pilot.variance.processes, CONFIDENCE)
    return LatencyPlan(
        pilot,
        power.processes_needed(effect, variance, power=chance),
        power.processes_needed(effect, limit, power=chance),
        power.pairs_needed(effect, variance, LEVEL, chance),
        power.pairs_needed(effect, limit, LEVEL, chance),
    )


def accuracy_plan(record: Record, difference: float, chance: float = power.POWER) -> AccuracyPlan | Missing:
    """Return what shows a difference of top-1 to fp32, from the images on which the pilot's two nets disagreed."""
    found = _discordant(record)
    if isinstance(found, Missing):
        return found
    images, n, evidence = found
    _, limit = stats.wilson(images, n, 2 * CONFIDENCE - 1)  # two-sided: one side has CONFIDENCE
    return AccuracyPlan(
        record,
        images / n,
        evidence,
        power.images_needed(difference, images / n, power=chance),
        power.images_needed(difference, limit, power=chance),
    )


def _discordant(record: Record) -> tuple[int, int, str] | Missing:
    """Return on how many of how many images exactly one of the net and fp32 was right, and where that is from.

    Two nets can only differ in being right where their best classes differ, so that agreement bounds the share.
    """
    if record.quality_name != TOP1.metric:
        return Missing(f"images are planned for classifiers, the quality of this case is {record.quality_kind.label}")
    if not record.trusts("top1"):
        return Missing(f"{record.verdict.status}: its accuracy cannot be relied on")
    accuracy = record.details.get("accuracy", {})
    if {"right_here_alone", "right_in_fp32_alone", "n"} <= set(accuracy) and accuracy["n"] > 0:
        images = int(accuracy["right_here_alone"]) + int(accuracy["right_in_fp32_alone"])
        return images, int(accuracy["n"]), f"{images} of {accuracy['n']} images that one of the two alone got right"
    agreement = record.quantity("agreement")
    if isinstance(agreement, Missing) or not agreement.n:
        return Missing(agreement.reason if isinstance(agreement, Missing) else "the number of images is not recorded")
    images = round((1 - agreement.value) * agreement.n)
    return images, agreement.n, f"at most the {images} of {agreement.n} images on which the best classes differ"


def shown_effect(record: Record) -> float | Missing:
    """Return the smallest relative difference of two latencies that as many processes as the case's on each side show.

    With a probability of 80 %, if both sides vary as this one did.
    """
    if not record.trusts(_LATENCY):
        return Missing(f"{record.verdict.status}: its times cannot be relied on")
    medians = [process.median_ns for process in record.processes if process.median_ns > 0]
    if len(medians) < 2:
        return Missing("fewer than two processes do not show how processes differ")
    return power.detectable_effect(len(medians), float(np.var(np.log(medians), ddof=1)))
