"""The probe's pass, in the child: outputs for inputs that are the same on every runtime, and what really ran.

The profile phase of a worker: a few inferences with the runtime's profiler on.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.core.execution import Execution, OperatorProfile
from harness.core.quantity import Missing
from harness.measure.protocol import Job, LabelledData
from harness.runtimes.base import Batch, Options, Session, TensorSpec
from harness.runtimes.inputs import concrete_shape, synthetic_input

from .setup import Outcome, filled, load_inputs, per_sample

if TYPE_CHECKING:
    from harness.runtimes.graph_counts import Counts


N_IMAGES, N_SEEDED = 64, 16
"""Inputs: labelled images where there are some, else seeded ones."""

_CHANNELS = (1, 3, 4)


def probe(session: Session, job: Job) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return all outputs of each sample as a row of float32, what the session says it ran, and the file's counts."""
    rows: list[NDArray[np.float32]] = []
    for batch, n in _batches(session, job):
        session.prepare(batch)
        session.infer()
        parts = [per_sample(output, job.options.batch) for output in session.fetch().values()]
        rows.extend(np.concatenate(parts, axis=1)[:n])
    try:
        ran = session.execution()
    except Exception as error:  # private interfaces of libraries: a newer version may have others
        ran = Execution(effective=Missing(f"not told: {type(error).__name__}: {error}"))
    return {"execution": dataclasses.asdict(ran), "counts": dataclasses.asdict(_counts(session, job))}, {
        "outputs": np.stack(rows)
    }


def _counts(session: Session, job: Job) -> Counts | Missing:
    """Return parameters and the MACs of one sample; a file that fixes a batch tells those of all its samples."""
    try:
        counts = session.counts()
        batch = job.options.batch
        return counts if isinstance(counts, Missing) else dataclasses.replace(counts, macs=counts.macs // batch)
    except Exception as error:  # as above
        return Missing(f"not counted: {type(error).__name__}: {error}")


def _batches(session: Session, job: Job) -> Iterator[tuple[Batch, int]]:
    """Yield batches, and how many samples of each count."""
    size = job.options.batch
    if job.labelled is not None and len(session.inputs) == 1:
        images = _images(session.inputs[0], job.labelled)
        while group := list(islice(images, size)):
            yield {session.inputs[0].name: filled(group, size)}, len(group)
        return
    for number in range(N_SEEDED):
        rng = np.random.default_rng((job.seed, number))
        yield {spec.name: _seeded(spec, job.options, rng) for spec in session.inputs}, size


def _images(spec: TensorSpec, labelled: LabelledData) -> Iterator[NDArray[Any]]:
    from harness.datasets.dataset import open_dataset
    from harness.datasets.preprocessing import preprocess

    for image, _ in open_dataset(labelled.kind, Path(labelled.path)).items(N_IMAGES):
        yield spec.encode(preprocess(image, labelled.preprocess))


def _seeded(spec: TensorSpec, options: Options, rng: np.random.Generator) -> NDArray[Any]:
    """A picture with channels last gets the numbers of the same picture with channels first; else as synthesised."""
    shape = concrete_shape(spec, options)
    floats = spec.dtype.startswith("float") or spec.scale is not None
    if len(shape) == 4 and shape[3] in _CHANNELS and shape[1] not in _CHANNELS and floats:
        first = rng.random((shape[0], shape[3], *shape[1:3]), np.float32)
        return spec.encode(np.ascontiguousarray(first.transpose(0, 2, 3, 1)))
    if floats:
        return spec.encode(rng.random(shape, np.float32))
    return synthetic_input(spec, options, rng)


_FEW, _MANY = 6, 40
_WANTED_NS = 500_000_000


def split_outputs(session: Session) -> OperatorProfile | Missing:
    """Profile half a second's worth of inferences on what was prepared, 6 to 40 of them."""
    session.infer()
    before = time.perf_counter_ns()
    session.infer()
    once_ns = time.perf_counter_ns() - before
    return session.profile(max(_FEW, min(_MANY, _WANTED_NS // max(once_ns, 1))))


def profile(session: Session, job: Job) -> Outcome:
    """The operators, or why there are none."""
    session.prepare(load_inputs(session, job)[0])
    return {"operators": asdict(split_outputs(session))}, {}
