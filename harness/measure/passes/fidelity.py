"""The probe's pass, in the parent: outputs against the fp32 reference's, and what a case really ran."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.core.execution import FROM_FILE, Execution, from_json
from harness.core.quantity import Missing, Quantity
from harness.core.record import ProcessRun
from harness.core.verdict import Finding, Verdict
from harness.measure.prepared import PreparedCase, side_by_side
from harness.runtimes.graph_counts import Counts
from harness.stats.output_quality import NAMES, compare, wrong_output_reason

from .worker_process import WorkerFailure, run_worker

Key = tuple[str, str, str, str]

_PLAIN = ("fp32", "fp16")
"""Settings that round the net and change nothing else."""


@dataclass(frozen=True)
class ProbeResult:
    """A case's outputs (inputs x outputs, float32), its runtime's account of what it ran, and its file's counts."""

    outputs: NDArray[np.float32]
    execution: Execution
    counts: Counts | Missing


class FidelityPass:
    """Runs the probes of a block and remembers them, since one fp32 net is the reference of many cases."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._known: dict[Key, ProbeResult | WorkerFailure] = {}

    def run(self, cases: Iterable[PreparedCase]) -> None:
        """Probe the cases and what they are compared with, one process a core: this pass is not timed."""
        both = [each for case in cases for each in (case, case.output_reference) if each is not None]
        todo = {_key(each): each for each in both if _key(each) not in self._known}
        with ThreadPoolExecutor(side_by_side(todo.values())) as pool:
            for key, probed in zip(todo, pool.map(self._probe, todo.values()), strict=True):
                self._known[key] = probed

    def _probe(self, case: PreparedCase) -> ProbeResult | WorkerFailure:
        out = self._scratch / f"probe-{abs(hash(_key(case)))}"
        answer = run_worker(case.job("probe", out, seed=0), case.timeout_s)
        if isinstance(answer, WorkerFailure):
            return answer
        told = answer.result["counts"]
        counts = Missing(**told) if "reason" in told else Counts(**told)
        return ProbeResult(answer.arrays["outputs"], from_json(answer.result["execution"]), counts)

    def counts(self, case: PreparedCase) -> Counts | Missing:
        """Parameters and MACs of the case's file."""
        own = self._known[_key(case)]
        return own.counts if isinstance(own, ProbeResult) else Missing(_ended(own))

    def metrics(self, case: PreparedCase) -> dict[str, Quantity]:
        """The case's fidelity; why there is none for the reference itself, or where a pass failed."""
        own = self._known[_key(case)]
        if isinstance(own, WorkerFailure):
            return _all(_ended(own))
        if case.output_reference is None:
            return _all("no fp32 net on a reference runtime to compare with")
        if _key(case.output_reference) == _key(case):
            return _all("this is the reference that others are compared with")
        reference = self._known[_key(case.output_reference)]
        if isinstance(reference, WorkerFailure):
            return _all(f"the probe of {case.output_reference.case.id} ended as {reference.verdict.status}")
        return compare(own.outputs, reference.outputs)

    def execution(self, case: PreparedCase, runs: Sequence[ProcessRun]) -> Execution:
        """What ran, with a finding for each thing that is otherwise than asked."""
        own = self._known[_key(case)]
        told = Execution(effective=Missing(own.verdict.reason)) if isinstance(own, WorkerFailure) else own.execution
        told = dataclasses.replace(told, asked=case.precision, busy_threads=_busy(runs))
        if case.case.batch > 1:
            told = dataclasses.replace(told, arena_bytes=Missing("looked at with a batch of 1 only"))
        return told.with_findings(*_precision(told), *_threads(case, told))


def wrong_output(case: PreparedCase, ran: Execution, found: dict[str, Quantity]) -> Verdict | None:
    """The verdict on a case whose outputs are not those of its net, however fast they came."""
    told = ran.effective if isinstance(ran.effective, str) else ""
    plain = case.precision if case.case.compression in _PLAIN else told if case.precision == FROM_FILE else ""
    reason = wrong_output_reason(plain, found)
    if not reason:
        return None
    remedy = "do not use it for its speed: another runtime or setting, or calibrate again; see the record's execution"
    return Verdict("wrong-output", reason, remedy)


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


def _key(case: PreparedCase) -> Key:
    return case.artifact.sha256, case.runtime, repr(case.labelled), repr(case.options.settings)


def _ended(failure: WorkerFailure) -> str:
    return f"the probe ended as {failure.verdict.status}: {failure.verdict.reason}"


def _all(reason: str) -> dict[str, Quantity]:
    return dict.fromkeys(NAMES, Missing(reason))
