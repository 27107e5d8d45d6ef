"""What the samples of a case's processes say: its metrics and its verdict."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.analysis import stats, steady
from harness.core.quantity import Missing, Quantity, Value
from harness.core.verdict import Verdict

from .latency import Progress
from .profile import Profile

CONTENDED = 1.05
"""Wall over CPU time of a lone thread above this: something else held the core (a busy machine gave a median 2.9
times too high with a spread of .2 %, so a small spread alone proves nothing)."""


def latency_metrics(state: Progress) -> dict[str, Quantity]:
    """Every latency, memory and size metric from the processes that succeeded (at least one)."""
    wall = state.wall_ns
    pooled = np.concatenate(wall)
    p50 = _p50(wall)
    cpu = float(np.median([run.median_cpu_ns for run in state.runs]))
    return {
        "latency_p50_ns": p50,
        "latency_p90_ns": _tail(pooled, 0.90),
        "latency_p99_ns": _tail(pooled, 0.99),
        "cpu_time_p50_ns": Value(cpu),
        "wall_per_cpu": Value(p50.value / cpu) if cpu > 0 else Missing("CPU time below the clock's resolution"),
        "first_inference_ns": _median([run.first_inference_ns for run in state.runs]),
        "load_ns": _median([run.load_ns for run in state.runs]),
        "peak_rss_bytes": Value(max(run.peak_rss_bytes for run in state.runs), n=len(state.runs)),
        "n_inferences": Value(len(pooled)),
        "n_processes": Value(len(state.runs)),
        "throughput_per_s": Value(state.prepared.options.batch * len(pooled) * 1e9 / float(pooled.sum())),
    }


def _p50(processes: list[NDArray[np.int64]]) -> Value:
    """Median with its interval over processes; one process alone knows nothing of how the next would differ."""
    n = sum(map(len, processes))
    if len(processes) == 1:
        return Value(float(np.median(processes[0])), n=n)
    interval = stats.median_interval(processes)
    return Value(interval.mid, interval.lo, interval.hi, n)


def _median(values: list[int]) -> Value:
    return Value(float(np.median(values)), n=len(values))


def _tail(samples: NDArray[np.int64], p: float) -> Quantity:
    tail = stats.tail(samples, p)
    if isinstance(tail, stats.TooFew):
        return Missing(f"n too small: {tail.n} independent samples, p{100 * p:g} needs {tail.n_required}")
    return Value(tail.value, n=len(samples))


def verdict(state: Progress, metrics: dict[str, Quantity], profile: Profile, machine: Verdict | None) -> Verdict:
    """Whether the latency may be trusted; the gravest reason wins. `machine` is a verdict on the whole machine."""
    if state.failure is not None:
        return state.failure.verdict
    return machine or _contended(state, metrics) or _unsteady(state) or _width(metrics, profile)


def _contended(state: Progress, metrics: dict[str, Quantity]) -> Verdict | None:
    ratio = metrics["wall_per_cpu"]
    if state.prepared.options.threads != 1 or not isinstance(ratio, Value) or ratio.value <= CONTENDED:
        return None
    reason = f"wall time is {ratio.value:.2f} times the CPU time: another program held the core"
    return Verdict("contended", reason, "stop other programs and measure again")


def _unsteady(state: Progress) -> Verdict | None:
    reasons = [s.reason for s in map(steady.detect, state.wall_ns) if isinstance(s, steady.NotSteady)]
    if 2 * len(reasons) <= len(state.wall_ns):
        return None
    reason = f"{len(reasons)} of {len(state.wall_ns)} processes never settled: {reasons[0]}"
    return Verdict("no-steady-state", reason, "let the machine cool down and idle; its trace is in the record")


def _width(metrics: dict[str, Quantity], profile: Profile) -> Verdict:
    p50 = metrics["latency_p50_ns"]
    if not isinstance(p50, Value) or p50.lo is None or p50.hi is None:
        return Verdict("imprecise", "one process gives no interval", "measure in several: --profile quick, standard or full")
    width = (p50.hi - p50.lo) / 2 / p50.value
    if width <= profile.half_width:
        return Verdict("precise", f"median within {width:.1%} at 95 %")
    reason = f"median within {width:.1%} at 95 %, profile '{profile.name}' asks {profile.half_width:.0%}"
    return Verdict("imprecise", reason, "measure longer: --profile standard or full")
