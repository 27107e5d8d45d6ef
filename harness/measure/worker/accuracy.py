"""The accuracy phase of a worker: outputs for every labelled image."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from harness.datasets.dataset import open_dataset
from harness.datasets.numbering import rows
from harness.datasets.preprocessing import preprocess
from harness.measure.protocol import Job
from harness.runtimes.base import Session

from .feeds import Outcome, only_input
from .until_decided import Judge, in_order


def accuracy(session: Session, job: Job) -> Outcome:
    """Image by image, in the order and as far as the job says."""
    if job.labelled is None:
        raise ValueError("an accuracy job needs labelled images")
    spec = only_input(session)
    dataset = open_dataset(job.labelled.kind, Path(job.labelled.path))
    judge = Judge(job.stop) if job.stop else None
    places, outputs, labels = [], [], []
    for place, image, label in in_order(dataset, job.labelled.limit, job.stop.seed if job.stop else None):
        session.prepare({spec.name: spec.encode(preprocess(image, job.labelled.preprocess)[None])})
        session.infer()
        places.append(place)
        outputs.append(next(iter(session.fetch().values())).reshape(-1).astype(np.float32))
        labels.append(label)
        if judge and judge.enough(places, outputs):
            break
    facts = {"numbering": asdict(dataset.numbering), "parts": list(dataset.parts), "stop": judge.said if judge else {}}
    sort = np.argsort(places)
    arrays = {"places": np.array(places)[sort], "outputs": np.stack(outputs)[sort], "labels": rows(labels)[sort]}
    return facts, arrays
