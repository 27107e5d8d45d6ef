"""Measure a block of cases: latency, energy, accuracy and the rest in separate passes, then one record per case.

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
from harness.host.machine_speed import UNKNOWN_SPEED, MachineSpeed
from harness.runtimes.graph_counts import Counts
from harness.stats import Definition
from harness.stats.by_input import InputSpread

from . import witnesses
from .dependence import dependence_details, dependence_findings, spread_of
from .metrics import latency_metrics
from .mistimed import FLATTERED
from .passes.accuracy import AccuracyPass
from .passes.denormals import denormals_finding
from .passes.diagnostics import Diagnostics, diagnose
from .passes.energy import EnergyPass, EnergyResult, keep_traces
from .passes.fidelity import FidelityPass, not_repeatable
from .passes.latency import LatencyPass
from .passes.pipeline import NAMES as FRAME_NAMES
from .passes.pipeline import PipelineResult, measure_frames
from .passes.surroundings import SurroundingsWatch
from .passes.thermal import ThrottleWatch, minute_rows
from .prepared import NOT_COUNTED, BlobSink, PreparedCase, artifact_info, count_metrics
from .presets import Profile
from .samples import CaseState
from .verdicts import same_input_ratio, time_limit_finding, verdict

NO_FRAMES = "not measured: run with --pipeline"


@dataclass(frozen=True)
class RunContext:
    """What all blocks of a run share. `machine` is a verdict on the whole machine ('emulated'), if there is one.

    `findings` are the checks before the run; `findings_now` makes them again after a block. `zones` are the processor's
    temperatures by the target's descriptor.
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
    zones: tuple[str, ...] = ()
    surroundings: SurroundingsWatch = field(default_factory=SurroundingsWatch)
    speed: MachineSpeed = UNKNOWN_SPEED


@dataclass(frozen=True)
class Step:
    """Progress within a block: what is being done, and to how many of how many."""

    what: str
    done: int
    of: int


def measure_block(
    block: Sequence[PreparedCase], references: Mapping[Case, PreparedCase], context: RunContext
) -> Iterator[Step | Record]:
    """Yield a Step after each part of the work, and at the end one Record per case in the block's order.

    `references` maps a case to the fp32 net it is compared with.
    """
    states = [CaseState(prepared, speed=context.speed) for prepared in block]
    total = len(block) * context.profile.max_processes
    latency = LatencyPass(
        context.profile,
        context.blobs,
        context.scratch,
        context.seed,
        context.energy.sensors,
        context.throttle,
        context.surroundings,
    )
    for done in latency.measure(states):
        yield Step("latency", done, total)
    alive = [state for state in states if state.failure is None]
    yield Step("energy", 0, len(alive))
    energies = context.energy.measure(alive, context.profile, context.blobs, context.scratch)
    scored = [state.prepared for state in alive]
    frames: Mapping[Case, PipelineResult] = {}
    if context.profile.pipeline:
        yield Step("pipeline", 0, len(alive))
        frames = measure_frames(scored, context.profile, context.scratch, context.seed)
    yield Step("accuracy", 0, len(alive))
    probes = FidelityPass(context.scratch)
    probes.run(scored)
    context.scores.run([*scored, *(references[each.case] for each in scored if each.case in references)], references)
    diagnostics: dict[Case, Diagnostics] = {}
    for each in scored if context.profile.deep else ():
        yield Step("operators", len(diagnostics), len(scored))
        diagnostics[each.case] = diagnose(each, context.blobs, context.scratch)
    denormals = {each.case: denormals_finding(each, context.scratch) for each in scored}
    context = dataclasses.replace(context, findings_after=context.findings_now())
    for state in states:
        case = state.prepared.case
        state.denormals = denormals.get(case)
        state.frames = frames.get(case)
        yield _record(
            state, energies.get(case), diagnostics.get(case, Diagnostics()), references.get(case), probes, context
        )


def _record(
    state: CaseState,
    energy: EnergyResult | None,
    diagnostics: Diagnostics,
    reference: PreparedCase | None,
    probes: FidelityPass,
    context: RunContext,
) -> Record:
    case = state.prepared.case
    ran, counts, probed = _probed(state, probes)
    spread = spread_of(state) if state.failure is None else None
    ran = ran.with_findings(*context.scores.findings(state.prepared), *_dependence(state, spread))
    metrics = {**_metrics(state, energy, diagnostics, reference, context), **probed}
    outcome = _case_verdict(state, metrics, probes, reference, context)
    thermal = keep_traces(state.thermal_traces, context.blobs) if state.thermal_traces else ()
    absent = Missing(f"{outcome.status}: {outcome.reason}")
    return Record(
        run_id=context.run_id,
        case_id=case.id,
        case=case,
        target=context.target,
        verdict=outcome,
        metrics={name: metrics.get(name, absent) for name in METRICS},
        started_utc=state.started_utc,
        duration_s=state.duration_s,
        artifact=artifact_info(state.prepared, counts),
        runtime_info=state.result.get("runtime_info", {}),
        processes=tuple(state.runs),
        traces=(*thermal, *(energy.traces if energy else ()), *diagnostics.traces),
        findings=context.findings,
        findings_after=context.findings_after,
        details={
            **_details(state, energy, context),
            **dependence_details(spread),
            **({"doubts": witnesses.doubts(state, metrics)} if outcome.status == "imprecise" else {}),
            **diagnostics.details,
            **_checked(state, reference, probes, context),
        },
        log=state.failure.log if state.failure else "",
        execution=ran,
        operators=absent if state.failure else diagnostics.operators,
    )


def _dependence(state: CaseState, spread: InputSpread | None) -> Iterator[Finding]:
    """Yield what time and memory depend on, and what is missing of them; nothing for a failed case."""
    if state.failure is None:
        yield from dependence_findings(state, spread)
        yield from filter(None, [state.denormals, time_limit_finding(state)])


def _metrics(
    state: CaseState,
    energy: EnergyResult | None,
    diagnostics: Diagnostics,
    reference: PreparedCase | None,
    context: RunContext,
) -> dict[str, Quantity]:
    """Collect the metrics of the passes; those that did not run leave theirs out."""
    metrics: dict[str, Quantity] = {
        "artifact_bytes": Value(state.prepared.artifact.size_bytes),
        "artifact_compressed_bytes": diagnostics.deflated_bytes,
    }
    if state.runs and state.failure is None:
        metrics |= latency_metrics(state, context.profile, context.percentiles)
    if state.failure is None:
        metrics |= state.frames.metrics if state.frames else dict.fromkeys(FRAME_NAMES, Missing(NO_FRAMES))
    if energy is not None:
        metrics |= {**energy.metrics, **context.scores.metrics(state.prepared, reference)}
    return metrics


def _case_verdict(
    state: CaseState,
    metrics: dict[str, Quantity],
    probes: FidelityPass,
    reference: PreparedCase | None,
    context: RunContext,
) -> Verdict:
    """Return the case's verdict.

    Wrong outputs outweigh all but a verdict on the whole machine: an emulator may compute wrongly itself.
    """
    if state.failure is not None or context.machine is not None:
        return verdict(state, metrics, context.profile, context.machine)
    case = state.prepared
    if (wrong := probes.wrong_output(case)) is not None:
        return wrong
    if lost := context.scores.lost(case, reference):
        return Verdict("wrong-output", lost, "do not use it for its speed: another setting, or calibrate it again")
    found = verdict(state, metrics, context.profile, None)
    unsteady = not_repeatable(probes.outputs(case))
    return dataclasses.replace(found, reason="; ".join(filter(None, (found.reason, unsteady))))


def _probed(state: CaseState, probes: FidelityPass) -> tuple[Execution, Counts | Missing, dict[str, Quantity]]:
    """Return what ran, the counts of the file, and the metrics of both; for a failed case, the request."""
    case = state.prepared
    if state.failure is not None:
        return Execution(asked=case.precision), NOT_COUNTED, {}
    ran, counts = probes.execution(case, state.runs), probes.counts(case)
    arena = ran.arena_bytes if isinstance(ran.arena_bytes, Missing) else Value(ran.arena_bytes)
    return ran, counts, {**probes.metrics(case), **count_metrics(case, counts), "arena_bytes": arena}


def _details(state: CaseState, energy: EnergyResult | None, context: RunContext) -> dict[str, Any]:
    signature: dict[str, Any] = {
        key: state.result[key] for key in ("inputs", "outputs", "input_values") if key in state.result
    }
    power = {"energy": dict(energy.details)} if energy and energy.details else {}
    minutes, repeated = minute_rows(state, context.zones), same_input_ratio(state)
    same = {"ratio": repeated, "at_least": FLATTERED, "held": repeated >= FLATTERED} if repeated is not None else None
    return {
        "profile": context.profile.name,
        "seed": context.seed,
        "percentile_definition": context.percentiles,
        "limits": {"timeout_s": state.prepared.timeout_s, "memory_bytes": state.prepared.memory_bytes},
        "cpus": list(state.prepared.cpus),
        **({"cpu_quota": state.prepared.cpu_quota} if state.prepared.cpu_quota is not None else {}),
        **({"partial": _partial(state)} if state.failure and state.failure.done else {}),
        **({"witnesses": witnesses.account(state)} if state.runs else {}),
        **({"machine_speed": state.speed.to_json()} if state.speed != UNKNOWN_SPEED else {}),
        **_model_file(state.prepared),
        **({"same_input": same} if same else {}),
        **signature,
        **power,
        **({"minutes": minutes} if minutes else {}),
        **({"loadgen_summaries": state.driver_logs} if state.driver_logs else {}),
    }


def _partial(state: CaseState) -> dict[str, Any]:
    """Return what a failed case had done: the process that failed, and the medians of those before it."""
    assert state.failure is not None
    return {**state.failure.done, "medians_ns": [run.median_ns for run in state.runs]}


def _model_file(prepared: PreparedCase) -> dict[str, str]:
    """Return where the model of a user is, whether given or built; the home folder as ~."""
    if prepared.artifact.weights != "user":
        return {}
    path = prepared.artifact.path.absolute()
    home = Path.home()
    return {"model_file": f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)}


def _checked(
    state: CaseState, reference: PreparedCase | None, probes: FidelityPass, context: RunContext
) -> dict[str, Any]:
    """Return the details of the passes that check outputs; those that have none leave theirs out."""
    accuracy = context.scores.details(state.prepared, reference)
    fidelity = probes.details(state.prepared) if state.failure is None else {}
    frames = state.frames.details if state.frames else {}
    named = {"accuracy": accuracy, "fidelity": fidelity, "pipeline": frames}
    return {name: found for name, found in named.items() if found}
