"""The measured child process: `python -m harness.measure.worker JOB.json`.

It imports NumPy, the runtime's library and nothing else of weight. It always ends with a `result.json`: what was
measured, or an `error` with its kind; where even that is missing the parent reads the exit status.
"""

from __future__ import annotations

import time

_FIRST_LINE_NS = time.perf_counter_ns()

import ctypes  # noqa: E402
import dataclasses  # noqa: E402
import importlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import resource  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
import traceback  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from harness.runtimes.base import Batch, Runtime, Session, SessionError, synthesise  # noqa: E402

from . import loop as timed_loop  # noqa: E402
from . import scenarios  # noqa: E402
from .control import control_ns  # noqa: E402
from .job import Job, Loop, Phase  # noqa: E402
from .loop import Plan  # noqa: E402
from .rss import mark, peak_rss_bytes  # noqa: E402

Arrays = dict[str, NDArray[Any]]
N_FEEDS = 8
"""Inputs taken in rotation, so that neither a cache nor a constant input flatters."""


def main(argv: Sequence[str] | None = None) -> int:
    """Do the job, write `result.json` and `arrays.npz` into its folder; 0 when measured, 1 when not."""
    _die_with_parent()
    job = Job.read(Path((argv or sys.argv[1:])[0]))
    arrays: Arrays = {}
    try:
        result, arrays = _work(job)
    except SessionError as error:
        result = {"error": "unsupported", "message": str(error)}
    except MemoryError as error:
        result = {"error": "out-of-memory", "message": str(error) or "the process could not get more memory"}
    except Exception as error:  # whatever a runtime raises is this case's result
        traceback.print_exc()
        result = {"error": "crashed", "message": f"{type(error).__name__}: {error}"}
    _write(Path(job.out), result, arrays)
    return 1 if "error" in result else 0


def _die_with_parent() -> None:
    """Ask Linux for SIGKILL when the parent ends: a killed run leaves no process that sleeps for ever on the board."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _write(out: Path, result: dict[str, Any], arrays: Arrays) -> None:
    """Arrays first: a `result.json` promises that everything it names is there."""
    np.savez(out / "arrays.npz", **arrays)  # type: ignore[arg-type]
    partial = out / "result.json.part"
    partial.write_text(json.dumps(result), encoding="utf-8")
    partial.rename(out / "result.json")


def _work(job: Job) -> tuple[dict[str, Any], Arrays]:
    if job.affinity:
        os.sched_setaffinity(0, job.affinity)
    runtime = _runtime(job)
    before_import = time.perf_counter_ns()
    runtime.load_library()
    imported = time.perf_counter_ns()
    after_import = mark()
    before_load = time.perf_counter_ns()
    session = runtime.open(Path(job.model), job.options)
    loaded = time.perf_counter_ns()
    result = {
        "spawn_ns": _FIRST_LINE_NS - job.spawned_ns,
        "import_ns": imported - before_import,
        "load_ns": loaded - before_load,
        "after_import": after_import,
        "after_load": mark(),
        "affinity": sorted(os.sched_getaffinity(0)),
        "os_threads": sum(1 for _ in Path("/proc/self/task").iterdir()),
        "inputs": [{"name": s.name, "shape": list(s.shape), "dtype": s.dtype} for s in session.inputs],
    }
    more, arrays = _PHASES[job.phase](session, job)
    return {**result, **more, "runtime_info": session.info(), "peak_rss_bytes": peak_rss_bytes()}, arrays


def _runtime(job: Job) -> Runtime:
    module, _, attribute = job.runtime.partition(":")
    runtime: Runtime = getattr(importlib.import_module(module), attribute)
    return runtime


def _inspect(session: Session, job: Job) -> tuple[dict[str, Any], Arrays]:
    """Nothing more: the inputs are in every result."""
    return {}, {}


def _latency(session: Session, job: Job) -> tuple[dict[str, Any], Arrays]:
    if job.loop is None:
        raise ValueError("a latency job needs a loop")
    batches = _feeds(session, job)
    session.prepare(batches[0])
    before = time.perf_counter_ns()
    session.infer()
    first_ns = time.perf_counter_ns() - before
    after_first = mark()
    result, arrays = _steady_loop(session, batches, job.loop, job)
    outputs = {name: list(array.shape) for name, array in session.fetch().items()}
    marks = {"after_first": after_first, "after_steady": mark()}
    return {"first_inference_ns": first_ns, "outputs": outputs, **marks, **result}, arrays


def _steady_loop(session: Session, batches: list[Batch], loop: Loop, job: Job) -> tuple[dict[str, Any], Arrays]:
    """Warm up, then the scenario between two runs of the control kernel, then SingleStream with one input repeated."""
    threads = job.options.threads
    warm = timed_loop.run(session, batches, Plan(loop.warmup_n, loop.warmup_ns, loop.max_n, threads))
    calls = timed_loop.calls_per_sample(float(np.median(warm.wall_ns)))
    another = partial(_runtime(job).open, Path(job.model), job.options)
    stage = scenarios.Stage(session, another, job.load, job.options.batch, job.seed)
    control_before = control_ns()
    switches = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
    plan = Plan(loop.min_n, loop.min_ns, loop.max_n, threads, calls)
    samples = scenarios.drive(job.driver, job.scenario, stage, batches, plan)
    result = {
        "involuntary_switches": resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw - switches,
        "started_ns": samples.started_ns,
        "ended_ns": samples.ended_ns,
        "inferences": samples.inferences,
        "calls_per_sample": samples.calls,
        "control_ratio": control_ns() / control_before,
        "same_input_ratio": None,
        "driver_log": samples.log,
    }
    if job.scenario == "SingleStream":
        same = timed_loop.run(session, batches[:1], Plan(loop.min_n // 4 + 1, 0, loop.max_n, threads, calls))
        result["same_input_ratio"] = float(np.median(same.wall_ns) / np.median(samples.wall_ns))
    return result, {"warmup_ns": warm.wall_ns, "wall_ns": samples.wall_ns, "cpu_ns": samples.cpu_ns, **samples.more}


def _feeds(session: Session, job: Job) -> list[Batch]:
    """Real inputs where the parent gave some, else seeded ones of the graph's signature."""
    if job.feeds is not None:
        spec = _only_input(session)
        rows = np.load(job.feeds, allow_pickle=False)
        several = (np.arange(len(rows))[:, None] + np.arange(job.options.batch)) % len(rows)
        return [{spec.name: spec.encode(rows[index])} for index in several]
    rng = np.random.default_rng(job.seed)
    return [{spec.name: synthesise(spec, job.options, rng) for spec in session.inputs} for _ in range(N_FEEDS)]


def _only_input(session: Session) -> Any:
    if len(session.inputs) != 1:
        names = [spec.name for spec in session.inputs]
        raise SessionError(f"images need a model with one input, this one has {len(names)}: {names}")
    return session.inputs[0]


def _accuracy(session: Session, job: Job) -> tuple[dict[str, Any], Arrays]:
    from harness.accuracy.dataset import open_dataset
    from harness.accuracy.preprocess import preprocess

    if job.labelled is None:
        raise ValueError("an accuracy job needs labelled images")
    spec = _only_input(session)
    dataset = open_dataset(job.labelled.kind, Path(job.labelled.path))
    outputs, labels = [], []
    for image, label in dataset.items(job.labelled.limit):
        session.prepare({spec.name: spec.encode(preprocess(image, job.labelled.preprocess)[None])})
        session.infer()
        outputs.append(next(iter(session.fetch().values())).reshape(-1).astype(np.float32))
        labels.append(label)
    return {"classes": dataset.classes}, {"outputs": np.stack(outputs), "labels": np.array(labels, np.int64)}


def _profile(session: Session, job: Job) -> tuple[dict[str, Any], Arrays]:
    from .operators import take_apart

    session.prepare(_feeds(session, job)[0])
    return {"operators": dataclasses.asdict(take_apart(session))}, {}


_PHASES: dict[Phase, Callable[[Session, Job], tuple[dict[str, Any], Arrays]]] = {
    "inspect": _inspect,
    "latency": _latency,
    "accuracy": _accuracy,
    "profile": _profile,
}


if __name__ == "__main__":
    raise SystemExit(main())
