"""Fakes of what the protocol is made of: a machine whose clocks move only as scripted, and worker processes."""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.core.execution import Execution
from harness.core.quantity import Missing
from harness.core.record import Record
from harness.measure import machine_speed
from harness.measure.block import RunContext, measure_block
from harness.measure.metrics import latency_metrics
from harness.measure.passes import accuracy, denormals, diagnostics, energy, fidelity, latency
from harness.measure.passes.accuracy import AccuracyPass
from harness.measure.passes.energy import EnergyPass
from harness.measure.passes.latency import CaseState, LatencyPass
from harness.measure.passes.surroundings import SurroundingsWatch
from harness.measure.passes.worker_process import Answer, WorkerFailure
from harness.measure.prepared import PreparedCase
from harness.measure.presets import Profile, profile
from harness.measure.protocol import PHASES, Job, Loop
from harness.measure.selfcheck import checks
from harness.measure.verdicts import verdict
from harness.measure.worker import __main__, loop
from harness.measure.worker import latency as timing
from harness.runs import session
from harness.runtimes.base import Batch, Options, Outputs, Session, TensorSpec
from harness.runtimes.graph_counts import Counts
from harness.runtimes.null import NullRuntime
from tests.fakes.worker import checked_answer

US, MS = 1_000, 1_000_000
SECOND = 1_000 * MS
NO_SENSOR = Missing("no power sensor: /sys/class/powercap is absent")

NO_PROCESS = 2**22 + 1
"""A process id that Linux never gives."""


# --- one process ------------------------------------------------------------------------------------------------------


class Machine:
    """Clocks that move only when something is said to work, and everything that happened, in order.

    Reading a clock takes `read_ns` of CPU time and no wall time, so that what is measured is known to the nanosecond.
    `fixed_work_ns` is what the fixed piece of work takes, one time after the other.
    """

    def __init__(self, read_ns: int = 0) -> None:
        self.read_ns = read_ns
        self.wall_ns, self.thread_ns, self.process_ns = 5 * SECOND, 7 * SECOND, 11 * SECOND
        self.events: list[str] = []
        self.fixed_work_ns: list[float] = []

    def work(self, wall_ns: int, cpu_ns: int | None = None, helpers: int = 0) -> None:
        """Let time pass: CPU time of the calling thread is `cpu_ns`, as long again for each of the `helpers`."""
        cpu_ns = wall_ns if cpu_ns is None else cpu_ns
        self.wall_ns += wall_ns
        self.thread_ns += cpu_ns
        self.process_ns += cpu_ns * (1 + helpers)

    def wall(self) -> int:
        return self._read("wall", self.wall_ns)

    def thread(self) -> int:
        return self._read("thread", self.thread_ns)

    def process(self) -> int:
        return self._read("process", self.process_ns)

    def _read(self, name: str, value: int) -> int:
        self.events.append(name)
        self.thread_ns += self.read_ns
        self.process_ns += self.read_ns
        return value


class Scripted(Session):
    """A net whose n-th inference, from 0, takes `takes_ns(n)`, or half of it for the input it had before.

    `prepared` holds the number of the input of each inference, in the order in which the inputs first came. With
    `caches`, every input that ever came takes next to nothing. Work may be done elsewhere than in `infer`: `prepare_ns`
    and `fetch_ns`.
    """

    inputs = (TensorSpec("x", (1, 4), "float32"),)

    def __init__(
        self,
        machine: Machine,
        takes_ns: Callable[[int], int] = lambda _n: MS,
        *,
        remembers: bool = False,
        cpu_share: float = 1.0,
        helpers: int = 0,
        prepare_ns: int = 0,
        fetch_ns: int = 0,
        caches: bool = False,
    ) -> None:
        self._machine, self._takes_ns, self._remembers = machine, takes_ns, remembers
        self._cpu_share, self._helpers, self._prepare_ns = cpu_share, helpers, prepare_ns
        self._fetch_ns, self._caches = fetch_ns, caches
        self._numbers: dict[bytes, int] = {}
        self.arrays: list[NDArray[Any]] = []
        self._input = -1
        self.prepared: list[int] = []
        self.collecting: list[bool] = []

    def prepare(self, batch: Batch) -> None:
        self._machine.events.append("prepare")
        self._machine.work(self._prepare_ns)
        (array,) = batch.values()
        key = array.tobytes()
        if key not in self._numbers:
            self.arrays.append(array)
        self._input = self._numbers.setdefault(key, len(self._numbers))

    def infer(self) -> None:
        self._machine.events.append("infer")
        known = self._remembers and self.prepared[-1:] == [self._input]
        took_ns = self._takes_ns(len(self.prepared)) // (2 if known else 1)
        if self._caches and self._input in self.prepared:
            took_ns = US
        self.prepared.append(self._input)
        self.collecting.append(gc.isenabled())
        self._machine.work(took_ns, round(took_ns * self._cpu_share), self._helpers)

    def fetch(self) -> Outputs:
        self._machine.events.append("fetch")
        self._machine.work(self._fetch_ns)
        return {"y": np.zeros((1, 10), np.float32)}

    def info(self) -> dict[str, Any]:
        return {"library": "scripted"}


class ScriptedRuntime(NullRuntime):
    """Opens `session` after `load_ns`; its library takes `import_ns` to import."""

    def __init__(self, machine: Machine, session: Session, import_ns: int = 70 * MS, load_ns: int = 30 * MS) -> None:
        self._machine, self._session, self._import_ns, self._load_ns = machine, session, import_ns, load_ns

    def load_library(self) -> None:
        self._machine.events.append("import")
        self._machine.work(self._import_ns)

    def open(self, path: Path, options: Options) -> Session:  # type: ignore[override]
        self._machine.events.append("load")
        self._machine.work(self._load_ns)
        return self._session


RUNTIME: ScriptedRuntime
"""What the worker opens; `in_process` sets it."""


def in_process(
    patch: pytest.MonkeyPatch, folder: Path, machine: Machine, session: Session, **job: Any
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Run the worker's main program here, on the scripted machine; what it wrote: result and arrays.

    `job` replaces fields of a latency job with three inferences of warm-up and 40 of the timed loop.
    """
    global RUNTIME  # noqa: PLW0603 - the worker imports its runtime by name
    RUNTIME = ScriptedRuntime(machine, session)
    clocks = {"perf_counter_ns": machine.wall, "thread_time_ns": machine.thread, "process_time_ns": machine.process}
    original = loop.run

    def run(driven: Any, batches: Any, plan: Any, clock: Any = None) -> Any:
        machine.events.append("loop")
        samples = original(driven, batches, plan, machine.wall)
        machine.events.append("end of loop")
        return samples

    def control_ns() -> float:
        machine.events.append("fixed work")
        return machine.fixed_work_ns.pop(0) if machine.fixed_work_ns else 1e6

    folder.mkdir(parents=True, exist_ok=True)
    made = Job(
        **{
            "phase": "latency",
            "runtime": f"{__name__}:RUNTIME",
            "model": "m.onnx",
            "out": str(folder),
            "loop": Loop(3, 0, 40, 0),
            **job,
        }
    )
    made.write(folder / "job.json")
    with patch.context() as during:
        for name, clock in clocks.items():
            during.setattr(time, name, clock)
        during.setattr(loop, "run", run)
        during.setattr(gc, "collect", lambda: 0)  # the heap of a test run is large
        during.setattr(timing, "control_ns", control_ns)
        during.setattr(__main__, "raise_oom_score", lambda: machine.events.append("die first"))
        __main__.main([str(folder / "job.json")])
    with np.load(folder / "arrays.npz") as arrays:
        return json.loads((folder / "result.json").read_text()), dict(arrays)


def on_cpus(patch: pytest.MonkeyPatch, machine: Machine, allowed: set[int]) -> None:
    """A kernel that grants those of the CPUs asked for that are `allowed`."""
    given = set(allowed)

    def set_affinity(_pid: int, cpus: Sequence[int]) -> None:
        machine.events.append(f"pin {sorted(cpus)}")
        if not allowed.issuperset(cpus):
            raise OSError(22, "Invalid argument")
        given.clear()
        given.update(cpus)

    patch.setattr(os, "sched_setaffinity", set_affinity)
    patch.setattr(os, "sched_getaffinity", lambda _pid: set(given))


# --- what a process answers -------------------------------------------------------------------------------------------


def prepared(case: Case | None = None, **changes: Any) -> PreparedCase:
    """A case of the runtime that does nothing, ready to run."""
    case = case or Case("m", "fp32", "null")
    artifact = Artifact(Path(f"{case.model}-{case.compression}.onnx"), "onnx", case.compression.ljust(64, "0"), 1)
    return PreparedCase(
        **{
            "case": case,
            "artifact": artifact,
            "runtime": "harness.runtimes.null:null",
            "options": Options(case.threads, case.batch),
            "labelled": None,
            **changes,
        }
    )


def steady(median_ns: float = 2 * MS, n: int = 12, spread: float = 0.004) -> NDArray[np.int64]:
    """Independent samples whose median is the one given; too few for the change-point test unless n is 20 or more."""
    noise = np.exp(spread * np.random.default_rng(n).standard_normal(n))
    return np.rint(median_ns * noise / np.median(noise)).astype(np.int64)


def answer(wall_ns: Any = None, cpu_share: float = 1.0, warmup_ns: Any = (2 * MS,), **facts: Any) -> Answer:
    """What a latency process answers that measured these wall times; `facts` replace those of its result."""
    wall = steady() if wall_ns is None else np.asarray(wall_ns, np.int64)
    result: dict[str, Any] = {
        "spawn_ns": 1,
        "import_ns": 2,
        "load_ns": 3,
        "first_inference_ns": 4,
        "involuntary_switches": 0,
        "voluntary_switches": 0,
        "peak_rss_bytes": 100,
        "max_rss_bytes": 200,
        "started_ns": 0,
        "ended_ns": int(wall.sum()),
        "inferences": len(wall),
        "calls_per_sample": 1,
        "control_ns": 1e6,
        "control_ratio": 1.0,
        "same_input_ratio": 1.0,
        "new_input_ratio": 1.0,
        "cycle_ns": {},
        "os_threads": 1,
        "busy_threads": 1,
        "cpu_pressure": 0.0,
        "run_delay": 0.0,
        "gc_frozen": 1000,
        "affinity": list(range(8)),
        "driver_log": "",
        "runtime_info": {},
        **{f"after_{phase}": {"at_ns": number, "peak_rss_bytes": 100} for number, phase in enumerate(PHASES)},
        **facts,
    }
    cpu = np.rint(wall * cpu_share).astype(np.int64)
    return Answer(result, {"wall_ns": wall, "cpu_ns": cpu, "warmup_ns": np.asarray(warmup_ns, np.int64)})


def probe_answer(outputs: Any, counts: Counts | Missing | None = None, **execution: Any) -> Answer:
    """What the probe answers that saw these outputs (inputs x outputs)."""
    told = dataclasses.asdict(Execution(**execution))
    counted = dataclasses.asdict(counts or Missing("not counted"))
    return Answer({"execution": told, "counts": counted}, {"outputs": np.asarray(outputs, np.float32)})


def accuracy_answer(outputs: Any, labels: Sequence[int]) -> Answer:
    """What an accuracy pass answers that saw these outputs (images x classes)."""
    scores = np.asarray(outputs, np.float32)
    facts = {"label_mapping": {"classes": scores.shape[1], "complete": True, "imagenet": ()}, "parts": [], "stop": {}}
    ones = np.ones(len(scores), np.int64)
    arrays = {
        "outputs": scores,
        "output_counts": ones,
        "places": np.arange(len(scores)),
        "labels": np.asarray(labels, np.int64),
        "label_counts": ones,
    }
    return Answer(facts, arrays)


PLAIN = np.arange(40, dtype=np.float32).reshape(4, 10) % 7 + 1


def usual(job: Job) -> Answer:
    """What a worker of any phase answers where all is well."""
    if job.phase == "probe":
        return probe_answer(PLAIN)
    if job.phase == "accuracy":
        return accuracy_answer(PLAIN, [0, 1, 2, 3])
    if job.phase == "profile":
        return Answer({"operators": {"reason": "no profiler"}}, {})
    if job.phase == "denormals":
        return Answer({"median_ns": 1.0, "tiny": ""}, {})
    return answer(steady())


# --- a case and a block -----------------------------------------------------------------------------------------------

Run = Callable[[Job], Answer | WorkerFailure]


@dataclass
class Blobs:
    """Keeps the raw samples it is given, the last ones last."""

    kept: list[dict[str, NDArray[Any]]] = field(default_factory=list)

    def put_blob(self, arrays: Mapping[str, NDArray[Any]]) -> tuple[str, int]:
        self.kept.append(dict(arrays))
        return f"{len(self.kept):064x}", len(next(iter(arrays.values())))


def replace_workers(patch: pytest.MonkeyPatch, run: Run) -> list[Job]:
    """Let `run` answer in the place of every process, in all passes; the jobs in the order in which they come."""
    jobs: list[Job] = []

    def run_worker(job: Job, timeout_s: float, watch: Any = None) -> Answer | WorkerFailure:
        jobs.append(job)
        return checked_answer(job, run(job))

    for module in (latency, fidelity, accuracy, energy, diagnostics, denormals):
        patch.setattr(module, "run_worker", run_worker)
    patch.setattr(checks, "run_worker", lambda _job, timeout_s: answer(warmup_ns=[140] * 3000))
    patch.setattr(machine_speed, "run_worker", lambda _job, _timeout_s: answer())
    patch.setattr(machine_speed, "OtherPrograms", lambda _fs: SimpleNamespace(cpus=lambda: 0.0))
    patch.setattr(session, "MemoryControl", lambda _fs: SimpleNamespace(ns=lambda _cpus: 1e6))
    patch.setattr(session, "SurroundingsWatch", lambda *_: SurroundingsWatch())
    return jobs


def measure(
    patch: pytest.MonkeyPatch, cases: Sequence[PreparedCase], how: Profile, run: Run, seed: int = 0, **more: Any
) -> tuple[list[CaseState], list[Job]]:
    """Run the latency pass of `cases`; what it found, and the jobs in order."""
    jobs = replace_workers(patch, run)
    states = [CaseState(each) for each in cases]
    blobs = more.pop("blobs", None) or Blobs()
    for _ in LatencyPass(how, blobs, more.pop("scratch", Path("scratch")), seed, **more).measure(states):
        pass
    return states, jobs


def records(
    patch: pytest.MonkeyPatch,
    scratch: Path,
    cases: Sequence[PreparedCase],
    run: Run = usual,
    references: Mapping[Case, PreparedCase] | None = None,
    **setting: Any,
) -> tuple[list[Record], list[Job]]:
    """Measure a block in all its passes; its records, and the jobs in order."""
    jobs = replace_workers(patch, run)
    blobs = Blobs()
    how = RunContext(
        **{
            "run_id": "run",
            "target": "x86-64",
            "profile": profile("quick"),
            "seed": 0,
            "blobs": blobs,
            "scratch": scratch,
            "scores": AccuracyPass(scratch),
            "energy": EnergyPass((), NO_SENSOR),
            **setting,
        }
    )
    found = [event for event in measure_block(cases, references or {}, how) if isinstance(event, Record)]
    return found, jobs


def state_of(answers: Sequence[Answer], case: Case | None = None, how: str = "quick", blobs: Any = None) -> CaseState:
    """A case after processes that gave these answers."""
    state = CaseState(prepared(case))
    for place, each in enumerate(answers):
        state.add(each, place, blobs or Blobs(), profile(how))
    return state


def judged(state: CaseState, how: str = "quick", machine: Any = None) -> Any:
    """The verdict on what was measured."""
    return verdict(state, latency_metrics(state, profile(how)), profile(how), machine)
