"""Outcomes that need no statistics over nights: accuracy by counts, sizes, limits, and failed cases."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.core.record import Record
from harness.core.verdict import TIMED, spoiled
from harness.measure.passes.accuracy import AccuracyPass, CaseOutputs
from harness.measure.passes.worker_process import Answer, run_worker
from harness.measure.prepared import PreparedCase
from harness.measure.presets import PROFILES
from harness.stats import benjamini_hochberg
from harness.stats.output_quality import discordant
from harness.stats.proportions import mcnemar
from reports.limits import judge_limit

from .machine import DEVICE_VERDICTS
from .outcome import Kind, Outcome
from .series import NightContext

_TOLD_ELSEWHERE = DEVICE_VERDICTS | {"untimed"}
"""Verdicts without an outcome of their case: `machine.device` tells of them, or nobody asked for times."""


def accuracy(context: NightContext, scores: AccuracyPass, q: float) -> list[Outcome]:
    """Compare top-1 of each case whose build changed with its last good build, on the same images.

    Args:
        context: Tonight's cases and their last good builds.
        scores: Accuracy pass that runs both builds.
        q: False discovery rate over the cases of the night.

    Returns:
        An outcome per case whose change passes McNemar's exact test, after Benjamini-Hochberg, and the least effect.

    """
    builds = {
        name: (old, new) for name, new in context.prepared.items() if new.labelled and (old := context.baseline(name))
    }
    scores.run([case for pair in builds.values() for case in pair])
    tests = {name: test for name, (old, new) in builds.items() if (test := _mcnemar(scores, old, new)) is not None}
    passing = benjamini_hochberg([p for *_, p in tests.values()], q)
    outcomes = []
    for (name, (lost, won, n, p)), changed in zip(tests.items(), passing, strict=True):
        points = (won - lost) / n
        if changed and abs(points) >= context.rules.min_effect(name, "top1"):
            text = f"top-1 {100 * points:+.2f} points: {lost} images lost, {won} won of {n}; McNemar's exact p {p:.2g}"
            kind: Kind = "regression" if points < 0 else "improvement"
            evidence = {"lost": lost, "won": won, "images": n}
            outcomes.append(
                Outcome(kind, name, "top1", text, p_value=p, command=context.command(name, "top1"), evidence=evidence)
            )
    return outcomes


def _mcnemar(scores: AccuracyPass, old: PreparedCase, new: PreparedCase) -> tuple[int, int, int, float] | None:
    """Count the images that only the old build and only the new one got right, all images, and McNemar's p."""
    a, b = scores.of(old), scores.of(new)
    if not isinstance(a, CaseOutputs) or not isinstance(b, CaseOutputs) or len(a.labels) != len(b.labels):
        return None
    lost, won = discordant(a.hits, b.hits)
    return lost, won, len(a.labels), mcnemar(lost, won)


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
    with tempfile.TemporaryDirectory(prefix="edgebench-") as folder:
        job = prepared.job("latency", Path(folder) / "job", 0, PROFILES["smoke"].loop)
        return isinstance(run_worker(job, prepared.timeout_s), Answer)
