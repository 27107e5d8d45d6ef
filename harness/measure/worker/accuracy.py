"""The accuracy phase of a worker: predictions for every sample, or until the difference to fp32 is decided."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.task import Dataset, PairedTest, PerSample, Predictions, Task, load_task
from harness.datasets.part import open_samples
from harness.measure.outcomes import read_outcomes
from harness.measure.protocol import Job, StoppingRule
from harness.runtimes.base import Session, SessionError, TensorSpec
from harness.stats.proportions import Difference, decide, planned_looks

from .inputs import only_input
from .progress import note
from .setup import Outcome

_TELL_S = 1.0
"""How often it is noted how many samples are done."""


def accuracy(session: Session, job: Job) -> Outcome:
    """Infer every sample, in the order and as far as the job says.

    A file that fixes a batch gets so many samples at once; the last one repeated fills the last batch.
    """
    if job.labelled is None:
        raise ValueError("an accuracy job needs labelled samples")
    task = load_task(job.labelled.task)
    spec = only_input(session)
    dataset = open_samples(task, job.labelled.kind, Path(job.labelled.path))
    stopping = EarlyStopping(task, job.stop) if job.stop else None
    places: list[int] = []
    predicted: list[NDArray[Any]] = []
    labels: list[Any] = []
    samples = in_order(dataset, job.labelled.limit, job.stop.seed if job.stop else None)
    told = time.monotonic()
    for place, label, prediction in _predictions(session, spec, task, job, samples):
        places.append(place)
        predicted.append(prediction)
        labels.append(label)
        if time.monotonic() - told > _TELL_S:
            told = time.monotonic()
            note(job.out, images=len(places))
        if stopping and stopping.decided(places, predicted):
            break
    if not predicted:
        raise SessionError(f"none of {len(dataset)} {task.samples} can be read", "see that the files are still there")
    facts = {
        **task.facts(dataset),
        "parts": list(dataset.parts),
        "stop": stopping.outcome if stopping else {},
        "findings": [asdict(finding) for finding in dataset.findings],
        "unreadable": {str(path): reason for path, reason in dataset.unreadable.items()},
    }
    sort = np.argsort(places)
    outputs, truths = _joined(predicted).take(sort), task.truths(labels).take(sort)
    arrays = {
        "places": np.array(places)[sort],
        "outputs": outputs.values,
        "output_counts": outputs.counts,
        "labels": truths.values,
        "label_counts": truths.counts,
    }
    return facts, arrays


def _joined(predicted: list[NDArray[Any]]) -> PerSample:
    """Return the predictions behind one another.

    Raises:
        SessionError: The rows of one have another size than those of another.
    """
    sizes = sorted({each.shape[1:] for each in predicted})
    if len(sizes) > 1:
        small, large = (int(np.prod(size)) for size in (sizes[0], sizes[-1]))
        raise SessionError(
            f"the output has {small} values for one image and {large} for another: no scores of classes",
            "leave --data out: latency needs no images",
        )
    return PerSample.of(predicted)


def _predictions(
    session: Session, spec: TensorSpec, task: Task, job: Job, samples: Iterator[tuple[int, Any, Any]]
) -> Iterator[tuple[int, Any, NDArray[Any]]]:
    """Yield position, label and prediction of each sample."""
    assert job.labelled is not None
    batch, how = job.options.batch, job.labelled.interface
    while group := list(islice(samples, batch)):
        given = [sample for _, sample, _ in group]
        given += [given[-1]] * (batch - len(given))
        session.reset_state()
        session.prepare({spec.name: spec.encode(np.stack([task.encode(sample, how.preprocess) for sample in given]))})
        session.infer()
        found = task.decode(session.fetch(), given, how)
        for (place, _, label), prediction in zip(group, found, strict=False):
            yield place, label, prediction


def in_order(dataset: Dataset, limit: int | None, seed: int | None) -> Iterator[tuple[int, Any, Any]]:
    """Yield position, sample and label of the first `limit` samples; in random order where there is a seed."""
    count = min(limit or len(dataset), len(dataset))
    places = range(count) if seed is None else np.random.default_rng(seed).permutation(count).tolist()
    return dataset.select(places)


class EarlyStopping:
    """A sequential test of the difference to fp32, made when a look is planned.

    Attributes:
        outcome: The result of the last look, for the record; empty before the first.
    """

    def __init__(self, task: Task, stop: StoppingRule) -> None:
        self._task, self._stop = task, stop
        self._reference = read_outcomes(Path(stop.reference))
        self._budget = len(self._reference.places)
        self._looks = planned_looks(self._budget) if self._budget > 1 else ()
        self.outcome: dict[str, Any] = {}

    def decided(self, places: list[int], predicted: list[NDArray[Any]]) -> bool:
        """Return whether the difference is decided after these samples; called after each."""
        n = len(places)
        if n not in self._looks or predicted[0].shape[1:] != self._reference.width:
            return False
        first, second = self._outcomes(np.array(places), predicted)
        difference = decide(
            lambda level: self._difference(second, first, level),
            n,
            self._budget,
            self._stop.margin,
            self._task.quality.better,
        )
        self.outcome = {
            **asdict(difference),
            "n": n,
            "of": self._budget,
            "margin": self._stop.margin,
            "words": self._words(difference, n),
        }
        return difference.finding != "undecided"

    def _outcomes(self, places: NDArray[np.int64], predicted: list[NDArray[Any]]) -> tuple[PerSample, PerSample]:
        """Return the outcomes of the reference and of this model for the samples that both have."""
        known = self._reference
        both, here, there = np.intersect1d(places, known.places, return_indices=True)
        predictions = Predictions(_joined(predicted).take(here), known.truths.take(there), both)
        return known.outcomes.take(there), self._task.judge(predictions)

    def _difference(self, outcomes: PerSample, reference: PerSample, level: float) -> tuple[float, float, float]:
        test: PairedTest = self._task.compare(outcomes, reference, level)
        return test.value, test.lo, test.hi

    def _words(self, difference: Difference, n: int) -> str:
        margin, samples = self._stop.words, self._task.samples
        if difference.finding == "undecided":
            return f"undecided after all {n} {samples}: neither within {margin} of fp32 nor better or worse"
        finding = f"within {margin} of fp32" if difference.finding == "within" else f"{difference.finding} than fp32"
        after = f"stopped after {n} of {self._budget} {samples}" if n < self._budget else f"after all {n} {samples}"
        return f"{after}: {finding}"
