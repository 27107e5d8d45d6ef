"""Whether a case's latency may be trusted: mistimed, throttled, contended, unsteady, drifted, or precise enough."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from harness.core.quantity import Missing, Quantity, Value
from harness.core.verdict import Finding, Verdict
from harness.stats import steady_state

from .metrics import BACK_TO_BACK, KEPT_UP, keeps_up
from .mistimed import FLATTERED, REMEDY, median, mistimed
from .presets import Profile
from .samples import SETTLES, CaseState
from .witnesses import LITTLE_OF_CACHE, contended, doubts

DRIFTED = 0.01
"""The control kernel may differ by this much before and after the timed loop."""


def verdict(state: CaseState, metrics: dict[str, Quantity], profile: Profile, machine: Verdict | None) -> Verdict:
    """Return whether the latency may be trusted; the gravest reason wins. `machine` is a verdict on the machine."""
    if state.failure is not None:
        return _failed(state, state.failure.verdict)
    return (
        machine
        or _mistimed(state)
        or _throttled(state)
        or contended(state, metrics)
        or _overloaded(state)
        or _unsteady(state)
        or _climbing(state, profile)
        or _drifted(state, profile)
        or _untimed(state, profile)
        or _cut_short(state)
        or _width(state, metrics, profile)
    )


def _failed(state: CaseState, verdict: Verdict) -> Verdict:
    """Return the verdict on a failed process, with what those before it measured."""
    if not state.runs:
        return verdict
    medians = ", ".join(f"{run.median_ns / 1e6:.4g}" for run in state.runs)
    n = len(state.runs)
    words = f"{n} process{'es' * (n > 1)} before it had a median of {medians} ms"
    return dataclasses.replace(verdict, reason=f"{verdict.reason}; {words}")


def _untimed(state: CaseState, profile: Profile) -> Verdict | None:
    if profile.timed or state.prepared.case.scenario == "sustained":
        return None
    n = sum(run.n_timed for run in state.runs)
    reason = f"not measured for latency: {n} inferences in one process only show that the case runs"
    return Verdict("untimed", reason, "measure it: --profile quick, standard or full")


def _cut_short(state: CaseState) -> Verdict | None:
    """Never precise: a loop that was cut short has hardly warmed up, and its tail is not seen."""
    found = time_limit_finding(state)
    return Verdict("imprecise", found.found, found.remedy) if found else None


def time_limit_finding(state: CaseState) -> Finding | None:
    """Return what the time limit left of the loops; None where it left all."""
    cut = [run.cut_short for run in state.runs if run.cut_short]
    if not cut:
        return None
    fewest = min(cut, key=lambda each: each["done"])
    reason = (
        f"the time limit of {state.prepared.timeout_s:g} s ended {len(cut)} of {len(state.runs)} processes early: "
        f"{fewest['done']:g} of {fewest['planned']:g} samples, which take {fewest['sample_s']:.3g} s each"
    )
    remedy = f"--timeout {max(each['needed_s'] for each in cut):g} lets it do them all"
    return Finding("time_limit", "warn", reason, remedy)


def _mistimed(state: CaseState) -> Verdict | None:
    runs = state.runs
    reason = mistimed(
        [run.cycle_ns for run in runs],
        [run.new_input_ratio for run in runs],
        [run.same_input_ratio for run in runs],
        max(run.calls_per_sample for run in runs),
        state.prepared.case.scenario,
    )
    return Verdict("mistimed", reason, REMEDY) if reason else None


def _throttled(state: CaseState) -> Verdict | None:
    if not state.throttled or state.prepared.case.scenario == "sustained":
        return None
    remedy = "better cooling or supply; a lower power mode that holds; `edgebench doctor` shows the state"
    return Verdict("throttled", f"heat or power capped the clock: {state.throttled}", remedy)


def _overloaded(state: CaseState) -> Verdict | None:
    rates = keeps_up(state)
    if rates is None or rates[1] >= KEPT_UP * rates[0]:
        return None
    reason = f"{rates[0]:.4g} inferences a second were asked for, {rates[1]:.4g} done: the machine cannot keep up"
    return Verdict("no-steady-state", reason, f"ask for less than {rates[1]:.3g} a second: --rate")


def _unsteady(state: CaseState) -> Verdict | None:
    reasons = [run.unsteady for run in state.runs if run.unsteady]
    if 2 * len(reasons) <= len(state.runs):
        return None
    reason = f"{len(reasons)} of {len(state.runs)} processes never settled: {reasons[0]}"
    return Verdict("no-steady-state", reason, "let the machine cool down and idle; its trace is in the record")


def _climbing(state: CaseState, profile: Profile) -> Verdict | None:
    """A course that all processes share, and that none of them shows for certain."""
    change = steady_state.common_trend(state.wall_ns) if state.prepared.case.scenario in SETTLES else 0.0
    if abs(change) <= math.log1p(max(steady_state.TOLERANCE, profile.half_width)):
        return None
    reason = f"latency moves by {math.expm1(change):+.0%} from start to end of the loop, alike in all processes"
    remedy = "measure longer (--profile full), or watch it for minutes (--scenario sustained)"
    return Verdict("no-steady-state", reason, remedy)


def _drifted(state: CaseState, profile: Profile) -> Verdict | None:
    """Never stricter than the profile: a figure good to 5 % is not spoiled by 2 % of drift."""
    ratios = [run.control_ratio for run in state.runs if run.control_ratio is not None]
    allowed = max(DRIFTED, profile.half_width)
    if state.prepared.case.scenario not in BACK_TO_BACK or not ratios or abs(float(np.median(ratios)) - 1) <= allowed:
        return None
    change = float(np.median(ratios)) - 1
    reason = f"a fixed piece of work took {change:+.1%} CPU time after the timed loop, more than {allowed:.0%}"
    return Verdict("drifted", reason, "fix the clock (edgebench doctor) and let the machine cool down")


_DOUBTED = "stop other programs and measure again; docs/protocol.md lists what each witness needs"


def _width(state: CaseState, metrics: dict[str, Quantity], profile: Profile) -> Verdict:
    scenario = state.prepared.case.scenario
    if scenario == "sustained":
        throttled = f"; heat or power capped the clock: {state.throttled}" if state.throttled else ""
        reason = f"one process for its minutes gives no interval{throttled}"
        return Verdict("imprecise", reason, "repeat the run and compare")
    name, what = ("throughput_per_s", "throughput") if scenario == "Offline" else ("latency_p50_ns", "median")
    figure, reasons = metrics[name], doubts(state, metrics)
    more = _bound_sentence(state, metrics) + _flattered(state) + "".join(f"; {reason}" for reason in reasons)
    if not isinstance(figure, Value) or figure.lo is None or figure.hi is None:
        remedy = "measure in several: --profile quick, standard or full"
        return Verdict("imprecise", f"one process gives no interval{more}", remedy)
    width = (figure.hi - figure.lo) / 2 / figure.value
    found = f"{what} within {width:.1%} at 95 % {_scope(state, width)}"
    if width <= profile.half_width and reasons:
        return Verdict("imprecise", f"{found}, not precise{more}", _DOUBTED)
    if width <= profile.half_width:
        return Verdict("precise", f"{found}{more}")
    reason = f"{found}, profile '{profile.name}' asks {profile.half_width:.0%}{more}"
    return Verdict("imprecise", reason, "measure longer: --profile standard or full")


def on_this_machine(state: CaseState, width: float) -> float | None:
    """Widen a relative half-width by the spread between runs of this machine; None if its history does not apply.

    It applies to cases like its reference net: one thread and a file that is small against the cache. Other cases vary
    more from run to run.
    """
    cache_bytes = state.memory.cache_bytes if state.memory else None
    small = cache_bytes is not None and state.prepared.artifact.size_bytes < LITTLE_OF_CACHE * cache_bytes
    return state.speed.on_this_machine(width) if small and state.prepared.concurrency == 1 else None


def _scope(state: CaseState, width: float) -> str:
    """Say what an interval covers: this run, and this machine where its own history tells how far its runs differ."""
    wider = on_this_machine(state, width)
    return "within this run" if wider is None else f"within this run, {wider:.1%} on this machine"


def _bound_sentence(state: CaseState, metrics: dict[str, Quantity]) -> str:
    """Return the end of a sentence on the latency bound; '' where there is none."""
    limit_ns, held, share = state.prepared.case.load.latency_bound_ns, metrics["bound_held"], metrics["bound_met_share"]
    if limit_ns is None or not isinstance(share, Value):
        return ""
    answer = "undecided" if isinstance(held, Missing) else "held" if held.value else "not held"
    return f"; bound of {limit_ns / 1e6:g} ms at p99 {answer}, {share.value:.2%} of queries within"


def same_input_ratio(state: CaseState) -> float | None:
    """Return the median ratio over processes of one input repeated to inputs in rotation; None where not tried."""
    return median([run.same_input_ratio for run in state.runs])


def _flattered(state: CaseState) -> str:
    """Return the end of a sentence for one input repeated being much faster; '' where it is not."""
    ratio = same_input_ratio(state)
    if ratio is None or ratio >= FLATTERED:
        return ""
    return f"; repeating one input is {1 - ratio:.0%} faster: something remembers inputs"
