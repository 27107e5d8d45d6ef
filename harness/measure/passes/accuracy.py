"""The accuracy pass: outputs for every labelled image, apart from timing, several processes at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.artifact import ScoredOutput
from harness.core.case import Case
from harness.core.errors import DataError
from harness.core.quantity import Missing, Quantity, Value
from harness.core.verdict import Finding
from harness.datasets.label_mapping import NO_LABEL, LabelMapping
from harness.measure.prepared import PreparedCase, side_by_side
from harness.measure.protocol import Job, StoppingRule
from harness.stats import mcnemar, output_quality, wilson
from harness.stats.proportions import paired_difference

from .worker_process import Answer, WorkerFailure, run_worker

NAMES = ("top1", "top5", "n_images", "agreement", "sqnr_db", "mcnemar_p", "top1_difference")
Key = tuple[str, ...]

LEFT = 0.5
"""Least share of its parent's accuracy above chance that a net keeps, or its outputs are not the net's."""

SIGNIFICANT = 0.01
"""McNemar's p below which a loss is no chance of the images."""


@dataclass(frozen=True)
class CaseOutputs:
    """The outputs of a model for labelled images.

    Attributes:
        outputs: Images x classes, float32.
        labels: As `harness.datasets.label_mapping.label_array` returns them.
        classes: Number of classes of the data set.
        unscored: Why nothing can be scored: outputs that are not finite, or labels of other classes; empty if it can.
        parts: Name and size of each part of the data set, in order.
        places: The positions of the images in the data set, ascending.
        stop: Of a pass that could end early, the outcome of `harness.measure.worker.accuracy.EarlyStopping`.
        findings: What was decided about the images and their labels, or left out.
    """

    outputs: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: int
    places: NDArray[np.int64]
    unscored: str = ""
    parts: tuple[tuple[str, int], ...] = ()
    stop: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def at(self, places: NDArray[np.int64]) -> CaseOutputs:
        """Return the outputs of the images at some positions, as far as they are here."""
        here = np.isin(self.places, places)
        return replace(self, outputs=self.outputs[here], labels=self.labels[here], places=self.places[here])

    @property
    def scores(self) -> NDArray[np.float32]:
        """Images x classes: the outputs, or two columns for a binary classifier's only output."""
        return output_quality.class_scores(self.outputs)

    @property
    def hits(self) -> NDArray[np.bool_]:
        """For each image, whether the best class is its label."""
        return output_quality.hits(self.scores, self.labels)

    @property
    def names_one_class(self) -> bool:
        """Whether the best class is the same for every image."""
        return len(self.outputs) > 0 and len(np.unique(self.outputs.argmax(axis=1))) == 1


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
        outputs = {key: case.labelled.output for key, case in todo.items() if case.labelled}
        times = [case.timeout_s for case in todo.values()]
        with ThreadPoolExecutor(side_by_side(todo.values())) as pool:
            for key, answer in zip(jobs, pool.map(run_worker, jobs.values(), times), strict=True):
                self._known[key] = answer if isinstance(answer, WorkerFailure) else _scored(answer, outputs.get(key))

    def _job(self, case: PreparedCase) -> Job:
        out = self._scratch / f"accuracy-{abs(hash(case.outputs_key))}"
        return case.job("accuracy", out, seed=0)

    def _stop(self, reference: PreparedCase) -> StoppingRule | None:
        """Return what a case is compared with while it runs; None without fp32 scores: it then runs to its end."""
        scored = self._known.get(reference.outputs_key)
        if not isinstance(scored, CaseOutputs) or scored.unscored or self._margin is None:
            return None
        file = self._scratch / f"reference-{abs(hash(reference.outputs_key))}.npz"
        size = int(scored.places[-1]) + 1  # an image that could not be read leaves a gap: no label, so never right
        hits, labels = np.zeros(size, bool), np.full((size, *scored.labels.shape[1:]), NO_LABEL)
        hits[scored.places], labels[scored.places] = scored.hits, scored.labels
        np.savez(file, hits=hits, labels=labels)
        return StoppingRule(str(file.resolve()), scored.outputs.shape[1], self._margin)

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
            "top1": output_quality.accuracy(own.scores, own.labels, 1),
            "top5": output_quality.accuracy(own.scores, own.labels, 5),
            "n_images": Value(len(own.labels)),
            **self._fidelity(case, own, reference),
        }

    def _fidelity(self, case: PreparedCase, own: CaseOutputs, reference: PreparedCase | None) -> dict[str, Quantity]:
        names = ("agreement", "sqnr_db", "mcnemar_p", "top1_difference")
        if reference is None:
            return dict.fromkeys(names, Missing("no fp32 net to compare with"))
        if reference.outputs_key == case.outputs_key:
            return dict.fromkeys(names, Missing("the reference: others are compared with this fp32 net"))
        known = self._known.get(reference.outputs_key)
        if not isinstance(known, CaseOutputs):
            return dict.fromkeys(names, Missing("the accuracy pass of the fp32 net failed"))
        if known.unscored:
            return dict.fromkeys(names, Missing(f"of the fp32 net: {known.unscored}"))
        ref = known.at(own.places)
        own = own.at(ref.places)
        alike = own.outputs.shape == ref.outputs.shape
        other = Missing(f"{own.outputs.shape[1]} outputs, the fp32 net has {ref.outputs.shape[1]}")
        return {
            "agreement": output_quality.agreement(own.scores, ref.scores) if alike else other,
            "sqnr_db": output_quality.sqnr_db(own.outputs, ref.outputs) if alike else other,
            "mcnemar_p": Value(mcnemar(*output_quality.discordant(own.hits, ref.hits)), n=len(own.hits)),
            "top1_difference": _difference(own, ref),
        }

    def findings(self, case: PreparedCase) -> tuple[Finding, ...]:
        """Return findings on the accuracy of a case: images left out, choices made, predictions without skill."""
        own = self._known.get(case.outputs_key)
        if case.labelled is None or not isinstance(own, CaseOutputs):
            return ()
        return own.findings if own.unscored else (*own.findings, *skill_findings(own.scores, own.labels))

    def lost(self, case: PreparedCase, reference: PreparedCase | None) -> str:
        """Return that the case lost more than half of what its float parent can do; '' where it did not.

        What a net can do is its top-1 above chance. Below half of its parent's, the part that is lost is as large as
        the part that is left; so is it for a net that names one class alone. McNemar's test says that this is no chance
        of few images.
        """
        own = self._known.get(case.outputs_key)
        parent = self._known.get(reference.outputs_key) if reference else None
        if not isinstance(own, CaseOutputs) or not isinstance(parent, CaseOutputs) or own is parent:
            return ""
        if own.unscored or parent.unscored or not len(own.hits):
            return ""
        parent = parent.at(own.places)
        chance = 1 / max(own.classes, 1)
        left, able = float(own.hits.mean()) - chance, float(parent.hits.mean()) - chance
        constant = own.names_one_class and not parent.names_one_class
        by_chance = mcnemar(*output_quality.discordant(own.hits, parent.hits)) >= SIGNIFICANT
        if able <= max(left, 0) or by_chance or not (constant or left < LEFT * able):
            return ""
        top1, parents = own.hits.mean(), parent.hits.mean()
        words = f"top-1 is {top1:.0%} on {len(own.hits)} images, that of the float model {parents:.0%}"
        return f"{words}: it names one class alone" if constant else words

    def details(self, case: PreparedCase, reference: PreparedCase | None) -> dict[str, Any]:
        """Return what the record keeps beside the metrics: name and counts, by part and against `reference`."""
        own = self._known.get(case.outputs_key)
        if case.labelled is None or not isinstance(own, CaseOutputs) or own.unscored:
            return {}
        ref = self._known.get(reference.outputs_key) if reference else None
        against = None
        if isinstance(ref, CaseOutputs) and ref is not own and not ref.unscored:
            there = ref.at(own.places)
            against = output_quality.discordant(own.at(there.places).hits, there.hits)
        return {
            "name": case.labelled.figure,
            "right": int(own.hits.sum()),
            "n": len(own.hits),
            "parts": dict(_by_part(own)),
            **({"stop": own.stop} if own.stop else {}),
            **({"output": case.labelled.output.name} if case.labelled.output else {}),
            **({"right_here_alone": against[0], "right_in_fp32_alone": against[1]} if against else {}),
        }


def skill_findings(scores: NDArray[np.float32], labels: NDArray[np.int64]) -> list[Finding]:
    """Return what shows that predictions have nothing to do with their images, whatever setting made the model.

    Chance is one of as many classes as the model has scores for.
    """
    best, n = scores.argmax(axis=1), len(scores)
    right = int(output_quality.hits(scores, labels).sum())
    remedy = "check --preprocess, the order of the classes and the output that is scored; a setting may have broken it"
    findings = []
    first = labels if labels.ndim == 1 else labels[:, 0]
    if n > 1 and (scores == scores[0]).all():
        findings.append(Finding("constant_outputs", "warn", f"the outputs are the same for all {n} images", remedy))
    elif n > 1 and len(set(best.tolist())) == 1 < len(set(first.tolist())):
        words = f"all {n} images are predicted to be of class {best[0]}"
        findings.append(Finding("one_class_predicted", "warn", words, remedy))
    lo, hi = wilson(right, n)
    if lo <= 1 / scores.shape[1]:
        words = f"top-1 of {right} in {n} ({lo:.0%} to {hi:.0%}) is not above chance, 1 in {scores.shape[1]}"
        findings.append(Finding("chance_level", "warn", words, remedy))
    return findings


def _by_part(scored: CaseOutputs) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield the right answers of each part; of a part cut by a limit on the images, those of what is left."""
    start = 0
    for name, size in scored.parts:
        hits = scored.hits[(scored.places >= start) & (scored.places < start + size)]
        start += size
        yield name, {"right": int(hits.sum()), "n": len(hits)}


def _scored(answer: Answer, output: ScoredOutput | None) -> CaseOutputs:
    mapping = LabelMapping.from_json(answer.result["label_mapping"])
    if output is not None:
        mapping = replace(mapping, by_name=output.classes)
    findings = [Finding(**found) for found in answer.result.get("findings", ())]
    outputs, labels, unscored = answer.arrays["outputs"], answer.arrays["labels"], ""
    try:
        labels = mapping.fit(labels, outputs.shape[1])
        findings += mapping.findings(outputs.shape[1])
    except DataError as error:
        unscored = error.message
    if broken := output_quality.not_finite(outputs):
        unscored = broken.reason
    if lost := answer.result.get("unreadable"):
        words = "; ".join(lost.values())
        findings.append(
            Finding("unreadable_images", "warn", f"{len(lost)} image{'s' * (len(lost) != 1)} not scored: {words}")
        )
    return CaseOutputs(
        outputs=outputs,
        labels=labels,
        classes=mapping.classes,
        places=answer.arrays["places"],
        unscored=unscored,
        parts=tuple((name, size) for name, size in answer.result["parts"]),
        stop=answer.result["stop"],
        findings=tuple(findings),
    )


def _difference(own: CaseOutputs, reference: CaseOutputs) -> Value:
    """Return top-1 minus fp32's on the same images, with its paired interval.

    The interval of a pass that could end early has the level of its last look.
    """
    alone, in_reference = output_quality.discordant(own.hits, reference.hits)
    n = len(own.hits)
    lo, hi = paired_difference(in_reference, alone, n, own.stop.get("level", 0.95))
    return Value((alone - in_reference) / n, lo, hi, n)


def _all(missing: Missing) -> dict[str, Quantity]:
    return dict.fromkeys(NAMES, missing)
