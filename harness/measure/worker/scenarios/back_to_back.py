"""SingleStream, MultiStream and sustained: the next query when the last one is complete."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from harness.measure.worker import loop
from harness.measure.worker.loop import DrivenSession, LoopPlan, Samples
from harness.measure.worker.scenarios import ScenarioContext
from harness.runtimes.base import Batch

MINUTE_NS = 60_000_000_000
_PILOTS_NS = 10_000_000_000
"""The longest that is spent on how many inferences make a sample: of slow ones, one does."""
_SUSTAINED_SAMPLE_NS = 1_000_000
"""A sample of sustained is at least so long: at most 60,000 a minute, so that half an hour fits a small board."""


def single_stream(stage: ScenarioContext, batches: Sequence[Batch], plan: LoopPlan) -> Samples:
    """Run one inference per query and take its latency."""
    return loop.run(stage.session, batches, plan, stage.now)


class _Query:
    """Several inferences as one. Their samples share the input tensors, so copying them in is part of the query."""

    def __init__(self, session: DrivenSession, batches: Sequence[Batch], inferences: int) -> None:
        self._session = session
        self._inputs = itertools.cycle(batches)
        self._inferences = inferences

    def prepare(self, batch: Batch) -> None:
        """Do nothing: every sample is copied in when its turn comes."""

    def infer(self) -> None:
        """Run all samples of the query, one batch after the other."""
        for _ in range(self._inferences):
            self._session.prepare(next(self._inputs))
            self._session.infer()


def multi_stream(stage: ScenarioContext, batches: Sequence[Batch], plan: LoopPlan) -> Samples:
    """Run `samples_per_query` samples per query, `batch` at a time, and take the latency of the whole query."""
    inferences = (stage.load.samples_per_query or 1) // stage.batch
    query = _Query(stage.session, batches, inferences)
    samples = loop.run(query, batches, plan._replace(calls=1), stage.now)
    return samples._replace(inferences=samples.inferences * inferences)


def sustained(stage: ScenarioContext, batches: Sequence[Batch], plan: LoopPlan) -> Samples:
    """Run back to back for `plan.min_ns`; the `minute_*` arrays hold each minute's start, end and sample count."""
    pilots = LoopPlan(20, 0, 20, plan.threads, end_ns=min(plan.end_ns, stage.now() + _PILOTS_NS))
    pilot = loop.run(stage.session, batches, pilots, stage.now)
    calls = loop.calls_per_sample(float(np.median(pilot.wall_ns)), _SUSTAINED_SAMPLE_NS)
    most = 4 * MINUTE_NS // _SUSTAINED_SAMPLE_NS
    minutes: list[Samples] = []
    end = stage.now() + plan.min_ns
    while (left := end - stage.now()) > 0 and not (minutes and minutes[-1].cut_short):
        minute = LoopPlan(1, min(left, MINUTE_NS), most, plan.threads, calls, plan.end_ns)
        minutes.append(loop.run(stage.session, batches, minute, stage.now))
    return Samples(
        wall_ns=np.concatenate([minute.wall_ns for minute in minutes]),
        cpu_ns=np.concatenate([minute.cpu_ns for minute in minutes]),
        started_ns=minutes[0].started_ns,
        ended_ns=minutes[-1].ended_ns,
        inferences=sum(minute.inferences for minute in minutes),
        calls=calls,
        gc_frozen=minutes[0].gc_frozen,
        cut_short=minutes[-1].cut_short,
        more={
            "minute_n": np.array([len(minute.wall_ns) for minute in minutes], np.int64),
            "minute_started_ns": np.array([minute.started_ns for minute in minutes], np.int64),
            "minute_ended_ns": np.array([minute.ended_ns for minute in minutes], np.int64),
        },
    )
