"""The accuracy pass: predictions for every labelled sample, apart from timing, several processes at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.case import Case
from harness.core.errors import DataError
from harness.core.quantity import Missing, Quantity, Value
from harness.core.task import PairedTest, PerSample, Predictions, Task, load_task
from harness.core.verdict import Finding
from harness.measure.outcomes import write_outcomes
from harness.measure.prepared import PreparedCase, side_by_side
from harness.measure.protocol import Job, LabelledData, StoppingRule

from .worker_process import Answer, WorkerFailure, run_worker

PAIRED = ("agreement", "quality_difference", "quality_p", "sqnr_db", "mcnemar_p", "top1_difference")
NAMES = ("quality", "n_samples", "top1", "top5", "n_images", *PAIRED)
Key = tuple[str, ...]

LEFT = 0.5
"""Least share of its parent's quality above chance that a net keeps, or its outputs are not the net's."""

SIGNIFICANT = 0.01
"""The p-value of a paired test below which a loss is no chance of the samples."""


@dataclass(frozen=True)
class CaseOutputs:
    """What a model predicts for labelled samples.

    Attributes:
        task: What it is to do.
        predictions: Its predictions, and what is right.
        facts: What the task says of the data set.
        unscored: Why nothing can be scored: predictions that are not finite, or labels of other classes; empty if it
            can.
        parts: Name and size of each part of the data set, in order.
        stop: Of a pass that could end early, the outcome of `harness.measure.worker.accuracy.EarlyStopping`.
        findings: What was decided about the samples and their labels, or left out.
    """

    task: Task
    predictions: Predictions
    facts: Mapping[str, Any] = field(default_factory=dict)
    unscored: str = ""
    parts: tuple[tuple[str, int], ...] = ()
    stop: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def __len__(self) -> int:
        return len(self.predictions)

    @property
    def places(self) -> NDArray[np.int64]:
        """Position of each sample in the data set, ascending."""
        return self.predictions.places

    @cached_property
    def outcomes(self) -> PerSample:
        """The outcome of each sample, as the task judges it."""
        return self.task.judge(self.predictions)

    @cached_property
    def quality(self) -> Value:
        """The quality with its interval."""
        return self.task.score(self.outcomes)

    def at(self, places: NDArray[np.int64]) -> CaseOutputs:
        """Return the predictions for the samples at some positions, as far as they are here."""
        return replace(self, predictions=self.predictions.at(places))

    def against(self, reference: CaseOutputs) -> tuple[CaseOutputs, CaseOutputs, PairedTest]:
        """Return both models' predictions for the samples that both have, and the test of their difference.

        The interval of a pass that could end early has the level of its last look.
        """
        other = reference.at(self.places)
        own = self.at(other.places)
        return own, other, self.task.compare(own.outcomes, other.outcomes, self.stop.get("level", 0.95))


class AccuracyPass:
    """Runs accuracy passes and keeps their outputs, since one fp32 model is the baseline of many cases."""

    def __init__(self, scratch: Path, margin: float | None = None) -> None:
        self._scratch = scratch
        self._margin = margin
        self._known: dict[Key, CaseOutputs | WorkerFailure] = {}

    def run(self, cases: Iterable[PreparedCase], references: Mapping[Case, PreparedCase] | None = None) -> None:
        """Run the passes that have not run yet, one process per core: this pass is not timed.

        With a `margin`, a case ends once its difference to its fp32 model in `references` is decided; those run first.
        """
        todo = {case.outputs_key: case for case in cases if case.labelled and case.outputs_key not in self._known}
        against = {key: ref for key, case in todo.items() if (ref := (references or {}).get(case.case))}
        early = {key for key, ref in against.items() if self._margin is not None and key != ref.outputs_key}
        self._pass_all({key: case for key, case in todo.items() if key not in early}, {})
        stops = {key: stop for key in early if (stop := self._stop(against[key]))}
        self._pass_all({key: case for key, case in todo.items() if key in early}, stops)

    def _pass_all(self, todo: Mapping[Key, PreparedCase], stops: Mapping[Key, StoppingRule]) -> None:
        jobs = {key: replace(self._job(case), stop=stops.get(key)) for key, case in todo.items()}
        labelled = {key: case.labelled for key, case in todo.items() if case.labelled}
        times = [case.timeout_s for case in todo.values()]
        with ThreadPoolExecutor(side_by_side(todo.values())) as pool:
            for key, answer in zip(jobs, pool.map(run_worker, jobs.values(), times), strict=True):
                self._known[key] = answer if isinstance(answer, WorkerFailure) else _scored(answer, labelled[key])

    def _job(self, case: PreparedCase) -> Job:
        out = self._scratch / f"accuracy-{abs(hash(case.outputs_key))}"
        return case.job("accuracy", out, seed=0)

    def _stop(self, reference: PreparedCase) -> StoppingRule | None:
        """Return what a case is compared with while it runs; None without fp32 scores: it then runs to its end."""
        scored = self._known.get(reference.outputs_key)
        if not isinstance(scored, CaseOutputs) or scored.unscored or self._margin is None:
            return None
        file = self._scratch / f"reference-{abs(hash(reference.outputs_key))}.npz"
        write_outcomes(file, scored.outcomes, scored.predictions)
        kind, points = scored.task.quality, 100 * self._margin
        words = f"{points:g} point{'s' * (points != 1)}" if kind.unit == "share" else f"{points:g} %"
        return StoppingRule(str(file.resolve()), kind.difference(self._margin, scored.quality.value), words)

    def of(self, case: PreparedCase) -> CaseOutputs | WorkerFailure:
        """Return the outputs of a case, or the failure of its pass; KeyError for a case that `run` was not given."""
        return self._known[case.outputs_key]

    def metrics(self, case: PreparedCase, reference: PreparedCase | None) -> dict[str, Quantity]:
        """Return every accuracy metric of the case, compared with the fp32 `reference` on the same runtime."""
        if case.labelled is None:
            return _all(Missing(case.unlabelled or "no labelled images: give some with --data"))
        own = self._known[case.outputs_key]
        if isinstance(own, WorkerFailure):
            return _all(Missing(f"the accuracy pass ended as {own.verdict.status}: {own.verdict.reason}"))
        if own.unscored:
            return _all(Missing(own.unscored))
        return {
            **_all(Missing(f"not a figure of {own.task.title}: see quality")),
            "quality": own.quality,
            "n_samples": Value(len(own)),
            **own.task.figures(own.predictions, own.outcomes),
            **self._paired(case, own, reference),
        }

    def _paired(self, case: PreparedCase, own: CaseOutputs, reference: PreparedCase | None) -> dict[str, Quantity]:
        if reference is None:
            return dict.fromkeys(PAIRED, Missing("no fp32 net to compare with"))
        if reference.outputs_key == case.outputs_key:
            return dict.fromkeys(PAIRED, Missing("the reference: others are compared with this fp32 net"))
        known = self._known.get(reference.outputs_key)
        if not isinstance(known, CaseOutputs):
            return dict.fromkeys(PAIRED, Missing("the accuracy pass of the fp32 net failed"))
        if known.unscored:
            return dict.fromkeys(PAIRED, Missing(f"of the fp32 net: {known.unscored}"))
        own, ref, test = own.against(known)
        return {
            "agreement": own.task.agreement(own.predictions, ref.predictions),
            "quality_difference": Value(test.value, test.lo, test.hi, len(own)),
            "quality_p": Value(test.p_value, n=len(own)),
            **own.task.paired_figures(own.predictions, ref.predictions, test),
        }

    def findings(self, case: PreparedCase) -> tuple[Finding, ...]:
        """Return findings on the accuracy of a case: samples left out, choices made, predictions without skill."""
        own = self._known.get(case.outputs_key)
        if case.labelled is None or not isinstance(own, CaseOutputs):
            return ()
        return own.findings if own.unscored else (*own.findings, *own.task.findings(own.predictions, own.outcomes))

    def lost(self, case: PreparedCase, reference: PreparedCase | None) -> str:
        """Return that the case lost more than half of what its float parent can do; '' where it did not.

        What a net can do is its quality above chance. Below half of its parent's, the part that is lost is as large as
        the part that is left; so is it for a net that predicts the same for every sample. The paired test says that
        this is no chance of few samples.
        """
        own = self._known.get(case.outputs_key)
        parent = self._known.get(reference.outputs_key) if reference else None
        if not isinstance(own, CaseOutputs) or not isinstance(parent, CaseOutputs) or own is parent:
            return ""
        if own.unscored or parent.unscored or not len(own) or (chance := own.task.chance(own.facts)) is None:
            return ""
        parent, kind = parent.at(own.places), own.task.quality
        left, able = (kind.sign * (each.quality.value - chance) for each in (own, parent))
        constant = own.task.is_constant(own.predictions)
        constant = "" if own.task.is_constant(parent.predictions) else constant
        by_chance = own.against(parent)[2].p_value >= SIGNIFICANT
        if able <= max(left, 0) or by_chance or not (constant or left < LEFT * able):
            return ""
        here, there = (kind.shown(each.quality.value) for each in (own, parent))
        words = f"{kind.label} is {here} on {len(own)} {own.task.samples}, that of the float model {there}"
        return f"{words}: {constant}" if constant else words

    def details(self, case: PreparedCase, reference: PreparedCase | None) -> dict[str, Any]:
        """Return what the record keeps beside the metrics: name and counts, by part and against `reference`."""
        own = self._known.get(case.outputs_key)
        if case.labelled is None or not isinstance(own, CaseOutputs) or own.unscored:
            return {}
        ref = self._known.get(reference.outputs_key) if reference else None
        paired = {}
        if isinstance(ref, CaseOutputs) and ref is not own and not ref.unscored:
            paired = own.task.paired_details(own.against(ref)[2])
        return {
            "name": case.labelled.figure,
            "task": own.task.name,
            "quality": asdict(own.task.quality),
            **own.task.details(own.outcomes, own.facts),
            "parts": dict(_by_part(own)),
            **({"stop": own.stop} if own.stop else {}),
            **({"output": output.name} if (output := case.labelled.output) and output.name else {}),
            **paired,
        }


def _by_part(scored: CaseOutputs) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield the right answers of each part; of a part cut by a limit on the samples, those of what is left."""
    start = 0
    for name, size in scored.parts:
        here = np.flatnonzero((scored.places >= start) & (scored.places < start + size))
        start += size
        if counts := scored.task.part(scored.outcomes.take(here)):
            yield name, counts


def _scored(answer: Answer, labelled: LabelledData) -> CaseOutputs:
    task, result = load_task(labelled.task), answer.result
    findings = [Finding(**found) for found in result.get("findings", ())]
    predictions, unscored = _predictions(answer.arrays), ""
    try:
        predictions, decided = task.fit(predictions, result, labelled.interface)
        findings += decided
    except DataError as error:
        unscored = error.message
    unscored = task.unusable(predictions) or unscored
    if lost := result.get("unreadable"):
        words, noun = "; ".join(lost.values()), task.samples if len(lost) != 1 else task.samples.removesuffix("s")
        findings.append(Finding("unreadable_images", "warn", f"{len(lost)} {noun} not scored: {words}"))
    return CaseOutputs(
        task=task,
        predictions=predictions,
        facts=result,
        unscored=unscored,
        parts=tuple((name, size) for name, size in result["parts"]),
        stop=result["stop"],
        findings=tuple(findings),
    )


def _predictions(arrays: Mapping[str, NDArray[Any]]) -> Predictions:
    """Return what a worker predicted, from its arrays."""
    outputs, labels = (PerSample(arrays[name], arrays[f"{name[:-1]}_counts"]) for name in ("outputs", "labels"))
    return Predictions(outputs, labels, arrays["places"])


def _all(missing: Missing) -> dict[str, Quantity]:
    return dict.fromkeys(NAMES, missing)
