"""The witnesses of what else used the machine, in one table: what each sees and needs, and what it says of a case.

A machine with other load has given a median 2.9 times too high with a spread of .2 %: steady figures are no proof that
nothing else ran. A case that no witness of waiting watched is not precise, however narrow its interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.core.quantity import Quantity, Value
from harness.core.record import ProcessRun
from harness.core.verdict import Verdict

from .samples import SETTLES, CaseState

CONTENDED = 1.05
"""Wall over CPU time of a lone thread above this: something else held the core."""

WAITED = 0.05
"""Share of the time spent waiting for a CPU: what `edgebench doctor` warns at before a run."""

MEMORY_MOVED = 0.10
"""The memory control may be slower by this share, or by more where it scatters by more from run to run."""

LITTLE_OF_CACHE = 1 / 8
"""A net smaller than this share of the last-level cache is not slowed down by memory traffic of other programs.

Measured by tests/bench/disturbances.py on 32 MiB of cache: nets of 1.7 MB stayed within 1 %, one of 14 MB moved by up
to 33 %.
"""

HANDED_OVER = 1.5
"""Largest ratio of the round trip between CPUs to the fastest one known.

It differs by a factor of 2 to 3 between CPUs that share a cache and CPUs that do not, and scatters by up to 1.3.
"""

OTHERS_CPUS = 0.2
"""CPUs that other programs may use beside a case: they take clock, cache and memory bandwidth, if not the core."""

_LEAST_NS = 20e6
"""Less than this, some time slices of the scheduler, is no evidence in the few milliseconds of a smoke test."""

Metrics = Mapping[str, Quantity]


@dataclass(frozen=True)
class Witness:
    """One way to notice what takes the machine from a case; docs/protocol.md has the same table.

    Attributes:
        name: Its name in the record.
        sees: What it notices.
        needs: What it needs, without which it is missing.
        instead: What stands in where it is missing.
        forbids: What its evidence forbids: to trust the case at all ('contended'), or to call it precise.
        present: Whether it watched the case.
        evidence: What it says of the case, '' where that is nothing.
        of_waiting: Whether it would notice that threads waited for a CPU.
    """

    name: str
    sees: str
    needs: str
    instead: str
    forbids: Literal["trust", "precision"]
    present: Callable[[CaseState], bool]
    evidence: Callable[[CaseState, Metrics], str]
    of_waiting: bool = False


def contended(state: CaseState, metrics: Metrics) -> Verdict | None:
    """Return the verdict 'contended' with all the evidence there is; None where there is none."""
    evidence = _evidence(state, metrics, "trust")
    if not evidence:
        return None
    return Verdict(
        "contended", "; ".join(evidence), "stop other programs, use no more threads than cores, and measure again"
    )


def doubts(state: CaseState, metrics: Metrics) -> list[str]:
    """Return what forbids to call a case precise, be its interval as narrow as it may."""
    watched = any(witness.present(state) for witness in WITNESSES if witness.of_waiting)
    needed = " or ".join(witness.needs for witness in WITNESSES if witness.of_waiting)
    unwatched = [] if watched else [f"no witness of other programs: it takes {needed}"]
    return [*unwatched, *_evidence(state, metrics, "precision")]


def account(state: CaseState) -> dict[str, str]:
    """Return for the record which witnesses watched a case, and what each that is missing needs."""
    return {w.name: "present" if w.present(state) else f"missing: needs {w.needs}" for w in WITNESSES}


def _evidence(state: CaseState, metrics: Metrics, forbids: str) -> list[str]:
    return [said for witness in WITNESSES if witness.forbids == forbids and (said := witness.evidence(state, metrics))]


def _wall_over_cpu(state: CaseState, metrics: Metrics) -> str:
    return "; ".join(filter(None, (_held_off(state, metrics), _preempted(state))))


def _held_off(state: CaseState, metrics: Metrics) -> str:
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


def _computes_alone(state: CaseState) -> bool:
    """One thread a core, and none that waits for a device in every inference: there wall and CPU time must agree."""
    case = state.prepared.case
    cores = max([1, *(len(run.affinity) for run in state.runs)])
    lone = state.prepared.options.threads == 1 and (case.load.streams or 1) <= cores
    waits = sum(run.voluntary_switches or 0 for run in state.runs)
    back_to_back = case.scenario in ("SingleStream", "MultiStream")
    return lone and not (back_to_back and waits >= sum(run.inferences or run.n_timed for run in state.runs))


def _delayed(state: CaseState, metrics: Metrics) -> str:
    share = _share_waited(state, lambda run: run.run_delay)
    return f"its threads waited for a CPU {share:.0%} of the time (schedstat)" if share else ""


def _pressed(state: CaseState, metrics: Metrics) -> str:
    share = _share_waited(state, lambda run: run.cpu_pressure)
    return f"tasks waited for a CPU {share:.0%} of the time (/proc/pressure/cpu)" if share else ""


def _share_waited(state: CaseState, share_of: Callable[[ProcessRun], float | None]) -> float | None:
    """Return the share of all loops' time that was spent waiting, None where it is too little to mean anything."""
    known = [(run.ended_ns - run.started_ns, share) for run in state.runs if (share := share_of(run)) is not None]
    window_ns = sum(ns for ns, _ in known)
    waited_ns = sum(ns * share for ns, share in known)
    return waited_ns / window_ns if waited_ns >= _LEAST_NS and waited_ns > WAITED * window_ns else None


def _crowded(state: CaseState, metrics: Metrics) -> str:
    """Compare the threads that compute at a time with the CPUs they may use; a quota counts as that many CPUs."""
    threads, quota = state.prepared.concurrency, state.prepared.cpu_quota
    allowed = [len(run.affinity) for run in state.runs if run.affinity]
    said = []
    if allowed and threads > min(allowed):
        said.append(f"{_counted(threads, 'thread')} on {_counted(min(allowed), 'CPU')} (affinity or cpuset)")
    if quota is not None and threads > quota:
        said.append(f"{_counted(threads, 'thread')} within a quota of {quota:g} CPUs (cpu.max)")
    return "; ".join(said)


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def _accompanied(state: CaseState, metrics: Metrics) -> str:
    """In the median process: one of several that had company is what the interval is for."""
    known = [run.others_cpus for run in state.runs if run.others_cpus is not None]
    cpus = float(np.median(known)) if known else 0.0
    return f"other programs used {cpus:.2g} CPUs meanwhile (/proc/stat)" if cpus > OTHERS_CPUS else ""


def _memory_moved(state: CaseState) -> str:
    """In the median process, by the slower of both times: others that come or go meanwhile count too."""
    slowest = [max(run.memory_control_ns) for run in state.runs if run.memory_control_ns]
    if state.memory is None or state.memory.time is None or not slowest:
        return ""
    slower = state.memory.time.deviation(float(np.median(slowest)), MEMORY_MOVED)
    if slower <= 0:
        return ""
    compared = "usual" if state.memory.usual else "in the rest of this run"
    return f"a fixed stream from memory took {slower:.0%} longer than {compared}: others use its bandwidth"


def _cache_bytes(state: CaseState) -> int | None:
    return state.memory.cache_bytes if state.memory else None


def _starved(state: CaseState, metrics: Metrics) -> str:
    """Weights that the cache cannot hold come from memory in every inference."""
    cache_bytes, size_bytes = _cache_bytes(state), state.prepared.artifact.size_bytes
    if cache_bytes is None or size_bytes <= cache_bytes or not (moved := _memory_moved(state)):
        return ""
    return f"{moved}, and the {size_bytes / 2**20:.3g} MiB of this net do not fit the cache"


def _crossed(state: CaseState, metrics: Metrics) -> str:
    """Small nets stay in the cache, so memory traffic of other programs does not matter."""
    cache_bytes, size_bytes = _cache_bytes(state), state.prepared.artifact.size_bytes
    if cache_bytes is not None and size_bytes < LITTLE_OF_CACHE * cache_bytes:
        return ""
    return "" if _starved(state, metrics) else _memory_moved(state)


def _handed_over(state: CaseState, metrics: Metrics) -> str:
    """Compare the slower time of the median process with the fastest of this run and of earlier ones."""
    trips = [run.handover_ns for run in state.runs if run.handover_ns]
    if not trips:
        return ""
    slowest_ns, earlier_ns = float(np.median([max(each) for each in trips])), state.speed.handover_ns
    best_ns = min(*(ns for each in trips for ns in each), math.inf if earlier_ns is None else earlier_ns)
    if slowest_ns <= HANDED_OVER * best_ns:
        return ""
    return (
        f"its CPUs answered each other in {slowest_ns:.0f} ns, {best_ns:.0f} ns at best: the host runs them far apart, "
        "and threads wait for each other"
    )


def _changed_speed(state: CaseState, metrics: Metrics) -> str:
    """Of the run by the reference net, of the case by the fixed work in its own processes, where its Python is ours."""
    speed, own = state.speed, [run.control_ns for run in state.runs if run.control_ns is not None]
    now_ns = {name: ns for name, ns in speed.now_ns.items() if name == "reference"}
    if own and state.prepared.interpreter is None:
        now_ns["control"] = float(np.median(own))
    usual = {name: usual for name, usual in speed.usual.items() if name in now_ns}
    return replace(speed, now_ns=now_ns, usual=usual).words()


def _any_run(fact: Callable[[ProcessRun], object]) -> Callable[[CaseState], bool]:
    return lambda state: any(fact(run) is not None for run in state.runs)


WITNESSES = (
    Witness(
        "wall over CPU time",
        "another program on the core of a lone thread",
        "one thread per core that does not wait for a device in every inference",
        "run delay, CPU pressure",
        "trust",
        lambda state: _computes_alone(state) and any(run.median_cpu_ns for run in state.runs),
        _wall_over_cpu,
        of_waiting=True,
    ),
    Witness(
        "run delay",
        "its own threads in the queue for a CPU",
        "/proc/self/task/*/schedstat (a kernel with CONFIG_SCHED_INFO)",
        "CPU pressure",
        "trust",
        _any_run(lambda run: run.run_delay),
        _delayed,
        of_waiting=True,
    ),
    Witness(
        "CPU pressure",
        "any task of the machine in the queue for a CPU",
        "/proc/pressure/cpu (Linux 4.20 with PSI, which kernels of the Raspberry Pi have off)",
        "run delay",
        "trust",
        _any_run(lambda run: run.cpu_pressure),
        _pressed,
        of_waiting=True,
    ),
    Witness(
        "CPUs for its threads",
        "more threads than CPUs, by affinity, cpuset or quota",
        "the CPUs that the kernel names after the loop; cpu.max of the control group",
        "nothing",
        "trust",
        lambda state: any(run.affinity for run in state.runs),
        _crowded,
    ),
    Witness(
        "other programs",
        "CPU time that other programs take on any CPU",
        "/proc/stat",
        "nothing",
        "precision",
        _any_run(lambda run: run.others_cpus),
        _accompanied,
    ),
    Witness(
        "memory control",
        "others on the memory's bandwidth and the shared cache",
        "several processes; room for an array of four times the last-level cache, at least 32 MiB",
        "other programs",
        "precision",
        lambda state: any(run.memory_control_ns for run in state.runs),
        _crossed,
    ),
    Witness(
        "handover control",
        "CPUs that a host moved to where they share no cache, so that threads wait longer for each other",
        "several threads; several processes; two CPUs",
        "nothing",
        "precision",
        lambda state: any(run.handover_ns for run in state.runs),
        _handed_over,
    ),
    Witness(
        "memory control of a memory-bound net",
        "the same, for a net larger than the last-level cache",
        "a kernel that tells the size of its caches (/sys/devices/system/cpu/cpu0/cache)",
        "memory control",
        "trust",
        lambda state: _cache_bytes(state) is not None,
        _starved,
    ),
    Witness(
        "usual speed",
        "a machine that is faster or slower than in its other runs",
        "5 earlier runs of this unit with this Python and NumPy; several processes",
        "nothing: intervals hold within this run",
        "precision",
        lambda state: state.speed.between_runs is not None,
        _changed_speed,
    ),
)
