"""Measurements on a clock that only moves when something is done: a session, and the worker that drives it."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.core.scenario import Driver, Load, Scenario
from harness.measure.passes.latency import CaseState
from harness.measure.passes.worker_process import Answer
from harness.measure.prepared import PreparedCase
from harness.measure.protocol import PHASES, Job
from harness.measure.worker.loop import LoopPlan, Samples
from harness.measure.worker.scenarios import ScenarioContext, drive
from harness.runtimes.base import Batch, Options

MS = 1_000_000
SECOND = 1000 * MS
MINUTE = 60 * SECOND
BATCHES: list[Batch] = [{"input": np.array([index])} for index in range(3)]


class World:
    """A clock and a session whose every inference takes the next of `durations_ns`, the last for ever.

    Copying an input in takes `copy_ns`; a sleep lasts `late_ns` longer than asked.
    """

    def __init__(self, *durations_ns: int, copy_ns: int = 0, late_ns: int = 0) -> None:
        self.ns = 17
        self.durations = list(durations_ns)
        self.copy_ns = copy_ns
        self.late_ns = late_ns
        self.sleeps = 0
        self.prepared: list[int] = []
        self.inferred_at: list[int] = []

    def now(self) -> int:
        return self.ns

    def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        self.ns += max(1, round(seconds * 1e9)) + self.late_ns

    def prepare(self, batch: Batch) -> None:
        self.prepared.append(int(batch["input"][0]))
        self.ns += self.copy_ns

    def infer(self) -> None:
        self.inferred_at.append(self.ns)
        self.ns += self.durations.pop(0) if len(self.durations) > 1 else self.durations[0]


class Streams:
    """A clock of its own for every thread, all at 17 when it starts: streams that run at once on a scripted time."""

    def __init__(self) -> None:
        self._local = threading.local()

    def now(self) -> int:
        return int(getattr(self._local, "ns", 17))

    def session(self, duration_ns: int, copy_ns: int = 0) -> Stream:
        """A session whose every inference takes so long."""
        return Stream(self, duration_ns, copy_ns)

    def advance(self, ns: int) -> None:
        self._local.ns = self.now() + ns


@dataclasses.dataclass
class Stream:
    """One session of `Streams`; `threads` are those that inferred in it."""

    streams: Streams
    duration_ns: int
    copy_ns: int
    threads: set[int] = dataclasses.field(default_factory=set)
    prepared: list[int] = dataclasses.field(default_factory=list)

    def prepare(self, batch: Batch) -> None:
        self.prepared.append(int(batch["input"][0]))
        self.streams.advance(self.copy_ns)

    def infer(self) -> None:
        self.threads.add(threading.get_ident())
        self.streams.advance(self.duration_ns)


def run(
    world: World, scenario: Scenario, load: Load, plan: LoopPlan, batch: int = 1, seed: int = 0, driver: Driver = "own"
) -> Samples:
    """Drive a scenario in a world."""
    stage = ScenarioContext(world, lambda: world, load, batch, seed, world.now, world.sleep)
    return drive(driver, scenario, stage, BATCHES, plan)


def started(scenario: Scenario, load: Load, batch: int = 1, threads: int = 1, driver: Driver = "own") -> CaseState:
    """A case of which nothing is measured yet."""
    case = Case("m", "fp32", "null", threads=threads, batch=batch, scenario=scenario, load=load, driver=driver)
    artifact = Artifact(Path("m.onnx"), "onnx", "0" * 64, 1)
    return CaseState(PreparedCase(case, artifact, "harness.runtimes.null:null", Options(threads, batch), None))


def answer(samples: Samples, **facts: Any) -> Answer:
    """What a worker answers that took these samples; the CPU time of each is its wall time. `facts` replace others."""
    result: dict[str, Any] = {
        "spawn_ns": 1,
        "import_ns": 2,
        "load_ns": 3,
        "first_inference_ns": 4,
        "involuntary_switches": 0,
        "voluntary_switches": 0,
        "peak_rss_bytes": 100,
        "max_rss_bytes": 100,
        "started_ns": samples.started_ns,
        "ended_ns": samples.ended_ns,
        "inferences": samples.inferences,
        "calls_per_sample": samples.calls,
        "control_ns": 1e6,
        "control_ratio": 1.0,
        "same_input_ratio": None,
        "new_input_ratio": None,
        "cycle_ns": {},
        "os_threads": 1,
        "busy_threads": None,
        "cpu_pressure": 0.0,
        "run_delay": 0.0,
        "gc_frozen": samples.gc_frozen,
        "affinity": list(range(8)),
        "driver_log": samples.log,
        "runtime_info": {},
        **{f"after_{name}": {"at_ns": place, "peak_rss_bytes": 1} for place, name in enumerate(PHASES)},
        **facts,
    }
    wall = np.asarray(samples.wall_ns, np.int64)
    arrays = {"warmup_ns": np.array([7], np.int64), "wall_ns": wall, "cpu_ns": wall.copy(), **samples.more}
    return Answer(result, arrays)


class Worker:
    """In the place of `run_worker`: drives each job's scenario in the world that `build` makes for it."""

    def __init__(self, build: Callable[[Job], World], **facts: Any) -> None:
        self.jobs: list[Job] = []
        self._build = build
        self._facts = facts

    def __call__(self, job: Job, timeout_s: float, watch: Any = None) -> Answer:
        self.jobs.append(job)
        assert job.loop is not None
        world = self._build(job)
        with (watch or nullcontext)(0):
            pass
        stage = ScenarioContext(world, lambda: world, job.load, job.options.batch, job.seed, world.now, world.sleep)
        plan = LoopPlan(job.loop.min_n, job.loop.min_ns, job.loop.max_n, job.options.threads)
        return answer(drive(job.driver, job.scenario, stage, BATCHES, plan), **self._facts)


class Blobs:
    """A place for blobs that keeps the arrays in memory."""

    def __init__(self) -> None:
        self.kept: list[Mapping[str, Any]] = []

    def put_blob(self, arrays: Mapping[str, Any]) -> tuple[str, int]:
        self.kept.append(dict(arrays))
        return f"{len(self.kept):064x}", len(next(iter(arrays.values())))
