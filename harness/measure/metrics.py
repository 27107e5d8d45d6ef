"""The metrics of a case from the samples of its processes: latency, memory, and those of its scenario."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import stats
from harness.core.quantity import Missing, Quantity, Value
from harness.core.scenario import Scenario

from .presets import Profile, level
from .samples import CaseState

BACK_TO_BACK: frozenset[Scenario] = frozenset({"SingleStream", "MultiStream", "Offline"})
"""Where the core's speed before and after must agree: not after idling, nor after minutes of heat."""

KEPT_UP = 0.95
"""A machine that answers less than this share of the queries asked of it, in their time, cannot keep up."""


TAILS = {"latency_p90_ns": 0.90, "latency_p95_ns": 0.95, "latency_p99_ns": 0.99, "latency_p999_ns": 0.999}


def latency_metrics(state: CaseState, profile: Profile, definition: stats.Definition = "numpy") -> dict[str, Quantity]:
    """Return every latency and memory metric of the processes that succeeded (at least one).

    `definition` of a percentile is that of loadgen, openvino, trtexec or numpy, for comparison with those tools.
    """
    pooled = np.concatenate(state.wall_ns)
    confidence = level(len(state.runs), profile)
    p50 = _p50(state.wall_ns, confidence)
    cpu = float(np.median([run.median_cpu_ns for run in state.runs]))
    return {
        "latency_p50_ns": p50,
        **_tails(pooled, max(run.calls_per_sample for run in state.runs), definition),
        "cpu_time_p50_ns": Value(cpu),
        "wall_per_cpu": wall_per_cpu(state, p50.value, cpu),
        "first_inference_ns": _median([run.first_inference_ns for run in state.runs]),
        "cold_start_ns": _median(
            [run.spawn_ns + run.import_ns + run.load_ns + run.first_inference_ns for run in state.runs]
        ),
        "load_ns": _median([run.load_ns for run in state.runs]),
        "peak_rss_bytes": Value(max(run.peak_rss_bytes for run in state.runs), n=len(state.runs)),
        "n_processes": Value(len(state.runs)),
        **scenario_metrics(state, confidence),
    }


def _p50(processes: list[NDArray[np.int64]], confidence: float) -> Value:
    """Return the median with its interval over processes; one process alone gives no interval."""
    n = sum(map(len, processes))
    if len(processes) == 1:
        return Value(float(np.median(processes[0])), n=n)
    interval = stats.median_interval(processes, confidence)
    return Value(interval.mid, interval.lo, interval.hi, n)


def _median(values: list[int]) -> Value:
    return Value(float(np.median(values)), n=len(values))


def _tails(samples: NDArray[np.int64], calls: int, definition: stats.Definition) -> dict[str, Quantity]:
    """Return every tail; none where a sample is the mean of several calls, which hides slow ones."""
    if calls > 1:
        return dict.fromkeys(TAILS, Missing(f"inferences this short are timed {calls} at a time: no slow one shows"))
    return {name: _tail(samples, p, definition) for name, p in TAILS.items()}


def _tail(samples: NDArray[np.int64], p: float, definition: stats.Definition) -> Quantity:
    found = stats.tail(samples, p, definition=definition)
    return (
        Missing(f"n too small: {found.reason}")
        if isinstance(found, stats.TooFew)
        else Value(found.value, n=len(samples))
    )


def headline(state: CaseState) -> list[NDArray[Any]]:
    """Return the samples of the headline figure, one array per process: Offline's ns per sample, else every latency."""
    if state.prepared.case.scenario != "Offline":
        return list(state.wall_ns)
    batch = state.prepared.options.batch
    return [np.array([(run.ended_ns - run.started_ns) / (run.inferences * batch)]) for run in state.runs]


def scenario_metrics(state: CaseState, confidence: float) -> dict[str, Quantity]:
    """Return the metrics that depend on the scenario; those of other scenarios are Missing and name theirs."""
    return {
        "n_inferences": Value(sum(run.n_timed * run.calls_per_sample for run in state.runs) * _per_query(state)),
        "throughput_per_s": _throughput(state, confidence),
        "busy_share": _busy(state),
        **_bound(state),
        **_sustained(state),
    }


def keeps_up(state: CaseState) -> tuple[float, float] | None:
    """Return (requested, completed) inferences per second of Server and paced; None where no rate is set."""
    rate = state.prepared.case.load.rate_per_s
    if rate is None:
        return None
    n = sum(run.inferences for run in state.runs)
    if state.prepared.case.scenario == "Server":
        rate = n * 1e9 / sum(float(more["arrival_ns"][-1]) for more in state.more)
    return rate, n * 1e9 / _window_ns(state)


def wall_per_cpu(state: CaseState, p50_ns: float, cpu_ns: float) -> Quantity:
    """Return wall over CPU time of the same work, given the medians of one inference.

    In Server without the queue; in Offline the time that all streams had over what the process used of it.
    """
    wall_ns, scenario = p50_ns, state.prepared.case.scenario
    if scenario == "Offline":
        wall_ns = _window_ns(state) * (state.prepared.case.load.streams or 1)
        cpu_ns = sum(float(more["process_cpu_ns"][0]) for more in state.more)
    elif scenario == "Server":
        wall_ns = float(np.median(np.concatenate([more["service_ns"] for more in state.more])))
    return Value(wall_ns / cpu_ns) if cpu_ns > 0 else Missing("CPU time below the clock's resolution")


def _per_query(state: CaseState) -> int:
    return (state.prepared.case.load.samples_per_query or state.prepared.options.batch) // state.prepared.options.batch


def _window_ns(state: CaseState) -> float:
    return float(sum(run.ended_ns - run.started_ns for run in state.runs))


def _throughput(state: CaseState, confidence: float) -> Value:
    """Return samples per second: over the windows in Server and paced, else over the time spent in inference."""
    scenario, batch = state.prepared.case.scenario, state.prepared.options.batch
    if scenario == "Offline":
        return _offline_throughput(headline(state), confidence)
    if scenario in ("Server", "paced"):
        return Value(batch * sum(run.inferences for run in state.runs) * 1e9 / _window_ns(state))
    pooled = np.concatenate(state.wall_ns)
    return Value(batch * _per_query(state) * len(pooled) * 1e9 / float(pooled.sum()))


def _offline_throughput(processes: list[NDArray[Any]], confidence: float) -> Value:
    """Return the median over processes; one alone has no interval."""
    if len(processes) == 1:
        return Value(1e9 / float(processes[0][0]), n=1)
    time_ns = stats.median_interval(processes, confidence)
    return Value(1e9 / time_ns.mid, 1e9 / time_ns.hi, 1e9 / time_ns.lo, len(processes))


def _busy(state: CaseState) -> Quantity:
    name = {"Server": "service_ns", "paced": "busy_ns"}.get(state.prepared.case.scenario)
    if name is None:
        return Missing("only in the scenarios Server and paced: elsewhere the net never waits")
    return Value(sum(float(more[name].sum()) for more in state.more) / _window_ns(state))


def _bound(state: CaseState) -> dict[str, Quantity]:
    """Return whether 99 of 100 queries come within the latency bound, and the share that did."""
    names = ("bound_met_share", "bound_held")
    limit = state.prepared.case.load.latency_bound_ns
    if limit is None:
        return dict.fromkeys(names, Missing("no latency bound: Server takes one with --latency-bound"))
    found = stats.bound(np.concatenate(state.wall_ns), limit)
    undecided = Missing(f"undecided: {found.n} queries, worth {found.n_effective:.0f} independent ones, are too few")
    return {
        "bound_met_share": Value(found.share, found.lo, found.hi, found.n),
        "bound_held": undecided if found.held is None else Value(float(found.held), n=found.n),
    }


def _sustained(state: CaseState) -> dict[str, Quantity]:
    """Return the median of the last minute and its ratio to the first."""
    names = ("sustained_p50_ns", "sustained_ratio")
    if state.prepared.case.scenario != "sustained":
        return dict.fromkeys(names, Missing("only in the scenario sustained"))
    parts = minutes_of(state.wall_ns[0], state.more[0])
    first, last = float(np.median(parts[0])), float(np.median(parts[-1]))
    alone = Missing("one minute alone has none before it to compare with")
    return {
        "sustained_p50_ns": Value(last, n=len(parts[-1])),
        "sustained_ratio": Value(last / first) if len(parts) > 1 else alone,
    }


def minutes_of(wall_ns: NDArray[Any], more: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Split the samples of sustained into one array per minute."""
    return np.split(wall_ns, np.cumsum(more["minute_n"])[:-1])
