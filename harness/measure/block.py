"""Measure a block of cases: latency, energy, accuracy and the rest in passes of their own, then one record a case.

A block is a set of cases that will be compared with each other (one net in one scenario under its settings and
runtimes). Their processes are interleaved; a block's records are complete when it ends, so that a killed run keeps
whole cases.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.core.case import Case
from harness.core.execution import Execution
from harness.core.metric import METRICS
from harness.core.quantity import Missing, Quantity, Value
from harness.core.record import Record
from harness.core.verdict import Finding, Verdict
from harness.runtimes.graph_counts import Counts
from harness.stats import Definition

from .passes.accuracy import AccuracyPass
from .passes.diagnostics import Diagnostics, diagnose
from .passes.energy import EnergyPass, EnergyResult, keep_traces
from .passes.fidelity import FidelityPass, wrong_output
from .passes.latency import LatencyPass
from .passes.thermal import ThrottleWatch, minute_rows
from .prepared import NOT_COUNTED, BlobSink, PreparedCase, artifact_info, count_metrics
from .presets import Profile
from .samples import CaseState
from .verdicts import FLATTERED, latency_metrics, same_input_ratio, verdict


@dataclass(frozen=True)
class RunContext:
    """What all blocks of a run share. `machine` is a verdict on the whole machine ('emulated'), if there is one.

    `findings` are the checks before the run; `findings_now` makes them again after a block.
    """

    run_id: str
    target: str
    profile: Profile
    seed: int
    blobs: BlobSink
    scratch: Path
    scores: AccuracyPass
    energy: EnergyPass
    percentiles: Definition = "numpy"
    machine: Verdict | None = None
    findings: tuple[Finding, ...] = ()
    findings_after: tuple[Finding, ...] = ()
    findings_now: Callable[[], tuple[Finding, ...]] = tuple
    throttle: ThrottleWatch = field(default_factory=lambda: ThrottleWatch((), ()))


@dataclass(frozen=True)
class Step:
    """Progress within a block: what is being done, and to how many of how many."""

    what: str
    done: int
    of: int


def measure_block(
    block: Sequence[PreparedCase], references: Mapping[Case, PreparedCase], setting: RunContext
) -> Iterator[Step | Record]:
    """Yields a Step after each part of the work and at the end a Record a case, in the block's order.

    `references` maps a case to the fp32 net it is compared with.
    """
    states = [CaseState(prepared) for prepared in block]
    total = len(block) * setting.profile.max_processes
    latency = LatencyPass(
        setting.profile, setting.blobs, setting.scratch, setting.seed, setting.energy.sensors, setting.throttle
    )
    for done in latency.measure(states):
        yield Step("latency", done, total)
    alive = [state for state in states if state.failure is None]
    yield Step("energy", 0, len(alive))
    energies = setting.energy.measure(alive, setting.profile, setting.blobs, setting.scratch)
    yield Step("accuracy", 0, len(alive))
    scored = [state.prepared for state in alive]
    probes = FidelityPass(setting.scratch)
    probes.run(scored)
    setting.scores.run([*scored, *(references[each.case] for each in scored if each.case in references)], references)
    deep: dict[Case, Diagnostics] = {}
    for each in scored if setting.profile.deep else ():
        yield Step("operators", len(deep), len(scored))
        deep[each.case] = diagnose(each, setting.blobs, setting.scratch)
    setting = dataclasses.replace(setting, findings_after=setting.findings_now())
    for state in states:
        case = state.prepared.case
        yield _record(state, energies.get(case), deep.get(case, Diagnostics()), references.get(case), probes, setting)


def _record(
    state: CaseState,
    energy: EnergyResult | None,
    deep: Diagnostics,
    reference: PreparedCase | None,
    probes: FidelityPass,
    setting: RunContext,
) -> Record:
    case = state.prepared.case
    ran, counts, told = _probed(state, probes)
    metrics = {**_metrics(state, energy, deep, reference, setting), **told}
    ruling = _ruling(state, metrics, ran, setting)
    climate = keep_traces(state.climate, setting.blobs) if state.climate else ()
    absent = Missing(f"{ruling.status}: {ruling.reason}")
    return Record(
        run_id=setting.run_id,
        case_id=case.id,
        case=case,
        target=setting.target,
        verdict=ruling,
        metrics={name: metrics.get(name, absent) for name in METRICS},
        started_utc=state.started_utc,
        duration_s=state.duration_s,
        artifact=artifact_info(state.prepared, counts),
        runtime_info=state.result.get("runtime_info", {}),
        processes=tuple(state.runs),
        traces=(*climate, *(energy.traces if energy else ()), *deep.traces),
        findings=setting.findings,
        findings_after=setting.findings_after,
        details={**_details(state, energy, setting), **deep.details, **_accuracy(state, reference, setting)},
        log=state.failure.log if state.failure else "",
        execution=ran,
        operators=absent if state.failure else deep.operators,
    )


def _metrics(
    state: CaseState,
    energy: EnergyResult | None,
    deep: Diagnostics,
    reference: PreparedCase | None,
    setting: RunContext,
) -> dict[str, Quantity]:
    """What the passes found; those that did not run leave their metrics out."""
    metrics: dict[str, Quantity] = {
        "artifact_bytes": Value(state.prepared.artifact.size_bytes),
        "artifact_compressed_bytes": deep.deflated_bytes,
    }
    if state.runs and state.failure is None:
        metrics |= latency_metrics(state, setting.profile, setting.percentiles)
    if energy is not None:
        metrics |= {**energy.metrics, **setting.scores.metrics(state.prepared, reference)}
    return metrics


def _ruling(state: CaseState, metrics: dict[str, Quantity], ran: Execution, setting: RunContext) -> Verdict:
    """A wrong answer outweighs all but what speaks of the whole machine: an emulator may compute wrongly itself."""
    wrong = wrong_output(state.prepared, ran, metrics) if state.failure is None and setting.machine is None else None
    return wrong or verdict(state, metrics, setting.profile, setting.machine)


def _probed(state: CaseState, probes: FidelityPass) -> tuple[Execution, Counts | Missing, dict[str, Quantity]]:
    """What ran, the counts of the file, and the metrics of both; of a failed case what was asked for."""
    case = state.prepared
    if state.failure is not None:
        return Execution(asked=case.precision), NOT_COUNTED, {}
    ran, counts = probes.execution(case, state.runs), probes.counts(case)
    arena = ran.arena_bytes if isinstance(ran.arena_bytes, Missing) else Value(ran.arena_bytes)
    return ran, counts, {**probes.metrics(case), **count_metrics(case, counts), "arena_bytes": arena}


def _details(state: CaseState, energy: EnergyResult | None, setting: RunContext) -> dict[str, Any]:
    signature: dict[str, Any] = {key: state.result[key] for key in ("inputs", "outputs") if key in state.result}
    power = {"energy": dict(energy.details)} if energy and energy.details else {}
    minutes, repeated = minute_rows(state), same_input_ratio(state)
    same = {"ratio": repeated, "at_least": FLATTERED, "held": repeated >= FLATTERED} if repeated is not None else None
    return {
        "profile": setting.profile.name,
        "seed": setting.seed,
        "percentile_definition": setting.percentiles,
        "limits": {"timeout_s": state.prepared.timeout_s, "memory_bytes": state.prepared.memory_bytes},
        "cpus": list(state.prepared.cpus),
        **_file(state.prepared),
        **({"same_input": same} if same else {}),
        **signature,
        **power,
        **({"minutes": minutes} if minutes else {}),
        **({"loadgen_summaries": state.driver_logs} if state.driver_logs else {}),
    }


def _file(prepared: PreparedCase) -> dict[str, str]:
    """Return where the model of a user lies, whether given or built."""
    if prepared.artifact.weights != "user":
        return {}
    path = prepared.artifact.path.absolute()
    home = Path.home()
    return {"model_file": f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)}


def _accuracy(state: CaseState, reference: PreparedCase | None, setting: RunContext) -> dict[str, Any]:
    found = setting.scores.details(state.prepared, reference)
    return {"accuracy": found} if found else {}
