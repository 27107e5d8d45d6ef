"""The timed phases of a worker: 'latency', and 'stamps', which also notes when each sample began."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.measure.protocol import Job
from harness.runtimes.base import Batch, Session

from . import loop as timed_loop
from . import scenarios
from .control import control_ns
from .inputs import described, load_inputs
from .loop import LoopPlan, Samples
from .os_counters import delta, memory_mark, own_rss_bytes, peaks, snapshot
from .progress import note
from .setup import Outcome, adapter
from .time_limit import time_limit
from .timed_part import whole_inference


def latency(session: Session, job: Job) -> Outcome:
    """Return every duration of one process, the kernel's counters meanwhile, and what the timed part leaves out."""
    if job.loop is None:
        raise ValueError("a latency job needs a loop")
    batches, loop, threads = load_inputs(session, job), job.loop, job.options.threads
    session.prepare(batches[0])
    before = time.perf_counter_ns()
    session.infer()
    first_ns = time.perf_counter_ns() - before
    after_first = memory_mark()
    note(job.out, first_inference_ns=first_ns)
    limit, own_ns = time_limit(job), int(job.own_time_s * 1e9)
    limit.require(first_ns, job)
    warmed = min(limit.less(own_ns).part(_WARMING), limit.less(own_ns + job.query * first_ns).end_ns)
    warming = LoopPlan(loop.warmup_n, loop.warmup_ns, loop.max_n, threads, end_ns=warmed)
    warm = timed_loop.run(session, batches, warming)
    once_ns = float(np.median(warm.wall_ns))
    note(job.out, warmup_n=len(warm.wall_ns), warmup_median_ns=round(once_ns))
    calls = timed_loop.calls_per_sample(once_ns)
    plan = LoopPlan(loop.min_n, loop.min_ns, loop.max_n, threads, calls, limit.part(_TIMING, own_ns))
    result, arrays = _steady_loop(session, batches, plan, job)
    outputs = {name: list(array.shape) for name, array in session.fetch().items()}
    marks = {"after_first": after_first, "after_steady": memory_mark(), **peaks()}
    once = job.scenario == "SingleStream"
    whole = whole_inference(session, batches, plan, arrays["wall_ns"] if once else None, limit, once_ns)
    told = {"first_inference_ns": first_ns, "outputs": outputs, **marks, **result, **whole}
    told["input_values"] = described(session, job)
    return told, {"warmup_ns": warm.wall_ns, **arrays}


def _steady_loop(session: Session, batches: list[Batch], plan: LoopPlan, job: Job) -> Outcome:
    """Run the scenario between two runs of the control kernel."""
    marked = _ResidentMarks(session)
    driven = marked if (job.driver, job.scenario) in _MARKED else session
    another = partial(adapter(job).open, Path(job.model), job.options)
    stage = scenarios.ScenarioContext(driven, another, job.load, job.options.batch, job.seed)
    control_before = control_ns()
    before = snapshot()
    samples = scenarios.drive(job.driver, job.scenario, stage, batches, plan)
    marked.mark()
    result: dict[str, Any] = {
        **delta(before, snapshot()),
        "gc_frozen": samples.gc_frozen,
        "started_ns": samples.started_ns,
        "ended_ns": samples.ended_ns,
        "inferences": samples.inferences,
        "calls_per_sample": samples.calls,
        "control_ns": control_before,
        "control_ratio": control_ns() / control_before,
        "driver_log": samples.log,
        "cut_short": _cut_short(samples, plan, job) if samples.cut_short else {},
        "inputs_in_rotation": len(batches),
        "resident_bytes": marked.marks if driven is marked else [],
    }
    return result, {"wall_ns": samples.wall_ns, "cpu_ns": samples.cpu_ns, **samples.more}


_WARMING, _TIMING = 0.25, 0.75
"""Shares of the time that is left after the first inference, and after the warm-up."""


def _cut_short(samples: Samples, plan: LoopPlan, job: Job) -> dict[str, float]:
    """Return how many samples the time limit left of how many, one of them in seconds, and the limit for all."""
    sample_ns = float(np.median(samples.wall_ns)) * samples.calls
    return {
        "done": len(samples.wall_ns),
        "planned": plan.min_n,
        "sample_s": sample_ns / 1e9,
        "needed_s": job.needed_s((samples.started_ns - job.spawned_ns) / 1e9, sample_ns / job.query / 1e9),
    }


_MARKED = frozenset({("own", "SingleStream"), ("own", "sustained")})
"""Drivers and scenarios that copy an input in outside of what is timed, once for each sample."""
_SAMPLE_BYTES = 16
"""What the loop itself keeps of each sample."""


class _ResidentMarks:
    """A session that notes what the process holds before sample 0, 8, 16, 32, ...: outside of what is timed.

    `marks` has the number of samples so far and the bytes then, without those of the samples themselves.
    """

    def __init__(self, session: Session) -> None:
        self.marks: list[tuple[int, int]] = []
        self.infer = session.infer
        self._prepare = session.prepare
        self._samples, self._next = 0, 0

    def prepare(self, batch: Batch) -> None:
        if self._samples == self._next:
            self.mark()
            self._next = max(8, 2 * self._samples)
        self._samples += 1
        self._prepare(batch)

    def mark(self) -> None:
        self.marks.append((self._samples, own_rss_bytes() - _SAMPLE_BYTES * self._samples))


class _Stamped:
    """A session that notes the time when an input is in place: outside of what is timed."""

    def __init__(self, session: Session) -> None:
        self.at_ns: list[int] = []
        self.infer = session.infer
        self._prepare = session.prepare

    def prepare(self, batch: Batch) -> None:
        self._prepare(batch)
        self.at_ns.append(time.perf_counter_ns())


def stamps(session: Session, job: Job) -> Outcome:
    """Return the arrays 'at_ns' (on the clock all processes share), 'wall_ns' and 'cpu_ns', one entry per sample."""
    if job.loop is None:
        raise ValueError("a stamps job needs a loop")
    batches, loop, threads = load_inputs(session, job), job.loop, job.options.threads
    limit = time_limit(job)
    warming = LoopPlan(loop.warmup_n, loop.warmup_ns, loop.max_n, threads, end_ns=limit.part(_WARMING))
    calls = timed_loop.calls_per_sample(float(np.median(timed_loop.run(session, batches, warming).wall_ns)))
    stamped = _Stamped(session)
    plan = LoopPlan(loop.min_n, loop.min_ns, loop.max_n, threads, calls, limit.part(1))
    samples = timed_loop.run(stamped, batches, plan)
    result: dict[str, Any] = {"started_ns": samples.started_ns, "ended_ns": samples.ended_ns}
    arrays = {"at_ns": np.array(stamped.at_ns, np.int64), "wall_ns": samples.wall_ns, "cpu_ns": samples.cpu_ns}
    return result, arrays
