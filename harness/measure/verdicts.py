"""Whether a case's latency may be trusted: throttled, contended, overloaded, unsteady, drifted, or precise enough.

A machine with other load has given a median 2.9 times too high with a spread of .2 %: steady figures are no proof that
nothing else ran.
"""

from __future__ import annotations

import numpy as np

from harness.core.quantity import Missing, Quantity, Value
from harness.core.verdict import Verdict

from .metrics import BACK_TO_BACK, KEPT_UP, keeps_up
from .presets import Profile
from .samples import SETTLES, CaseState

CONTENDED = 1.05
"""Wall over CPU time of a lone thread above this: something else held the core."""

PRESSURED = 0.05
"""Share of the time in which some task waited for a CPU: what `edgebench doctor` warns at before a run."""

_LEAST_NS = 20e6
"""Less than this, some time slices of the scheduler, is no evidence in the few milliseconds of a smoke test."""


def contended(state: CaseState, metrics: dict[str, Quantity]) -> Verdict | None:
    """Return the verdict 'contended' with all the evidence there is; None where there is none."""
    evidence = [found for found in (_held_off(state, metrics), _preempted(state), _waited(state)) if found]
    if not evidence:
        return None
    return Verdict(
        "contended", "; ".join(evidence), "stop other programs, use no more threads than cores, and measure again"
    )


def _held_off(state: CaseState, metrics: dict[str, Quantity]) -> str:
    """In the median inference, for scenarios with a ratio of their own too."""
    ratio = metrics["wall_per_cpu"]
    if not _computes_alone(state) or not isinstance(ratio, Value) or ratio.value <= CONTENDED:
        return ""
    return f"wall time is {ratio.value:.2f} times the CPU time: another program held the core"


def _preempted(state: CaseState) -> str:
    """Over the whole loop: what happens to few inferences moves the tails and not the median."""
    switches = sum(run.involuntary_switches for run in state.runs)
    if not switches or not _computes_alone(state) or state.prepared.case.scenario not in SETTLES:
        return ""
    wall, cpu = (float(sum(array.sum() for array in arrays)) for arrays in (state.wall_ns, state.cpu_ns))
    lost_ns = (wall - cpu) * max(run.calls_per_sample for run in state.runs)
    if wall <= CONTENDED * cpu or lost_ns < _LEAST_NS:
        return ""
    return f"{(wall - cpu) / wall:.0%} of the loop's time went to others, in {switches} involuntary context switches"


def _waited(state: CaseState) -> str:
    """Pressure stall information of the machine: with several threads the only witness."""
    runs = [(run, run.cpu_pressure) for run in state.runs if run.cpu_pressure is not None]
    window_ns = sum(run.ended_ns - run.started_ns for run, _ in runs)
    waited_ns = sum((run.ended_ns - run.started_ns) * pressure for run, pressure in runs)
    if waited_ns < _LEAST_NS or waited_ns <= PRESSURED * window_ns:
        return ""
    return f"tasks waited for a CPU {waited_ns / window_ns:.0%} of the time (/proc/pressure/cpu)"


def _computes_alone(state: CaseState) -> bool:
    """One thread a core, and none that waits for a device in every inference: there wall and CPU time must agree."""
    case = state.prepared.case
    cores = max([1, *(len(run.affinity) for run in state.runs)])
    lone = state.prepared.options.threads == 1 and (case.load.streams or 1) <= cores
    waits = sum(run.voluntary_switches or 0 for run in state.runs)
    back_to_back = case.scenario in ("SingleStream", "MultiStream")
    return lone and not (back_to_back and waits >= sum(run.inferences or run.n_timed for run in state.runs))


DRIFTED = 0.01
"""The control kernel may differ by this much before and after the timed loop."""

FLATTERED = 0.90
"""One input repeated may not be faster than this against inputs in rotation (MLPerf's compliance test TEST04: 10 %)."""


def verdict(state: CaseState, metrics: dict[str, Quantity], profile: Profile, machine: Verdict | None) -> Verdict:
    """Return whether the latency may be trusted; the gravest reason wins. `machine` is a verdict on the machine."""
    if state.failure is not None:
        return state.failure.verdict
    return (
        machine
        or _throttled(state)
        or contended(state, metrics)
        or _overloaded(state)
        or _unsteady(state)
        or _drifted(state, profile)
        or _width(state, metrics, profile)
    )


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


def _drifted(state: CaseState, profile: Profile) -> Verdict | None:
    """Never stricter than the profile: a figure good to 5 % is not spoiled by 2 % of drift."""
    ratios = [run.control_ratio for run in state.runs if run.control_ratio is not None]
    allowed = max(DRIFTED, profile.half_width)
    if state.prepared.case.scenario not in BACK_TO_BACK or not ratios or abs(float(np.median(ratios)) - 1) <= allowed:
        return None
    change = float(np.median(ratios)) - 1
    reason = f"a fixed piece of work took {change:+.1%} CPU time after the timed loop, more than {allowed:.0%}"
    return Verdict("drifted", reason, "fix the clock (edgebench doctor) and let the machine cool down")


def _width(state: CaseState, metrics: dict[str, Quantity], profile: Profile) -> Verdict:
    scenario = state.prepared.case.scenario
    if scenario == "sustained":
        throttled = f"; heat or power capped the clock: {state.throttled}" if state.throttled else ""
        reason = f"one process for its minutes gives no interval{throttled}"
        return Verdict("imprecise", reason, "repeat the run and compare")
    if not profile.timed:
        n = sum(run.n_timed for run in state.runs)
        reason = f"not measured for latency: {n} inferences in one process only show that the case runs"
        return Verdict("untimed", reason, "measure it: --profile quick, standard or full")
    name, what = ("throughput_per_s", "throughput") if scenario == "Offline" else ("latency_p50_ns", "median")
    figure, more = metrics[name], _bound_sentence(state, metrics) + _flattered(state)
    if not isinstance(figure, Value) or figure.lo is None or figure.hi is None:
        remedy = "measure in several: --profile quick, standard or full"
        return Verdict("imprecise", f"one process gives no interval{more}", remedy)
    width = (figure.hi - figure.lo) / 2 / figure.value
    if width <= profile.half_width:
        return Verdict("precise", f"{what} within {width:.1%} at 95 %{more}")
    reason = f"{what} within {width:.1%} at 95 %, profile '{profile.name}' asks {profile.half_width:.0%}{more}"
    return Verdict("imprecise", reason, "measure longer: --profile standard or full")


def _bound_sentence(state: CaseState, metrics: dict[str, Quantity]) -> str:
    """Return the end of a sentence on the latency bound; '' where there is none."""
    limit_ns, held, share = state.prepared.case.load.latency_bound_ns, metrics["bound_held"], metrics["bound_met_share"]
    if limit_ns is None or not isinstance(share, Value):
        return ""
    answer = "undecided" if isinstance(held, Missing) else "held" if held.value else "not held"
    return f"; bound of {limit_ns / 1e6:g} ms at p99 {answer}, {share.value:.2%} of queries within"


def same_input_ratio(state: CaseState) -> float | None:
    """Return the median ratio over processes of one input repeated to inputs in rotation; None where not tried."""
    ratios = [run.same_input_ratio for run in state.runs if run.same_input_ratio is not None]
    return float(np.median(ratios)) if ratios else None


def _flattered(state: CaseState) -> str:
    """Return the end of a sentence for one input repeated being much faster; '' where it is not."""
    ratio = same_input_ratio(state)
    if ratio is None or ratio >= FLATTERED:
        return ""
    return f"; repeating one input is {1 - ratio:.0%} faster: something remembers inputs"
