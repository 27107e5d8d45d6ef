"""Outcomes that need no statistics over nights: accuracy by counts, sizes, limits, and failed cases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.core.record import Record
from harness.core.scratch import scratch_folder
from harness.core.task import PairedTest
from harness.core.verdict import TIMED, spoiled
from harness.measure.passes.accuracy import AccuracyPass, CaseOutputs
from harness.measure.passes.worker_process import Answer, run_worker
from harness.measure.prepared import PreparedCase
from harness.measure.presets import PROFILES
from harness.stats import benjamini_hochberg
from reports.limits import judge_limit

from .machine import DEVICE_VERDICTS
from .outcome import Kind, Outcome
from .series import NightContext

_TOLD_ELSEWHERE = DEVICE_VERDICTS | {"untimed"}
"""Verdicts without an outcome of their case: `machine.device` tells of them, or nobody asked for times."""


def accuracy(context: NightContext, scores: AccuracyPass, q: float) -> list[Outcome]:
    """Compare the quality of each case whose build changed with its last good build, on the same samples.

    Args:
        context: Tonight's cases and their last good builds.
        scores: Accuracy pass that runs both builds.
        q: False discovery rate over the cases of the night.

    Returns:
        An outcome per case whose change passes the paired test of its task (McNemar's exact test for classification),
        after Benjamini-Hochberg, and the least effect.

    """
    builds = {
        name: (old, new) for name, new in context.prepared.items() if new.labelled and (old := context.baseline(name))
    }
    scores.run([case for pair in builds.values() for case in pair])
    tests = {name: found for name, (old, new) in builds.items() if (found := _paired(scores, old, new)) is not None}
    passing = benjamini_hochberg([test.p_value for _, test in tests.values()], q)
    outcomes = []
    for (name, (before, test)), changed in zip(tests.items(), passing, strict=True):
        task = before.task
        least = task.quality.difference(context.rules.min_effect(name, task.column), before.quality.value)
        if changed and abs(test.value) >= least:
            text = f"{task.quality.label} {task.quality.change(test.value)}: {test.words}"
            kind: Kind = "regression" if task.quality.sign * test.value < 0 else "improvement"
            command = context.command(name, task.column)
            outcomes.append(
                Outcome(
                    kind, name, task.column, text, p_value=test.p_value, command=command, evidence=dict(test.evidence)
                )
            )
    return outcomes


def _paired(scores: AccuracyPass, old: PreparedCase, new: PreparedCase) -> tuple[CaseOutputs, PairedTest] | None:
    """Return the old build's outputs and the test of the new one's quality against it; None where one has none."""
    a, b = scores.of(old), scores.of(new)
    if not isinstance(a, CaseOutputs) or not isinstance(b, CaseOutputs) or len(a) != len(b):
        return None
    return a, b.task.compare(b.outcomes, a.outcomes)


def sizes(context: NightContext) -> list[Outcome]:
    """Compare the size of each model with that of its last good build."""
    outcomes = []
    for name, new in context.prepared.items():
        old = context.baseline(name)
        if old is None:
            continue
        before, after = old.artifact.size_bytes, new.artifact.size_bytes
        if abs(after / before - 1) >= context.rules.min_effect(name, "artifact_bytes"):
            kind: Kind = "regression" if after > before else "improvement"
            text = f"{before} -> {after} bytes ({100 * (after / before - 1):+.1f} %)"
            command = context.command(name)
            outcomes.append(Outcome(kind, name, "artifact_bytes", text, ratio=after / before, command=command))
    return outcomes


def limits(records: Iterable[Record], context: NightContext) -> list[Outcome]:
    """Check the suite's limits: a whole interval beyond one is a regression, part of an interval is inconclusive.

    So is a figure that is missing, or that the verdict spoils.
    """
    outcomes = []
    for record in records:
        for limit in context.rules.limits(record.case_id):
            judged = judge_limit(record, limit)
            if judged.exceeded is False:
                continue
            kind: Kind = "regression" if judged.exceeded else "inconclusive"
            outcomes.append(
                Outcome(kind, record.case_id, limit.metric, judged.text, command=context.command(record.case_id))
            )
    return outcomes


def failures(records: Sequence[Record], context: NightContext) -> list[Outcome]:
    """Report cases without figures: a regression if the last good build still runs, else `infrastructure`.

    A case that is unsupported and never ran here is not reported.
    """
    outcomes = []
    for record in records:
        name, verdict = record.case_id, record.verdict
        ran = verdict.failed or context.baselines.last_good(name) is not None
        if record.value("n_inferences") is not None or not ran:
            continue
        old = context.baseline(name)
        kind: Kind = "infrastructure"
        if old is not None and _runs(old):
            kind, remark = "regression", "the last good build still runs"
        elif name not in context.prepared:
            remark = "it can no longer be prepared"
        else:
            remark = "the last good build fails too" if old else "there is no other build to try"
        text = f"{verdict.status}: {verdict.reason}; {remark}"
        outcomes.append(Outcome(kind, name, "", text, command=context.command(name)))
    return outcomes


def not_compared(records: Sequence[Record], context: NightContext) -> list[Outcome]:
    """Report cases that ran and whose times must not be compared with those of earlier nights.

    A night without any time to compare is reported by `machine.device`, wrong outputs until their build is accepted.
    """
    if not any(record.trusts(TIMED) for record in records):
        return []
    outcomes = []
    for record in records:
        name, verdict = record.case_id, record.verdict
        if record.trusts(TIMED) or not verdict.ran or verdict.status in _TOLD_ELSEWHERE:
            continue
        if verdict.status == "wrong-output" and context.changes(name) == []:
            continue
        text = f"{verdict.status}: {verdict.reason}; not compared with earlier nights: {spoiled(verdict.status)}"
        outcomes.append(Outcome("inconclusive", name, "", text, command=context.command(name)))
    return outcomes


def _runs(prepared: PreparedCase) -> bool:
    with scratch_folder() as folder:
        job = prepared.job("latency", folder / "job", 0, PROFILES["smoke"].loop)
        return isinstance(run_worker(job, prepared.timeout_s), Answer)
