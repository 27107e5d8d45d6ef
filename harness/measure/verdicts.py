"""Did other programs take part of the machine while the case ran? Steady figures are no proof that they did not.

A loaded machine has given a median 2.9 times too high with a spread of .2 %.
"""

from __future__ import annotations

from harness.core.quantity import Quantity, Value
from harness.core.verdict import Verdict

from .samples import SETTLES, Progress

CONTENDED = 1.05
"""Wall over CPU time of a lone thread above this: something else held the core."""

PRESSURED = 0.05
"""Share of the time in which some task waited for a CPU: what `edgebench doctor` warns at before a run."""

_LEAST_NS = 20e6
"""Less than this, some time slices of the scheduler, is no evidence in the few milliseconds of a smoke test."""


def contended(state: Progress, metrics: dict[str, Quantity]) -> Verdict | None:
    """The verdict with all the evidence there is; None where there is none."""
    evidence = [found for found in (_held_off(state, metrics), _preempted(state), _waited(state)) if found]
    if not evidence:
        return None
    return Verdict(
        "contended", "; ".join(evidence), "stop other programs, use no more threads than cores, and measure again"
    )


def _held_off(state: Progress, metrics: dict[str, Quantity]) -> str:
    """In the median inference, for scenarios with a ratio of their own too."""
    ratio = metrics["wall_per_cpu"]
    if not _computes_alone(state) or not isinstance(ratio, Value) or ratio.value <= CONTENDED:
        return ""
    return f"wall time is {ratio.value:.2f} times the CPU time: another program held the core"


def _preempted(state: Progress) -> str:
    """Over the whole loop: what happens to few inferences moves the tails and not the median."""
    switches = sum(run.involuntary_switches for run in state.runs)
    if not switches or not _computes_alone(state) or state.prepared.case.scenario not in SETTLES:
        return ""
    wall, cpu = (float(sum(array.sum() for array in arrays)) for arrays in (state.wall_ns, state.cpu_ns))
    lost_ns = (wall - cpu) * max(run.calls_per_sample for run in state.runs)
    if wall <= CONTENDED * cpu or lost_ns < _LEAST_NS:
        return ""
    return f"{(wall - cpu) / wall:.0%} of the loop's time went to others, in {switches} involuntary context switches"


def _waited(state: Progress) -> str:
    """Pressure stall information of the machine: with several threads the only witness."""
    runs = [(run, run.cpu_pressure) for run in state.runs if run.cpu_pressure is not None]
    window_ns = sum(run.ended_ns - run.started_ns for run, _ in runs)
    waited_ns = sum((run.ended_ns - run.started_ns) * pressure for run, pressure in runs)
    if waited_ns < _LEAST_NS or waited_ns <= PRESSURED * window_ns:
        return ""
    return f"tasks waited for a CPU {waited_ns / window_ns:.0%} of the time (/proc/pressure/cpu)"


def _computes_alone(state: Progress) -> bool:
    """One thread a core, and none that waits for a device in every inference: there wall and CPU time must agree."""
    case = state.prepared.case
    cores = max([1, *(len(run.affinity) for run in state.runs)])
    lone = state.prepared.options.threads == 1 and (case.load.streams or 1) <= cores
    waits = sum(run.voluntary_switches or 0 for run in state.runs)
    back_to_back = case.scenario in ("SingleStream", "MultiStream")
    return lone and not (back_to_back and waits >= sum(run.inferences or run.n_timed for run in state.runs))
