"""The accuracy phase of a worker: outputs for every labelled image, or until the difference to fp32 is decided."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.artifact import ScoredOutput
from harness.datasets.dataset import Dataset, open_dataset
from harness.datasets.label_mapping import Label, label_array
from harness.datasets.pictures import Image
from harness.datasets.preprocessing import preprocess
from harness.measure.protocol import Job, StoppingRule
from harness.runtimes.base import Outputs, Session, SessionError, TensorSpec
from harness.runtimes.outputs import is_numeric, per_sample
from harness.stats.output_quality import class_scores, discordant, hits
from harness.stats.proportions import Difference, decide, planned_looks

from .inputs import filled, only_input
from .progress import note
from .setup import Outcome

_TELL_S = 1.0
"""How often it is noted how many images are done."""


def accuracy(session: Session, job: Job) -> Outcome:
    """Infer every image, in the order and as far as the job says.

    A file that fixes a batch gets so many images at once; the last one repeated fills the last batch.
    """
    if job.labelled is None:
        raise ValueError("an accuracy job needs labelled images")
    spec = only_input(session)
    dataset = open_dataset(job.labelled.kind, Path(job.labelled.path))
    stopping = EarlyStopping(job.stop) if job.stop else None
    places, outputs, labels = [], [], []
    images = in_order(dataset, job.labelled.limit, job.stop.seed if job.stop else None)
    told = time.monotonic()
    for place, label, scores in _scores(session, spec, job, images):
        places.append(place)
        outputs.append(scores)
        labels.append(label)
        if time.monotonic() - told > _TELL_S:
            told = time.monotonic()
            note(job.out, images=len(places))
        if stopping and stopping.decided(places, outputs):
            break
    sizes = sorted({len(each) for each in outputs})
    if len(sizes) > 1:
        raise SessionError(
            f"the output has {sizes[0]} values for one image and {sizes[-1]} for another: no scores of classes",
            "leave --data out: latency needs no images",
        )
    if not outputs:
        raise SessionError(f"none of {len(dataset)} images can be read", "see that the files are still there")
    facts = {
        "label_mapping": asdict(dataset.label_mapping),
        "parts": list(dataset.parts),
        "stop": stopping.outcome if stopping else {},
        "findings": [asdict(finding) for finding in dataset.findings],
        "unreadable": {str(path): reason for path, reason in dataset.unreadable.items()},
    }
    sort = np.argsort(places)
    arrays = {
        "places": np.array(places)[sort],
        "outputs": np.stack(outputs)[sort],
        "labels": label_array(labels)[sort],
    }
    return facts, arrays


def _scores(
    session: Session, spec: TensorSpec, job: Job, images: Iterator[tuple[int, Image, Label]]
) -> Iterator[tuple[int, Label, NDArray[np.float32]]]:
    """Yield position, label and scores of each image."""
    assert job.labelled is not None
    batch, how = job.options.batch, job.labelled.preprocess
    while group := list(islice(images, batch)):
        session.reset_state()
        session.prepare({spec.name: spec.encode(filled([preprocess(image, how) for _, image, _ in group], batch))})
        session.infer()
        scores = scored_output(session.fetch(), job.labelled.output, batch)
        for (place, _, label), row in zip(group, scores, strict=False):
            yield place, label, row


def scored_output(outputs: Outputs, wanted: ScoredOutput | None, batch: int = 1) -> NDArray[np.float32]:
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


def in_order(dataset: Dataset, limit: int | None, seed: int | None) -> Iterator[tuple[int, Image, Label]]:
    """Yield position, image and label of the first `limit` images; in random order where there is a seed."""
    count = min(limit or len(dataset), len(dataset))
    places = range(count) if seed is None else np.random.default_rng(seed).permutation(count).tolist()
    return dataset.select(places)


class EarlyStopping:
    """A sequential test of the difference to fp32, made when a look is planned.

    Attributes:
        outcome: The result of the last look, for the record; empty before the first.
    """

    def __init__(self, stop: StoppingRule) -> None:
        with np.load(stop.reference, allow_pickle=False) as file:
            self._hits, self._labels = file["hits"], file["labels"]
        self._stop = stop
        self._budget = len(self._hits)
        self._looks = planned_looks(self._budget) if self._budget > 1 else ()
        self.outcome: dict[str, Any] = {}

    def decided(self, places: list[int], outputs: list[NDArray[np.float32]]) -> bool:
        """Return whether the difference is decided after these images; called after each."""
        n = len(places)
        if n not in self._looks or outputs[0].size != self._stop.classes:
            return False
        hits_here = hits(class_scores(np.stack(outputs)), self._labels[places])
        difference = decide(*discordant(self._hits[places], hits_here), n, self._budget, self._stop.margin)
        self.outcome = {
            **asdict(difference),
            "n": n,
            "of": self._budget,
            "margin": self._stop.margin,
            "words": self._words(difference, n),
        }
        return difference.finding != "undecided"

    def _words(self, difference: Difference, n: int) -> str:
        points = f"{100 * self._stop.margin:g} point{'s' * (self._stop.margin != 0.01)}"
        if difference.finding == "undecided":
            return f"undecided after all {n} images: neither within {points} of fp32 nor better or worse"
        finding = f"within {points} of fp32" if difference.finding == "within" else f"{difference.finding} than fp32"
        after = f"stopped after {n} of {self._budget} images" if n < self._budget else f"after all {n} images"
        return f"{after}: {finding}"
