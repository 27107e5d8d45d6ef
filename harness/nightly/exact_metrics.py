"""Findings that need no statistics over nights: counts, sizes, limits, and cases that no longer run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.core.metric import METRICS
from harness.core.quantity import Missing, Quantity
from harness.core.record import Record
from harness.measure.passes.accuracy import AccuracyPass, CaseOutputs
from harness.measure.passes.worker_process import Answer, run_worker
from harness.measure.prepared import PreparedCase
from harness.measure.presets import PROFILES
from harness.stats import benjamini_hochberg
from harness.stats.output_quality import discordant
from harness.stats.proportions import mcnemar
from reports.numbers import counted, scale_for, show

from .outcome import Kind, Outcome
from .series import NightContext

DEVICE_VERDICTS = frozenset({"throttled", "emulated"})
"""Verdicts that speak of the device and not of a build."""


def accuracy(tonight: NightContext, scores: AccuracyPass, q: float) -> list[Outcome]:
    """Top-1 of each case whose build changed, against its last good build on the same images: McNemar's exact test.

    False discovery rate `q` over the cases of the night (Benjamini-Hochberg).
    """
    sides = {name: (old, new) for name, new in tonight.prepared.items() if new.labelled and (old := tonight.old(name))}
    scores.run([case for pair in sides.values() for case in pair])
    tests = {name: test for name, (old, new) in sides.items() if (test := _lost(scores, old, new)) is not None}
    passing = benjamini_hochberg([p for *_, p in tests.values()], q)
    found = []
    for (name, (lost, won, n, p)), changed in zip(tests.items(), passing, strict=True):
        points = (won - lost) / n
        if changed and abs(points) >= tonight.rules.min_effect(name, "top1"):
            text = f"top-1 {100 * points:+.2f} points: {lost} images lost, {won} won of {n}; McNemar's exact p {p:.2g}"
            kind: Kind = "regression" if points < 0 else "improvement"
            evidence = {"lost": lost, "won": won, "images": n}
            found.append(Outcome(kind, name, "top1", text, p_value=p, command=tonight.command(name), evidence=evidence))
    return found


def _lost(scores: AccuracyPass, old: PreparedCase, new: PreparedCase) -> tuple[int, int, int, float] | None:
    """Images that only the old, and only the new build got right, how many there are, and McNemar's p."""
    a, b = scores.of(old), scores.of(new)
    if not isinstance(a, CaseOutputs) or not isinstance(b, CaseOutputs) or len(a.labels) != len(b.labels):
        return None
    lost, won = discordant(a.hits, b.hits)
    return lost, won, len(a.labels), mcnemar(lost, won)


def sizes(tonight: NightContext) -> list[Outcome]:
    """Model files that grew or shrank against the last good build."""
    found = []
    for name, new in tonight.prepared.items():
        old = tonight.old(name)
        if old is None:
            continue
        before, after = old.artifact.size_bytes, new.artifact.size_bytes
        if abs(after / before - 1) >= tonight.rules.min_effect(name, "artifact_bytes"):
            kind: Kind = "regression" if after > before else "improvement"
            text = f"{before} -> {after} bytes ({100 * (after / before - 1):+.1f} %)"
            command = tonight.command(name)
            found.append(Outcome(kind, name, "artifact_bytes", text, ratio=after / before, command=command))
    return found


def limits(records: Iterable[Record], tonight: NightContext) -> list[Outcome]:
    """Metrics beyond a limit of the suite: a regression with their whole interval, inconclusive with part of it."""
    found = []
    for record in records:
        for limit in tonight.rules.limits(record.case_id):
            quantity = record.quantity(limit.metric)
            broken = limit.exceeded_by(quantity)
            if broken is False:
                continue
            kind: Kind = "regression" if broken else "inconclusive"
            text = f"{limit.text}: {_found(limit.metric, quantity)}"
            found.append(Outcome(kind, record.case_id, limit.metric, text, command=tonight.command(record.case_id)))
    return found


def _found(metric: str, quantity: Quantity) -> str:
    if isinstance(quantity, Missing):
        return f"no figure: {quantity.reason}"
    scale = scale_for(METRICS[metric], [quantity.value])
    return f"found {show(quantity, scale).words(scale.unit)}"


def failures(records: Sequence[Record], tonight: NightContext) -> list[Outcome]:
    """Cases that gave no figures: a regression where the last good build still runs, else the device's matter.

    A case that is unsupported and never ran here is no finding.
    """
    found = []
    for record in records:
        name, verdict = record.case_id, record.verdict
        ran = verdict.failed or tonight.kept.good(name) is not None
        if record.value("n_inferences") is not None or not ran:
            continue
        old = tonight.old(name)
        kind: Kind = "infrastructure"
        if old is not None and _runs(old):
            kind, why = "regression", "the last good build still runs"
        elif name not in tonight.prepared:
            why = "it cannot be prepared any more"
        else:
            why = "the last good build fails too" if old else "no other build is kept to try"
        text = f"{verdict.status}: {verdict.reason}; {why}"
        found.append(Outcome(kind, name, "", text, command=tonight.command(name)))
    return found


def _runs(prepared: PreparedCase) -> bool:
    with tempfile.TemporaryDirectory(prefix="edgebench-") as folder:
        job = prepared.job("latency", Path(folder) / "job", 0, PROFILES["smoke"].loop)
        return isinstance(run_worker(job, prepared.timeout_s), Answer)


def device(records: Sequence[Record]) -> list[Outcome]:
    """One outcome for each verdict that speaks of the device."""
    found = []
    for status in sorted(DEVICE_VERDICTS):
        hit = [record for record in records if record.verdict.status == status]
        if hit:
            text = f"{counted(len(hit), 'case')} {status}: {hit[0].verdict.reason}"
            found.append(Outcome("infrastructure", "", "", text, command="edgebench doctor"))
    return found
