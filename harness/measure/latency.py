"""Latency: P fresh processes a case, processes of different cases in random order."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.accuracy.dataset import open_dataset
from harness.accuracy.preprocess import preprocess
from harness.analysis import stats, steady
from harness.core.record import Blob, ProcessRun
from harness.core.scenario import Scenario
from harness.core.sensing import Sensor
from harness.core.units import utc_now
from harness.sensors.sampler import Traces

from .climate import ClimateWatch
from .feeds import N_FEEDS
from .job import PHASES, Job, Labelled, Loop
from .prepared import BlobSink, Prepared
from .process import Answer, Failure, run_worker
from .profile import Profile, fitted, level
from .scenario_metrics import SETTLES, headline
from .throttle import ThrottleWatch

PILOTS = 2
"""Processes that serve as the pilot for the number of inferences in the later ones."""

SIZED: frozenset[Scenario] = frozenset({"SingleStream", "MultiStream"})
"""Where the pilots decide how many queries a process gets; elsewhere the scenario's own clock does."""

_SAMPLES = frozenset({"wall_ns", "cpu_ns", "warmup_ns"})
_FROM_RESULT = (
    *("spawn_ns", "import_ns", "load_ns", "first_inference_ns", "involuntary_switches", "peak_rss_bytes", "started_ns"),
    *("ended_ns", "inferences", "calls_per_sample", "control_ratio", "same_input_ratio", "os_threads", "max_rss_bytes"),
    *("voluntary_switches", "cpu_pressure", "busy_threads", "gc_frozen"),
)


@dataclass
class Progress:
    """What has been measured of one case so far: per process `wall_ns`, `cpu_ns` and the arrays of its scenario."""

    prepared: Prepared
    runs: list[ProcessRun] = field(default_factory=list)
    wall_ns: list[NDArray[np.int64]] = field(default_factory=list)
    cpu_ns: list[NDArray[np.int64]] = field(default_factory=list)
    more: list[dict[str, NDArray[np.int64]]] = field(default_factory=list)
    climate: Traces | None = None
    driver_logs: list[str] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    throttled: str = ""
    started_utc: str = ""
    duration_s: float = 0.0

    def add(self, answer: Answer, place: int, blobs: BlobSink, profile: Profile) -> None:
        """Take in one process."""
        self.more.append({name: array for name, array in answer.arrays.items() if name not in _SAMPLES})
        run = _process_run(answer, self, place, blobs, profile)
        self.result = answer.result
        self.driver_logs += filter(None, [answer.result["driver_log"]])
        self.runs.append(run)
        self.wall_ns.append(answer.arrays["wall_ns"][-run.n_timed :])
        self.cpu_ns.append(answer.arrays["cpu_ns"][-run.n_timed :])


@dataclass(frozen=True)
class LatencyPass:
    """Runs the processes of a block's cases in random order and keeps their samples."""

    profile: Profile
    blobs: BlobSink
    scratch: Path
    seed: int
    sensors: Sequence[Sensor] = ()
    throttle: ThrottleWatch = field(default_factory=lambda: ThrottleWatch((), ()))

    def measure(self, states: Sequence[Progress]) -> Iterator[int]:
        """Fill `states`; yields how many processes are done.

        Round after round every case that is not yet decided runs once, in an order drawn anew, so that a slow drift
        of the machine hits all cases alike. A failed case is not tried again.
        """
        feeds = write_feeds([state.prepared for state in states], self.scratch)
        rng = random.Random(self.seed)  # noqa: S311 - an order, no secret
        place = 0
        while open_states := [state for state in states if not self._decided(state)]:
            for state in rng.sample(open_states, len(open_states)):
                self._one_process(state, place, feeds)
                place += 1
                yield place

    def _decided(self, state: Progress) -> bool:
        """Failed, as often as allowed, or at a planned look with an interval narrow enough."""
        n, profile = len(state.runs), fitted(self.profile, state.prepared.case)
        if state.failure is not None or n >= profile.max_processes:
            return True
        return n >= profile.processes and n in stats.LOOKS and self._width(state) <= profile.half_width

    def _width(self, state: Progress) -> float:
        interval = stats.median_interval(headline(state), level(len(state.runs), self.profile))
        return (interval.hi - interval.lo) / 2 / interval.mid

    def _one_process(self, state: Progress, place: int, feeds: dict[Labelled, Path]) -> None:
        prepared = state.prepared
        inputs = feeds.get(prepared.labelled) if prepared.labelled else None
        out = self.scratch / f"latency-{place}"
        job = prepared.job("latency", out, self.seed + place, self._loop(state), inputs)
        state.started_utc = state.started_utc or utc_now()
        before, sources = time.monotonic(), self.throttle.read()
        answer = self._run(job, state)
        state.throttled = state.throttled or self.throttle.since(sources)
        state.duration_s += time.monotonic() - before
        if isinstance(answer, Failure):
            state.failure = answer
        else:
            state.add(answer, place, self.blobs, self.profile)

    def _run(self, job: Job, state: Progress) -> Answer | Failure:
        """Nothing runs beside the worker, except in sustained, which is about what heat does to it."""
        if job.scenario != "sustained":
            return run_worker(job, state.prepared.timeout_s)
        watch = ClimateWatch(self.sensors)
        answer = run_worker(job, state.prepared.timeout_s, watch.of)
        state.climate = watch.traces
        return answer

    def _loop(self, state: Progress) -> Loop:
        """The profile's loop; from the third process on with the inferences per process that two pilots call for."""
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


def steady_part(wall_ns: NDArray[np.int64], profile: Profile) -> tuple[int, str]:
    """Index where the steady state begins, and why there is none (then 0, so that nothing is lost).

    Levels may differ by 1 %, or by what the profile's own interval may span where that is more.
    """
    found = steady.detect(wall_ns, max(steady.TOLERANCE, profile.half_width))
    if isinstance(found, steady.Steady):
        return found.start_index, ""
    return 0, found.reason if len(found.batch_medians) else ""


def _process_run(answer: Answer, state: Progress, order: int, blobs: BlobSink, profile: Profile) -> ProcessRun:
    """The process's figures; what came before the steady state, where the scenario has one, joins the warm-up."""
    result, wall, cpu = answer.result, answer.arrays["wall_ns"], answer.arrays["cpu_ns"]
    start, unsteady = steady_part(wall, profile) if state.prepared.case.scenario in SETTLES else (0, "")
    warmup = np.concatenate([answer.arrays["warmup_ns"], wall[:start]])
    sha256, n = blobs.put_blob({"wall_ns": wall[start:], "cpu_ns": cpu[start:], "warmup_ns": warmup, **state.more[-1]})
    return ProcessRun(
        index=len(state.runs),
        order=order,
        n_warmup=len(warmup),
        n_timed=n,
        median_ns=round(float(np.median(wall[start:]))),
        median_cpu_ns=round(float(np.median(cpu[start:]))),
        blob=Blob("latency", sha256, n, "ns"),
        unsteady=unsteady,
        affinity=tuple(result["affinity"]),
        peak_rss_after_bytes={name: result[f"after_{name}"]["peak_rss_bytes"] for name in PHASES},
        **{name: result[name] for name in _FROM_RESULT},
    )


def write_feeds(block: Sequence[Prepared], scratch: Path) -> dict[Labelled, Path]:
    """The first images of each labelled set, preprocessed, as .npy files: the timed loop's inputs.

    Made here, so that the measured child imports no image library and its memory is the runtime's own.
    """
    files: dict[Labelled, Path] = {}
    for labelled in {prepared.labelled for prepared in block if prepared.labelled}:
        images = open_dataset(labelled.kind, Path(labelled.path)).items(N_FEEDS)
        rows = [preprocess(image, labelled.preprocess) for image, _ in images]
        files[labelled] = scratch / f"feeds-{len(files)}.npy"
        np.save(files[labelled], np.stack(rows))
    return files
