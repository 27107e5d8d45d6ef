"""The latency pass: several fresh processes per case, those of different cases in random order."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harness import stats
from harness.core.quantity import utc_now
from harness.core.scenario import Scenario
from harness.core.sensing import Sensor
from harness.core.task import load_task
from harness.datasets.part import open_samples
from harness.measure.metrics import headline
from harness.measure.prepared import BlobSink, PreparedCase
from harness.measure.presets import Profile, fitted, level
from harness.measure.protocol import Job, LabelledData, Loop
from harness.measure.samples import CaseState
from harness.measure.worker.inputs import N_FEEDS

from .surroundings import SurroundingsWatch
from .thermal import ThermalWatch, ThrottleWatch
from .worker_process import Answer, WorkerFailure, run_worker

PILOTS = 2
"""Processes that serve as the pilot for the number of inferences in the later ones."""

SIZED: frozenset[Scenario] = frozenset({"SingleStream", "MultiStream"})
"""Where the pilots decide how many queries a process gets; elsewhere the scenario's own clock does."""


@dataclass(frozen=True)
class LatencyPass:
    """Runs the processes of a block's cases in random order and keeps their samples."""

    profile: Profile
    blobs: BlobSink
    scratch: Path
    seed: int
    sensors: Sequence[Sensor] = ()
    throttle: ThrottleWatch = field(default_factory=lambda: ThrottleWatch((), ()))
    surroundings: SurroundingsWatch = field(default_factory=SurroundingsWatch)

    def measure(self, states: Sequence[CaseState]) -> Iterator[int]:
        """Fill `states`; yield how many processes are done.

        Round after round every case that is not yet decided runs once, in an order drawn anew, so that a slow drift
        of the machine hits all cases alike. A failed case is not tried again.
        """
        feeds = write_inputs([state.prepared for state in states], self.scratch)
        rng = random.Random(self.seed)  # noqa: S311 - an order, no secret
        place = 0
        while open_states := [state for state in states if not self._decided(state)]:
            for state in rng.sample(open_states, len(open_states)):
                self._one_process(state, place, feeds)
                place += 1
                yield place

    def _decided(self, state: CaseState) -> bool:
        """Return whether the case failed, ran as often as allowed, or is precise enough at a planned look.

        One whose time limit cuts it short can never be precise: it runs no oftener than it has to.
        """
        n, profile = len(state.runs), fitted(self.profile, state.prepared.case)
        most = profile.processes if any(run.cut_short for run in state.runs) else profile.max_processes
        if state.failure is not None or n >= most:
            return True
        return n >= profile.processes and n in stats.LOOKS and self._width(state) <= profile.half_width

    def _width(self, state: CaseState) -> float:
        interval = stats.median_interval(headline(state), level(len(state.runs), self.profile))
        return (interval.hi - interval.lo) / 2 / interval.mid

    def _one_process(self, state: CaseState, place: int, feeds: dict[LabelledData, Path]) -> None:
        prepared = state.prepared
        inputs = feeds.get(prepared.labelled) if prepared.labelled else None
        out = self.scratch / f"latency-{place}"
        job = prepared.job("latency", out, self.seed + place, self._loop(state), inputs)
        state.started_utc = state.started_utc or utc_now()
        before, sources = time.monotonic(), self.throttle.read()
        ended = self.surroundings.begin(prepared.cpus, prepared.concurrency)
        answer = self._run(job, state)
        around = ended()
        state.throttled = state.throttled or self.throttle.since(sources)
        state.duration_s += time.monotonic() - before
        if isinstance(answer, WorkerFailure):
            state.failure = answer
        else:
            state.add(answer, place, self.blobs, self.profile, around)
            state.memory = self.surroundings.memory_reference

    def _run(self, job: Job, state: CaseState) -> Answer | WorkerFailure:
        """Nothing runs beside the worker, except in sustained, which is about what heat does to it."""
        if job.scenario != "sustained":
            return run_worker(job, state.prepared.timeout_s)
        watch = ThermalWatch(self.sensors)
        answer = run_worker(job, state.prepared.timeout_s, watch.of)
        state.thermal_traces = watch.traces
        return answer

    def _loop(self, state: CaseState) -> Loop:
        """Return the profile's loop, from the third process on with as many inferences as two pilots call for."""
        base = fitted(self.profile, state.prepared.case).loop
        open_ended = self.profile.max_processes > max(PILOTS, self.profile.processes)
        by_pilots = open_ended and state.prepared.case.scenario in SIZED
        if len(state.runs) < PILOTS or not by_pilots:
            return base
        pilot = state.runs[:PILOTS]
        once_ns = sum(run.median_ns for run in pilot) / len(pilot)
        start_ns = sum(run.spawn_ns + run.import_ns + run.load_ns for run in pilot) / len(pilot) + base.warmup_ns
        most = max(base.min_n, min(base.max_n, round(4 * base.min_ns / once_ns)))
        n = stats.iterations_per_process(state.wall_ns[:PILOTS], start_ns, once_ns, (base.min_n, most))
        worth = stats.iterations_worth(self.profile.n_effective, state.wall_ns[:PILOTS])
        return dataclasses.replace(base, min_n=max(n, min(most, worth)))


def write_inputs(block: Sequence[PreparedCase], scratch: Path) -> dict[LabelledData, Path]:
    """Write the first samples of each labelled set, preprocessed, as .npy files: the timed loop's inputs.

    Made here, so that the measured child imports no image library and its memory is the runtime's own.
    """
    files: dict[LabelledData, Path] = {}
    for labelled in {prepared.labelled for prepared in block if prepared.labelled}:
        task = load_task(labelled.task)
        dataset = open_samples(task, labelled.kind, Path(labelled.path))
        samples = dataset.select(range(min(N_FEEDS, len(dataset))))
        rows = [task.encode(sample, labelled.preprocess) for _, sample, _ in samples]
        files[labelled] = scratch / f"feeds-{len(files)}.npy"
        np.save(files[labelled], np.stack(rows))
    return files
