"""A stand-in for `run_worker`: answers from a script, so that the passes are tested without a process or a clock."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.verdict import Status, Verdict
from harness.measure.passes.worker_process import Answer, WorkerFailure
from harness.measure.protocol import Job
from harness.measure.worker.probe import ReferenceOutputs, checked

MS = 1_000_000
CRASH = WorkerFailure(Verdict("crashed", "the process was ended by SIGSEGV", "update the runtime"), "boom\n")

PASSES = (
    "harness.measure.passes.latency.run_worker",
    "harness.measure.passes.energy.run_worker",
    "harness.measure.passes.fidelity.run_worker",
    "harness.measure.passes.accuracy.run_worker",
    "harness.measure.passes.denormals.run_worker",
)
"""Where the passes look `run_worker` up."""

Script = Callable[[Job], Answer | WorkerFailure]


def failure(status: Status, reason: str = "because") -> WorkerFailure:
    """A worker that ended so."""
    return WorkerFailure(Verdict(status, reason), f"log of a worker: {status}\n")


def timed(wall_ns: Sequence[int] = (2 * MS,) * 20, **changes: Any) -> Answer:
    """What a latency worker answers: one thread that computed all the time; `changes` replace what it says."""
    wall = np.array(wall_ns, np.int64)
    phases = {
        f"after_{name}": {"at_ns": 0, "peak_rss_bytes": 1 << 20} for name in ("import", "load", "first", "steady")
    }
    result = {
        "spawn_ns": 10 * MS,
        "import_ns": 20 * MS,
        "load_ns": 5 * MS,
        "first_inference_ns": 3 * MS,
        "involuntary_switches": 0,
        "voluntary_switches": 0,
        "peak_rss_bytes": 50 << 20,
        "max_rss_bytes": 50 << 20,
        "started_ns": 0,
        "ended_ns": int(wall.sum()),
        "inferences": len(wall),
        "calls_per_sample": 1,
        "control_ns": 1e6,
        "control_ratio": 1.0,
        "same_input_ratio": None,
        "new_input_ratio": None,
        "cycle_ns": {},
        "os_threads": 1,
        "busy_threads": 1,
        "cpu_pressure": 0.0,
        "run_delay": 0.0,
        "gc_frozen": 0,
        "affinity": [0],
        "driver_log": "",
        "inputs": [{"name": "input", "shape": [1, 3, 8, 8], "dtype": "float32", "measured": [1, 3, 8, 8]}],
        "outputs": {"output": [1, 10]},
        "runtime_info": {"version": "1.0"},
        **phases,
        **changes,
    }
    return Answer(result, {"wall_ns": wall, "cpu_ns": wall, "warmup_ns": wall[:2]})


def inspected(inputs: Mapping[str, Sequence[int]], outputs: Mapping[str, Sequence[int]], samples: int = 1) -> Answer:
    """What an inspection answers of a model whose inputs all have fixed shapes."""
    result = {
        "inputs": [
            {"name": name, "shape": list(shape), "dtype": "float32", "measured": list(shape)}
            for name, shape in inputs.items()
        ],
        "outputs": {name: list(shape) for name, shape in outputs.items()},
        "samples": samples,
        "free": [],
        "unclear": [],
        "values": {},
        "n_inputs": 8,
    }
    return Answer(result, {})


def probed(outputs: NDArray[Any], effective: str = "fp32") -> Answer:
    """What a probe answers."""
    execution = {"effective": effective, "evidence": "the test", "findings": []}
    return Answer(
        {"execution": execution, "counts": {"parameters": 1000, "macs": 2000}},
        {"outputs": outputs.astype(np.float32)},
    )


def scored(outputs: NDArray[Any], labels: Sequence[int], classes: int | None = None, **changes: Any) -> Answer:
    """What an accuracy worker answers; `classes` of the data set are the outputs' where not given."""
    mapping = {"classes": classes or outputs.shape[1], "complete": True, "imagenet": ()}
    result = {"label_mapping": mapping, "parts": [], "stop": {}, **changes}
    ones = np.ones(len(labels), np.int64)
    arrays: dict[str, NDArray[Any]] = {
        "outputs": outputs.astype(np.float32),
        "output_counts": ones,
        "labels": np.array(labels, np.int64),
        "label_counts": ones,
        "places": np.arange(len(labels)),
    }
    return Answer(result, arrays)


@dataclass
class FakeWorkers:
    """Called as `run_worker` is. `scripts` answer by phase; `jobs` are those that were given, in order."""

    scripts: Mapping[str, Script]
    jobs: list[Job] = field(default_factory=list)

    def __call__(
        self, job: Job, timeout_s: float, watch: Callable[[int], AbstractContextManager[Any]] = nullcontext
    ) -> Answer | WorkerFailure:
        self.jobs.append(job)
        with watch(0):
            return checked_answer(job, self.scripts[job.phase](job))

    def of(self, phase: str) -> list[Job]:
        """The jobs of one phase."""
        return [job for job in self.jobs if job.phase == phase]


def checked_answer(job: Job, answer: Answer | WorkerFailure) -> Answer | WorkerFailure:
    """The answer of a probe whose outputs are checked as the worker does.

    They are arrays of inputs x values: 'outputs' of a net with the one output 'y', or 'outputs/NAME' of several, and
    'again/NAME' what a reference answers when it is asked a second time.
    """
    if job.phase != "probe" or isinstance(answer, WorkerFailure) or not answer.arrays:
        return answer
    outputs = {name.removeprefix("outputs/").replace("outputs", "y"): one for name, one in answer.arrays.items()}
    first = {name: values for name, values in outputs.items() if not name.startswith("again/")}
    second = {name: outputs.get(f"again/{name}", values) for name, values in first.items()}
    asked = iter((first, second))
    reference = ReferenceOutputs.read(Path(job.reference_outputs)) if job.reference_outputs else None

    def answers() -> list[dict[str, NDArray[Any]]]:
        return [dict(zip(first, row, strict=True)) for row in zip(*next(asked).values(), strict=True)]

    found = [dataclasses.asdict(one) for one in checked(answers, job, reference=reference)]
    return Answer({**answer.result, "outputs_checked": found}, {})


def in_turn(*answers: Answer | WorkerFailure) -> Script:
    """One answer after the other, the last again and again."""
    rest: Iterator[Answer | WorkerFailure] = iter(answers)
    last = [answers[-1]]

    def script(_: Job) -> Answer | WorkerFailure:
        last[0] = next(rest, last[0])
        return last[0]

    return script
