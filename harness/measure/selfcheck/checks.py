"""How good the instrument is on this machine: what the harness adds, and how far its clock and ground can be trusted.

Each check is one number with the target it should stay below; nothing here looks at a model's speed.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from harness import stats
from harness.core import plugins
from harness.core.quantity import Missing, Quantity, Value
from harness.core.sensing import Sensor
from harness.measure.passes.worker_process import WorkerFailure, run_worker
from harness.measure.prepared import PreparedCase
from harness.measure.protocol import Job, Loop
from harness.measure.worker.control import control_ns
from harness.sensors.sampler import Sampler, sampled_channels

from .perturbation import BLOCK_NS, FEWEST, Alternation, import_costs, slowdown

_MIB = 1 << 20
_WARMUP_NS = 200_000_000
_FEWEST_RUNS = 20
_X86_64 = ("x86_64", "AMD64")


@dataclass(frozen=True)
class Check:
    """One property of the instrument: its `quantity` in `unit` should be at most `target`."""

    name: str
    title: str
    quantity: Quantity
    unit: str
    target: float
    remedy: str

    @property
    def status(self) -> Literal["ok", "warn", "unknown"]:
        """'unknown' where there is no number, or its interval holds the target."""
        if isinstance(self.quantity, Missing):
            return "unknown"
        lo, hi = (self.quantity.value if end is None else end for end in (self.quantity.lo, self.quantity.hi))
        if hi <= self.target:
            return "ok"
        return "warn" if lo > self.target else "unknown"


_SETTLE = 2000
_LOOP = Loop(warmup_n=_SETTLE + 10_000, warmup_ns=0, min_n=1, min_ns=0, max_n=_SETTLE + 10_000)


def loop_overhead_ns(scratch: Path) -> Quantity:
    """Return the median wall nanoseconds the loop measures around an empty call, in a fresh process.

    Taken from the warm-up: that is timed call by call, while the timed loop takes calls this short in batches, which
    is not what an inference of a millisecond sees.
    """
    job = Job("latency", plugins.reference("runtimes", "null"), model="", out=str(scratch / "null"), loop=_LOOP)
    answer = run_worker(job, timeout_s=60)
    if isinstance(answer, WorkerFailure):
        return Missing(f"the null runtime ended as {answer.verdict.status}: {answer.verdict.reason}")
    wall = answer.arrays["warmup_ns"][_SETTLE:]
    return Value(float(np.median(wall)), n=len(wall))


def loop_overhead(scratch: Path, arch: str) -> Check:
    """Measure what the timed loop adds to an inference; `arch` as `platform.machine` gives it.

    Target: 150 ns on x86-64, elsewhere 1 % of the 50 us below which calls are timed in batches.
    """
    target = 150.0 if arch in _X86_64 else 500.0
    remedy = "an inference is read this much too long; set the governor to performance, see edgebench doctor"
    return Check("loop_overhead_ns", "Timed loop, per inference", loop_overhead_ns(scratch), "ns", target, remedy)


def clock_step(clock: Callable[[], int] = time.perf_counter_ns, n: int = 2000) -> Check:
    """Measure the smallest step of the clock, a reading included: its resolution is that or finer.

    At most 100 ns, 1/500 of the shortest sample (50 us).
    """
    steps: list[int] = []
    while len(steps) < n:
        before = clock()
        now = clock()
        while now == before:
            now = clock()
        steps.append(now - before)
    remedy = "the clock ticks coarsely: see `timer` in edgebench doctor"
    return Check("clock_step_ns", "Clock, smallest step", Value(float(min(steps)), n=n), "ns", 100.0, remedy)


def clock_cost(clock: Callable[[], int] = time.perf_counter_ns, n: int = 2000, calls: int = 50) -> Check:
    """Measure the median cost of one clock reading over `n` series of `calls`; above 250 ns the vDSO is not in use."""
    costs: list[float] = []
    for _ in range(n):
        before = time.perf_counter_ns()
        for _ in range(calls):
            clock()
        costs.append((time.perf_counter_ns() - before) / calls)
    remedy = "reading the clock needs a system call: see `timer` in edgebench doctor"
    return Check("clock_cost_ns", "Clock, cost of a reading", Value(statistics.median(costs), n=n), "ns", 250.0, remedy)


def control_change(kernel: Callable[[], float] = control_ns, n: int = 80, longest_s: float = 4.0) -> Check:
    """Measure by which share two runs of a fixed piece of work differ, a quarter of all runs apart (median of pairs).

    1 % is what a case may drift by. Fewer than `n` runs where they take longer than `longest_s`.
    """
    times: list[float] = []
    deadline = time.monotonic() + longest_s
    while len(times) < n and (len(times) < _FEWEST_RUNS or time.monotonic() < deadline):
        times.append(kernel())
    runs, apart = np.array(times), len(times) // 4
    change = stats.median_interval([np.maximum(runs[apart:] / runs[:-apart], runs[:-apart] / runs[apart:])])
    remedy = "the machine's own speed moves: stop other programs, fix the clock (edgebench doctor --tune)"
    quantity = Value(change.mid - 1.0, change.lo - 1.0, change.hi - 1.0, len(runs))
    return Check("control_change", "Fixed piece of work, change", quantity, "", 0.01, remedy)


def worker_import(scratch: Path) -> list[Check]:
    """Measure what importing the worker costs over bare Python and NumPy: at most 30 ms and 15 MiB."""
    cost = import_costs(["numpy", "harness.measure.worker.__main__"], scratch)[-1]
    remedy = "the measured child became heavy: see tests/bench/worker_import.py"
    return [
        Check("worker_import_ns", "Import of the worker", Value(cost.time_ns), "ns", 30e6, remedy),
        Check("worker_import_bytes", "Memory of the worker", Value(cost.rss_bytes), "B", 15.0 * _MIB, remedy),
    ]


@dataclass(frozen=True)
class Workload:
    """What runs while the sensors are sampled: a case, and for how many pairs of blocks with and without sampling."""

    prepared: PreparedCase
    pairs: int
    seed: int = 0


def sampler_cost(work: Workload | Missing, sensors: Sequence[Sensor], scratch: Path) -> Check:
    """Measure by which share the sampler slows inferences; at most 0.5 % of p50.

    Latency is never measured beside the sampler; this is what the energy pass costs. Every block with the sampler
    begins and ends with a reading of every sensor, more often than the sampler's own pace.
    """
    channels = sum(len(sampled_channels(sensor)) for sensor in sensors)
    quantity = work if isinstance(work, Missing) else _slowdown(work, sensors, scratch)
    remedy = "sampling disturbs, or the machine is too restless to tell: try more --pairs, and edgebench sensors"
    return Check("sampler_slowdown", f"Slower by sampling {channels} channels", quantity, "", 0.005, remedy)


def _slowdown(work: Workload, sensors: Sequence[Sensor], scratch: Path) -> Quantity:
    """One process infers for as long as the pairs of blocks take."""
    alternation = Alternation(lambda: Sampler(sensors).start().stop, work.seed)
    loop = Loop(5, _WARMUP_NS, FEWEST, 2 * BLOCK_NS * work.pairs)
    job = work.prepared.job("stamps", scratch / "sampler", work.seed, loop)
    answer = run_worker(job, work.prepared.timeout_s, alternation.of)
    if isinstance(answer, WorkerFailure):
        return Missing(f"{work.prepared.case.id} ended as {answer.verdict.status}: {answer.verdict.reason}")
    return slowdown(alternation.pairs, answer.arrays["at_ns"], answer.arrays["wall_ns"])


def checks(work: Workload | Missing, sensors: Sequence[Sensor], scratch: Path, arch: str) -> Iterator[Check]:
    """Yield every check as soon as it is known, the longest last."""
    yield loop_overhead(scratch, arch)
    yield clock_step()
    yield clock_cost()
    yield control_change()
    yield from worker_import(scratch)
    yield sampler_cost(work, sensors, scratch)
