"""The inputs of a worker: those of the timed loop in rotation, and those of the probe, alike on every runtime."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measure.protocol import Job, LabelledData
from harness.runtimes.base import Batch, Options, Session, SessionError, TensorSpec

N_FEEDS = 8
"""Inputs taken in rotation, so that neither a cache nor a constant input flatters."""

N_IMAGES, N_SEEDED = 64, 16
"""Inputs: labelled images where there are some, else seeded ones."""

_CHANNELS = (1, 3, 4)


def load_inputs(session: Session, job: Job) -> list[Batch]:
    """Return the timed loop's inputs: those the parent gave, else seeded ones of the graph's signature."""
    if job.feeds is not None:
        spec = only_input(session)
        rows = np.load(job.feeds, allow_pickle=False)
        several = (np.arange(len(rows))[:, None] + np.arange(job.options.batch)) % len(rows)
        return [{spec.name: spec.encode(rows[index])} for index in several]
    from harness.runtimes.inputs import synthetic_input

    rng = np.random.default_rng(job.seed)
    return [{spec.name: synthetic_input(spec, job.options, rng) for spec in session.inputs} for _ in range(N_FEEDS)]


def only_input(session: Session) -> TensorSpec:
    """Return the input that an image goes to.

    Raises:
        SessionError: The model has several inputs.
    """
    if len(session.inputs) != 1:
        names = [spec.name for spec in session.inputs]
        raise SessionError(f"images need a model with one input, this one has {len(names)}: {names}")
    return session.inputs[0]


def probe_inputs(session: Session, job: Job) -> Iterator[tuple[Batch, int]]:
    """Yield the probe's inputs, each with the number of its samples that count.

    They are labelled images where there are some and one input takes them, else seeded.
    """
    batch = job.options.batch
    if job.labelled is not None and len(session.inputs) == 1:
        spec, images = session.inputs[0], _images(job.labelled)
        while group := list(islice(images, batch)):
            yield {spec.name: spec.encode(filled(group, batch))}, len(group)
        return
    for number in range(N_SEEDED):
        rng = np.random.default_rng((job.seed, number))
        yield {spec.name: _seeded(spec, job.options, rng) for spec in session.inputs}, batch


def filled(samples: Sequence[NDArray[np.float32]], batch: int) -> NDArray[np.float32]:
    """Return at most `batch` samples as a whole batch, the last one repeated."""
    return np.stack([*samples, *[samples[-1]] * (batch - len(samples))])


def _images(labelled: LabelledData) -> Iterator[NDArray[np.float32]]:
    from harness.datasets.dataset import open_dataset
    from harness.datasets.preprocessing import preprocess

    for image, _ in open_dataset(labelled.kind, Path(labelled.path)).items(N_IMAGES):
        yield preprocess(image, labelled.preprocess)


def _seeded(spec: TensorSpec, options: Options, rng: np.random.Generator) -> NDArray[Any]:
    """Draw one input; a picture with channels last gets the numbers of the same picture with channels first."""
    from harness.runtimes.inputs import concrete_shape, synthetic_input

    shape = concrete_shape(spec, options)
    floats = spec.dtype.startswith("float") or spec.scale is not None
    if len(shape) == 4 and shape[3] in _CHANNELS and shape[1] not in _CHANNELS and floats:
        first = rng.random((shape[0], shape[3], *shape[1:3]), np.float32)
        return spec.encode(np.ascontiguousarray(first.transpose(0, 2, 3, 1)))
    if floats:
        return spec.encode(rng.random(shape, np.float32))
    return synthetic_input(spec, options, rng)
