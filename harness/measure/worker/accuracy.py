"""The accuracy phase of a worker: outputs for every labelled image, or until the difference to fp32 is decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.datasets.dataset import Dataset, open_dataset
from harness.datasets.image_folders import Image
from harness.datasets.label_mapping import Label, rows
from harness.datasets.preprocessing import preprocess
from harness.measure.protocol import Job, StoppingRule
from harness.runtimes.base import Session, TensorSpec
from harness.stats.output_quality import discordant, hits
from harness.stats.proportions import Difference, decide, looks

from .setup import Outcome, filled, only_input, per_sample


def accuracy(session: Session, job: Job) -> Outcome:
    """Return the outputs for every image, in the order and as far as the job says.

    A file that fixes a batch gets so many images at once; the last one repeated fills the last batch.
    """
    if job.labelled is None:
        raise ValueError("an accuracy job needs labelled images")
    spec = only_input(session)
    dataset = open_dataset(job.labelled.kind, Path(job.labelled.path))
    judge = EarlyStopping(job.stop) if job.stop else None
    places, outputs, labels = [], [], []
    images = in_order(dataset, job.labelled.limit, job.stop.seed if job.stop else None)
    for place, label, row in _answered(session, spec, job, images):
        places.append(place)
        outputs.append(row)
        labels.append(label)
        if judge and judge.enough(places, outputs):
            break
    facts = {"numbering": asdict(dataset.numbering), "parts": list(dataset.parts), "stop": judge.said if judge else {}}
    sort = np.argsort(places)
    arrays = {"places": np.array(places)[sort], "outputs": np.stack(outputs)[sort], "labels": rows(labels)[sort]}
    return facts, arrays


def _answered(
    session: Session, spec: TensorSpec, job: Job, images: Iterator[tuple[int, Image, Label]]
) -> Iterator[tuple[int, Label, NDArray[np.float32]]]:
    """Yield place, label and outputs of every image."""
    assert job.labelled is not None
    batch, how = job.options.batch, job.labelled.preprocess
    while group := list(islice(images, batch)):
        session.prepare({spec.name: filled([spec.encode(preprocess(image, how)) for _, image, _ in group], batch)})
        session.infer()
        rows_of_group = per_sample(next(iter(session.fetch().values())), batch)
        for (place, _, label), row in zip(group, rows_of_group, strict=False):
            yield place, label, row


def in_order(dataset: Dataset, limit: int | None, seed: int | None) -> Iterator[tuple[int, Image, Label]]:
    """Place, image and label of the first `limit` images; in random order where there is a seed."""
    if seed is None:
        for place, (image, label) in enumerate(dataset.items(limit)):
            yield place, image, label
        return
    places = np.random.default_rng(seed).permutation(min(limit or len(dataset), len(dataset))).tolist()
    for place, (image, label) in zip(places, dataset.picked(places), strict=True):
        yield place, image, label


class EarlyStopping:
    """Looks at the outputs so far when a look is planned; `said` is what the record keeps of it."""

    def __init__(self, stop: StoppingRule) -> None:
        with np.load(stop.reference, allow_pickle=False) as file:
            self._hits, self._labels = file["hits"], file["labels"]
        self._stop = stop
        self._budget = len(self._hits)
        self._looks = looks(self._budget) if self._budget > 1 else ()
        self.said: dict[str, Any] = {}

    def enough(self, places: list[int], outputs: list[NDArray[np.float32]]) -> bool:
        """Whether the difference is decided after these images; asked after each."""
        n = len(places)
        if n not in self._looks or outputs[0].size != self._stop.classes:
            return False
        own = hits(np.stack(outputs), self._labels[places])
        found = decide(*discordant(self._hits[places], own), n, self._budget, self._stop.margin)
        self.said = {
            **asdict(found),
            "n": n,
            "of": self._budget,
            "margin": self._stop.margin,
            "words": self._words(found, n),
        }
        return found.finding != "undecided"

    def _words(self, found: Difference, n: int) -> str:
        points = f"{100 * self._stop.margin:g} point{'s' * (self._stop.margin != 0.01)}"
        if found.finding == "undecided":
            return f"undecided after all {n} images: neither within {points} of fp32 nor better or worse"
        finding = f"within {points} of fp32" if found.finding == "within" else f"{found.finding} than fp32"
        after = f"stopped after {n} of {self._budget} images" if n < self._budget else f"after all {n} images"
        return f"{after}: {finding}"
