"""The fidelity pass: outputs against the float parent's on the reference runtime, and what a case really ran."""

from __future__ import annotations

import dataclasses
import shutil
import statistics
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.execution import FROM_FILE, Execution, from_json
from harness.core.quantity import Missing, Quantity
from harness.core.record import ProcessRun
from harness.core.verdict import Finding, Verdict
from harness.measure.prepared import PreparedCase, side_by_side
from harness.measure.protocol import Job
from harness.runtimes.graph_counts import Counts
from harness.stats.fidelity import NAMES, SQNR_DB, OutputFidelity, metrics

from .worker_process import Answer, WorkerFailure, run_worker

Key = tuple[str, ...]

_PLAIN = ("fp32", "fp16")
"""Settings that round the net and change nothing else."""

_GIVE_IMAGES = "give real inputs (--data DIR), or the float model with --reference FILE where this is not the right one"


@dataclass(frozen=True)
class ProbeResult:
    """What the probe of a case gave.

    Attributes:
        outputs: Every output, compared with the reference's where there is one.
        execution: The runtime's account of what it ran.
        counts: Parameters and MACs of the file.
    """

    outputs: tuple[OutputFidelity, ...]
    execution: Execution
    counts: Counts | Missing


class FidelityPass:
    """Runs the probes of a block and remembers them, since one float net is the reference of many cases."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._known: dict[Key, ProbeResult | WorkerFailure] = {}

    def run(self, cases: Iterable[PreparedCase]) -> None:
        """Probe the references first, which keep their outputs on disk, then all other cases against those.

        One process per core: this pass is not timed.
        """
        cases = list(cases)
        references = {one.outputs_key: one for case in cases if (one := case.output_reference) is not None}
        folders = {key: self._scratch / f"outputs-{number}" for number, key in enumerate(references)}
        try:
            for folder in folders.values():
                folder.mkdir(parents=True)
            self._probe_all(references, {key: self._job(one, keep=folders[key]) for key, one in references.items()})
            others = {case.outputs_key: case for case in cases if case.outputs_key not in self._known}
            self._probe_all(others, {key: self._job(one, folders=folders) for key, one in others.items()})
        finally:
            for folder in folders.values():
                shutil.rmtree(folder, ignore_errors=True)

    def _probe_all(self, cases: Mapping[Key, PreparedCase], jobs: Mapping[Key, Job]) -> None:
        with ThreadPoolExecutor(side_by_side(cases.values())) as pool:
            answers = pool.map(run_worker, jobs.values(), (case.timeout_s for case in cases.values()))
            self._known.update((key, _result(answer)) for key, answer in zip(jobs, answers, strict=True))

    def _job(self, case: PreparedCase, keep: Path | None = None, folders: Mapping[Key, Path] | None = None) -> Job:
        """Return the probe of a case, which keeps its outputs, or compares with what its reference kept."""
        reference = case.output_reference
        answered = reference is not None and isinstance(self._known.get(reference.outputs_key), ProbeResult)
        against = folders[reference.outputs_key] if reference is not None and folders and answered else None
        return dataclasses.replace(
            case.job("probe", self._scratch / f"probe-{abs(hash(case.outputs_key))}", seed=0),
            keep_outputs=str(keep.resolve()) if keep else None,
            reference_outputs=str(against.resolve()) if against else None,
        )

    def counts(self, case: PreparedCase) -> Counts | Missing:
        """Return parameters and MACs of the case's file."""
        own = self._known[case.outputs_key]
        return own.counts if isinstance(own, ProbeResult) else Missing(_ended(own))

    def outputs(self, case: PreparedCase) -> tuple[OutputFidelity, ...]:
        """Return what is known of the case's outputs; empty where its probe failed."""
        own = self._known[case.outputs_key]
        return own.outputs if isinstance(own, ProbeResult) else ()

    def metrics(self, case: PreparedCase) -> dict[str, Quantity]:
        """Return the case's fidelity; for the reference itself, and where a pass failed, why there is none."""
        own = self._known[case.outputs_key]
        if isinstance(own, WorkerFailure):
            return _all(_ended(own))
        if any(one.not_finite for one in own.outputs):
            return metrics(own.outputs)
        return _all(reason) if (reason := self._uncompared(case)) else metrics(own.outputs, self._precision(case, own))

    def _uncompared(self, case: PreparedCase) -> str:
        """Return why the case has nothing to be compared with; '' where it has."""
        if case.output_reference is None:
            return "no fp32 net on a reference runtime to compare with"
        if case.output_reference.outputs_key == case.outputs_key:
            return "this is the reference that others are compared with"
        reference = self._known[case.output_reference.outputs_key]
        if isinstance(reference, WorkerFailure):
            return f"the probe of {case.output_reference.case.id} ended as {reference.verdict.status}"
        broken = next((one for one in reference.outputs if one.not_finite), None)
        return f"of {case.output_reference.case.id}: {broken.fault('')}" if broken else ""

    def _precision(self, case: PreparedCase, own: ProbeResult) -> str:
        """Return what a plain net is held to, '' for a net that differs from its reference by more than rounding."""
        if case.case.compression in _PLAIN:
            return case.precision
        reference = case.output_reference
        itself = reference is None or reference.artifact.sha256 == case.artifact.sha256
        effective = own.execution.effective
        return effective if case.precision == FROM_FILE and itself and isinstance(effective, str) else ""

    def wrong_output(self, case: PreparedCase) -> Verdict | None:
        """Return the verdict on a case whose outputs are not those of its net, however fast they came."""
        own = self._known[case.outputs_key]
        if isinstance(own, WorkerFailure):
            return None
        precision = self._precision(case, own)
        reason = next((fault for one in own.outputs if (fault := one.fault(precision))), "")
        if not reason:
            return None
        remedy = "do not use it for its speed: another runtime or setting, or calibrate again; see the record's details"
        return Verdict("wrong-output", reason, remedy)

    def details(self, case: PreparedCase) -> dict[str, Any]:
        """Return what the record keeps beside the metrics: the reference, and every output's figures."""
        outputs = self.outputs(case)
        reference = case.output_reference.case.id if case.output_reference else None
        return {"reference": reference, "outputs": [dataclasses.asdict(one) for one in outputs]} if outputs else {}

    def execution(self, case: PreparedCase, runs: Sequence[ProcessRun]) -> Execution:
        """Return what ran, with a finding for everything that differs from the request or could not be compared."""
        own = self._known[case.outputs_key]
        ran = Execution(effective=Missing(own.verdict.reason)) if isinstance(own, WorkerFailure) else own.execution
        ran = dataclasses.replace(ran, asked=case.precision, busy_threads=_busy(runs))
        if case.case.batch > 1:
            ran = dataclasses.replace(ran, arena_bytes=Missing("looked at with a batch of 1 only"))
        return ran.with_findings(*_precision(ran), *_threads(case, ran), *self._fidelity_findings(case, own))

    def _fidelity_findings(self, case: PreparedCase, own: ProbeResult | WorkerFailure) -> list[Finding]:
        if isinstance(own, WorkerFailure):
            return []
        return [
            *_not_repeatable(own.outputs),
            *_not_compared(own.outputs, self._uncompared(case)),
            *_differs(case, own.outputs, self._precision(case, own), own.execution.effective),
            *_own_parent(case, own.execution.effective),
        ]


def _result(answer: Answer | WorkerFailure) -> ProbeResult | WorkerFailure:
    if isinstance(answer, WorkerFailure):
        return answer
    counts = answer.result["counts"]
    return ProbeResult(
        outputs=tuple(OutputFidelity.from_json(one) for one in answer.result["outputs_checked"]),
        execution=from_json(answer.result["execution"]),
        counts=Missing(**counts) if "reason" in counts else Counts(**counts),
    )


def not_repeatable(outputs: Iterable[OutputFidelity]) -> str:
    """Return a sentence on the outputs that the reference does not repeat; '' where there are none."""
    names = ", ".join(f"'{one.reference or one.name}'" for one in outputs if not one.repeatable)
    return f"not repeatable: the reference gives another output {names} for the same input" if names else ""


def _not_repeatable(outputs: Sequence[OutputFidelity]) -> list[Finding]:
    if not (words := not_repeatable(outputs)):
        return []
    remedy = "a net that draws random numbers or keeps a state: fix its seed, or export it without that step"
    return [Finding("repeatability", "warn", words, remedy)]


def _not_compared(outputs: Sequence[OutputFidelity], reason: str) -> list[Finding]:
    """Report what was not checked as unknown: outputs without a counterpart, and zeros that show nothing."""
    apart = [f"output '{one.name}': {one.reason}" for one in outputs if one.reason and one.reference and not reason]
    apart += [f"output '{one.name}': {one.reason}" for one in outputs if not one.reference and not reason]
    zero = [f"output '{one.name}' is zero for every input" for one in outputs if one.shows_nothing]
    return [Finding("fidelity", "unknown", words, _GIVE_IMAGES) for words in dict.fromkeys([*apart, *zero])]


def _differs(
    case: PreparedCase, outputs: Sequence[OutputFidelity], precision: str, effective: str | Missing
) -> list[Finding]:
    """Report a file that computes in floats like its parent and yet gives other outputs: pruned, or badly converted."""
    reference = case.output_reference
    if precision or reference is None or case.precision != FROM_FILE or not isinstance(effective, str):
        return []
    least = SQNR_DB.get(effective)
    found = [one for one in outputs if least and one.sqnr_db is not None and one.sqnr_db < least and one.repeatable]
    return [
        Finding(
            "fidelity",
            "warn",
            f"output '{one.name}' computes in {effective} and is {one.sqnr_db:.1f} dB from {reference.case.id}",
            f"a plain conversion has {least:g} dB: its weights were changed, or the conversion is faulty",
        )
        for one in found
    ]


def _own_parent(case: PreparedCase, effective: str | Missing) -> list[Finding]:
    """Report a quantized file of the user that has no float parent: compared with itself it can only be right."""
    reference = case.output_reference
    if reference is None or reference.artifact.sha256 != case.artifact.sha256 or case.precision != FROM_FILE:
        return []
    if isinstance(effective, Missing) or "int" not in effective:
        return []
    words = f"this {effective} file is compared with itself: what quantizing it cost is not known"
    return [Finding("fidelity", "unknown", words, "name the float model it was made from: --reference FILE")]


def _busy(runs: Sequence[ProcessRun]) -> int | Missing:
    counted = [run.busy_threads for run in runs if run.busy_threads is not None]
    return round(statistics.median(counted)) if counted else Missing("the kernel keeps no scheduler statistics")


def _precision(ran: Execution) -> list[Finding]:
    if ran.asked == FROM_FILE or isinstance(ran.effective, Missing) or ran.asked == ran.effective.partition("+")[0]:
        return []
    words = f"{ran.asked} was asked for, the runtime computes in {ran.effective} ({ran.evidence})"
    return [Finding("precision", "warn", words, f"read this case as {ran.effective}; another runtime may do as asked")]


def _threads(case: PreparedCase, ran: Execution) -> list[Finding]:
    """Only where one query at a time runs: other scenarios have streams of their own."""
    busy, asked = ran.busy_threads, case.options.threads
    if isinstance(busy, Missing) or busy in (0, asked) or case.case.scenario != "SingleStream":
        return []
    words = f"{busy} thread{'s' * (busy > 1)} worked in the timed loop, {asked} asked for (/proc/self/task)"
    return [Finding("threads", "warn", words, "compare it with others of as many threads as really worked")]


def _ended(failure: WorkerFailure) -> str:
    return f"the probe ended as {failure.verdict.status}: {failure.verdict.reason}"


def _all(reason: str) -> dict[str, Quantity]:
    return dict.fromkeys(NAMES, Missing(reason))
