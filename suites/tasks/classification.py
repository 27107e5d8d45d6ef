"""Image classification: the best class of each image is right or wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import UsageError
from harness.core.quality import CLASSIFICATION, TOP1
from harness.core.quantity import Missing, Quantity, Value
from harness.core.task import Interface, PairedTest, PerSample, Predictions, Task, UserData, Wanted
from harness.core.verdict import Finding
from harness.datasets.dataset import open_dataset, open_folder
from harness.datasets.label_mapping import LabelMapping, label_array
from harness.datasets.manifest import checked
from harness.datasets.model_outputs import choose_output
from harness.datasets.preprocessing import preprocess
from harness.runtimes.base import SessionError
from harness.runtimes.outputs import is_numeric, per_sample
from harness.stats import mcnemar, output_quality, wilson
from harness.stats.proportions import paired_difference

if TYPE_CHECKING:
    from harness.core.artifact import Preprocess, ScoredOutput
    from harness.datasets.dataset import Dataset

    Array = NDArray[Any]


class Classification(Task):
    """Images and their classes; a prediction holds the scores of all classes, an outcome whether the best is right."""

    name = CLASSIFICATION
    title = "image classification"
    quality = TOP1
    samples = "images"
    column = "top1"

    def open(self, kind: str, path: Path) -> Dataset:
        """Open IDX files, class folders, a labels file or a manifest of those."""
        return open_dataset(kind, path)

    def list_samples(self, path: Path, labels: Any, limit: int | None) -> UserData:
        """Return the images that can be read, each decoded once."""
        images = checked(open_folder(path, labels), limit)
        return UserData("manifest", images.write(), images)

    def stratum(self, label: Any) -> int:
        """Return the class of an image."""
        return int(label if isinstance(label, int) else label[0])

    def interface(self, preprocess: Preprocess, outputs: Mapping[str, Sequence[int]], wanted: Wanted) -> Interface:
        """Return which output holds the scores of the classes."""
        if wanted.decode:
            raise UsageError("--decode is for tasks with several conventions of outputs", "leave it out: see --output")
        scored = choose_output(outputs, wanted.dataset.label_mapping, wanted.output, wanted.class_names)
        return Interface(preprocess, scored)

    def decided(self, how: Interface, wanted: Wanted) -> Sequence[Finding]:
        """Return how labels are counted."""
        assert how.output is not None
        mapping: LabelMapping = wanted.dataset.label_mapping
        return replace(mapping, by_name=how.output.classes).findings(how.output.size)

    def encode(self, sample: Any, how: Preprocess) -> Array:
        """Resize, crop and normalize an image."""
        return preprocess(sample, how)

    def decode(self, outputs: Mapping[str, Array], samples: Sequence[Any], how: Interface) -> Sequence[Array]:
        """Return the scores of the classes, one row for each image."""
        return [row[None] for row in scored_output(outputs, how.output, len(samples))]

    def truths(self, labels: Sequence[Any]) -> PerSample:
        """Return one class per image, or as many as the image has of them."""
        return PerSample.rows(label_array(labels))

    def facts(self, dataset: Any) -> dict[str, Any]:
        """Return what the labels count."""
        return {"label_mapping": asdict(dataset.label_mapping)}

    def fit(
        self, predictions: Predictions, facts: Mapping[str, Any], how: Interface
    ) -> tuple[Predictions, tuple[Finding, ...]]:
        """Return the predictions with labels that are indices among the model's outputs."""
        mapping = LabelMapping.from_json(facts["label_mapping"])
        if how.output is not None:
            mapping = replace(mapping, by_name=how.output.classes)
        (outputs,) = predictions.width
        truths = PerSample.rows(mapping.fit(predictions.truths.values, outputs))
        return replace(predictions, truths=truths), tuple(mapping.findings(outputs))

    def unusable(self, predictions: Predictions) -> str:
        """Return how many images have no best class: minus infinity is how a net masks one, and may stand."""
        broken = output_quality.not_finite(predictions.predicted.values)
        return broken.reason if broken else ""

    def judge(self, predictions: Predictions) -> PerSample:
        """Return for each image whether the best class is its label."""
        return PerSample.rows(output_quality.hits(_scores(predictions), predictions.truths.values))

    def score(self, outcomes: PerSample) -> Value:
        """Return top-1 with Wilson's interval."""
        hits = outcomes.values
        return Value(float(hits.mean()), *wilson(int(hits.sum()), len(hits)), len(hits))

    def compare(self, outcomes: PerSample, reference: PerSample, level: float = 0.95) -> PairedTest:
        """Return the difference of top-1 with Tango's interval, and McNemar's exact p."""
        lost, won = output_quality.discordant(reference.values, outcomes.values)
        n = len(outcomes)
        p = mcnemar(lost, won)
        return PairedTest(
            (won - lost) / n,
            *paired_difference(lost, won, n, level),
            p_value=p,
            words=f"{lost} images lost, {won} won of {n}; McNemar's exact p {p:.2g}",
            evidence={"lost": lost, "won": won, "images": n},
        )

    def agreement(self, predictions: Predictions, reference: Predictions) -> Quantity:
        """Return the share of images whose best class is the same."""
        if predictions.width != reference.width:
            return _other_outputs(predictions, reference)
        return output_quality.agreement(_scores(predictions), _scores(reference))

    def chance(self, facts: Mapping[str, Any]) -> float | None:
        """Return one of as many classes as the data set has."""
        return 1 / max(int(facts["label_mapping"]["classes"]), 1)

    def figures(self, predictions: Predictions, outcomes: PerSample) -> dict[str, Quantity]:
        """Return top-1 and top-5."""
        scores, labels = _scores(predictions), predictions.truths.values
        return {
            "top1": output_quality.accuracy(scores, labels, 1),
            "top5": output_quality.accuracy(scores, labels, 5),
            "n_images": Value(len(predictions)),
        }

    def paired_figures(self, own: Predictions, reference: Predictions, test: PairedTest) -> dict[str, Quantity]:
        """Return McNemar's p, the difference of top-1, and the noise of the scores."""
        first, second = own.predicted.values, reference.predicted.values
        alike = own.width == reference.width
        return {
            "sqnr_db": output_quality.sqnr_db(first, second) if alike else _other_outputs(own, reference),
            "mcnemar_p": Value(test.p_value, n=len(own)),
            "top1_difference": Value(test.value, test.lo, test.hi, len(own)),
        }

    def findings(self, predictions: Predictions, outcomes: PerSample) -> Sequence[Finding]:
        """Return what shows that predictions have nothing to do with their images."""
        return skill_findings(_scores(predictions), predictions.truths.values)

    def is_constant(self, predictions: Predictions) -> str:
        """Return that the best class is the same for every image."""
        outputs = predictions.predicted.values
        one = len(outputs) > 0 and len(np.unique(outputs.argmax(axis=1))) == 1
        return "it names one class alone" if one else ""

    def details(self, outcomes: PerSample, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Return how many images are right."""
        return self.part(outcomes)

    def part(self, outcomes: PerSample) -> dict[str, int]:
        """Return how many images of a part are right."""
        return {"right": int(outcomes.values.sum()), "n": len(outcomes)}

    def paired_details(self, test: PairedTest) -> dict[str, Any]:
        """Return how many images are right here alone, and in the float model alone."""
        return {"right_here_alone": test.evidence["won"], "right_in_fp32_alone": test.evidence["lost"]}


def scored_output(outputs: Mapping[str, Array], wanted: ScoredOutput | None, batch: int = 1) -> NDArray[np.float32]:
    """Return the scores of the classes: samples x values of the output of that name, or of the only one of its size.

    Raises:
        SessionError: The runtime calls its outputs otherwise, and none or several have the size.
    """
    outputs = {name: array for name, array in outputs.items() if is_numeric(array)}
    if not outputs:
        raise SessionError("no output of the model holds numbers", "export it with the scores of its classes")
    values = next(iter(outputs.values()))
    if wanted is not None and len(outputs) > 1:
        fitting = [array for array in outputs.values() if array.size == wanted.size * batch]
        if wanted.name not in outputs and len(fitting) != 1:
            raise SessionError(
                f"this runtime has no output '{wanted.name}': {', '.join(outputs)}", "export the model with one output"
            )
        values = outputs[wanted.name] if wanted.name in outputs else fitting[0]
    return per_sample(values, batch)


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


def _scores(predictions: Predictions) -> NDArray[np.float32]:
    """Return images x classes: the outputs, or two columns for a binary classifier's only output."""
    return output_quality.class_scores(predictions.predicted.values)


def _other_outputs(own: Predictions, reference: Predictions) -> Missing:
    return Missing(f"{own.width[0]} outputs, the fp32 net has {reference.width[0]}")


PLUGINS: tuple[Task, ...] = (Classification(),)
