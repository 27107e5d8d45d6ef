"""The inputs of a worker: those of the timed loop in rotation, and those of the probe, alike on every runtime."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.measure.protocol import Job, LabelledData
from harness.runtimes.base import Batch, Options, Session, SessionError, TensorSpec

if TYPE_CHECKING:
    from harness.runtimes.synthetic import Role

N_FEEDS = 8
"""Inputs taken in rotation, so that neither a cache nor a constant input flatters."""

N_IMAGES, N_SEEDED = 64, 16
"""Inputs: labelled images where there are some, else seeded ones."""

_CHANNELS = (1, 3, 4)


def load_inputs(session: Session, job: Job) -> list[Batch]:
    """Return the timed loop's inputs: arrays of the user, else images, else seeded ones of the graph's signature."""
    if job.inputs is not None:
        return _given(session, job)
    if job.feeds is not None:
        spec = only_input(session)
        rows = np.load(job.feeds, allow_pickle=False)
        several = (np.arange(len(rows))[:, None] + np.arange(job.options.batch)) % len(rows)
        return [{spec.name: spec.encode(rows[index])} for index in several]
    from harness.runtimes.synthetic import synthetic_batch

    rng = np.random.default_rng(job.seed)
    return [synthetic_batch(session.inputs, job.options, rng) for _ in range(N_FEEDS)]


def described(session: Session, job: Job) -> dict[str, str]:
    """Return in words what inputs hold in the timed loop, but for floats that are made up."""
    names = [spec.name for spec in session.inputs]
    if job.inputs is not None:
        return dict.fromkeys(names, f"from {Path(job.inputs).name}")
    if job.feeds is not None:
        return dict.fromkeys(names, "images")
    from harness.runtimes.synthetic import DESCRIBED, roles

    known = roles(session.inputs, job.options)
    return {name: DESCRIBED[role] for name, role in known.items() if role != "numbers"}


def _given(session: Session, job: Job) -> list[Batch]:
    """Return the arrays of the user, cut into inferences."""
    from harness.measure.given_inputs import given_batches

    assert job.inputs is not None
    return given_batches(session.inputs, job.options, Path(job.inputs))


def only_input(session: Session) -> TensorSpec:
    """Return the input that an image goes to.

    Raises:
        SessionError: The model has several inputs.
    """
    if len(session.inputs) != 1:
        names = [spec.name for spec in session.inputs]
        raise SessionError(f"images need a model with one input, this one has {len(names)}: {names}")
    return session.inputs[0]


def probe_inputs(session: Session, job: Job, reference: Sequence[InputSignature] = ()) -> Iterator[tuple[Batch, int]]:
    """Yield the probe's inputs, each with the number of its samples that count.

    They are arrays of the user where there are some, else labelled images that one input takes, else seeded.

    Args:
        session: The session the inputs are for.
        job: The probe's job. Where its file fixes a batch, so many samples go into each of the inputs.
        reference: The inputs of the reference, whose numbers the seeded ones carry; empty for the reference itself.

    Raises:
        IncompatibleInputs: No seeded input means the same to this model and to the reference.
    """
    if job.inputs is not None:
        yield from ((given, job.options.batch) for given in _given(session, job))
        return
    samples, batch = _samples(session, job, reference), job.options.batch
    while group := list(islice(samples, batch)):
        yield (
            {spec.name: _joined([one[spec.name] for one in group], spec, job.options) for spec in session.inputs},
            len(group),
        )


def _samples(session: Session, job: Job, reference: Sequence[InputSignature]) -> Iterator[Batch]:
    if takes_images(session, job):
        assert job.labelled is not None
        spec = session.inputs[0]
        for image in _images(job.labelled):
            yield {spec.name: spec.encode(image[None])}
        return
    own = signature(session, job)
    drawn = dict(zip(session.inputs, _paired(own, reference or own), strict=True))
    for number in range(N_SEEDED):
        yield {spec.name: _seeded(spec, place, job, number) for spec, place in drawn.items()}


def _joined(samples: Sequence[NDArray[Any]], spec: TensorSpec, options: Options) -> NDArray[Any]:
    """Return the samples of an input as one; that of the first for an input that has no batch."""
    return filled([one[0] for one in samples], options.batch) if _holds_batch(spec, options) else samples[0]


def filled(samples: Sequence[NDArray[Any]], batch: int) -> NDArray[Any]:
    """Return at most `batch` samples as a whole batch, the last one repeated."""
    return np.stack([*samples, *[samples[-1]] * (batch - len(samples))])


def _holds_batch(spec: TensorSpec, options: Options) -> bool:
    from harness.runtimes.inputs import concrete_shape

    return options.batch > 1 and concrete_shape(spec, options)[:1] == (options.batch,)


def _sample_shape(spec: TensorSpec, options: Options) -> tuple[int, ...]:
    """Return the shape of an input that holds one sample."""
    from harness.runtimes.inputs import concrete_shape

    shape = concrete_shape(spec, options)
    return (1, *shape[1:]) if _holds_batch(spec, options) else shape


def takes_images(session: Session, job: Job) -> bool:
    """Return whether the probe's inputs are labelled images."""
    return job.inputs is None and job.labelled is not None and len(session.inputs) == 1


class InputSignature(NamedTuple):
    """What a seeded input is drawn from.

    Attributes:
        name: The input's name.
        place: Its place among the model's inputs.
        shape: Its shape for one sample, every dimension with a size.
        real: Whether it takes real numbers: floats, or integers with a scale.
        dtype: Its type as stored.
        role: What it is taken for, as `harness.runtimes.synthetic.roles` finds it.
    """

    name: str
    place: int
    shape: tuple[int, ...]
    real: bool
    dtype: str
    role: Role = "numbers"


class IncompatibleInputs(Exception):
    """No input means the same to a model and to its reference."""


def signature(session: Session, job: Job) -> list[InputSignature]:
    """Return the signature of every input, for one sample; empty where inputs are not seeded."""
    if job.inputs is not None or takes_images(session, job):
        return []
    from harness.runtimes.synthetic import roles

    known = roles(session.inputs, job.options)
    return [
        InputSignature(
            name=spec.name,
            place=place,
            shape=_sample_shape(spec, job.options),
            real=spec.dtype.startswith("float") or spec.scale is not None,
            dtype=spec.dtype,
            role=known[spec.name],
        )
        for place, spec in enumerate(session.inputs)
    ]


def _paired(own: Sequence[InputSignature], reference: Sequence[InputSignature]) -> list[InputSignature]:
    """Return the reference's input that each of the model's own stands for."""
    from harness.runtimes.layout import layouts, pair_shapes

    if len(own) != len(reference):
        raise IncompatibleInputs(f"takes {len(own)} inputs, the reference {len(reference)}")
    pairs = pair_shapes({one.name: one.shape for one in own}, {one.name: one.shape for one in reference})
    by_name = {one.name: one for one in reference}
    paired = [by_name[pairs[one.name]] for one in own]
    for one, other in zip(own, paired, strict=True):
        if one.real != other.real:
            raise IncompatibleInputs(
                f"its input '{one.name}' takes {one.dtype} without a scale, the reference's {other.dtype}"
            )
        if not layouts(other.shape, one.shape):
            raise IncompatibleInputs(
                f"its input '{one.name}' is {list(one.shape)}, the reference's {list(other.shape)}"
            )
    return paired


def _images(labelled: LabelledData) -> Iterator[NDArray[np.float32]]:
    from harness.core.task import load_task
    from harness.datasets.part import open_samples

    task = load_task(labelled.task)
    dataset = open_samples(task, labelled.kind, Path(labelled.path))
    for _, sample, _ in dataset.select(range(min(N_IMAGES, len(dataset)))):
        yield task.encode(sample, labelled.preprocess)


def _seeded(spec: TensorSpec, drawn: InputSignature, job: Job, number: int) -> NDArray[Any]:
    """Draw one input as the reference's, and give it this one's layout.

    A picture with channels last has the numbers of the same picture with channels first.
    """
    from harness.runtimes.layout import in_layout, layouts
    from harness.runtimes.synthetic import drawn as draw

    shape, rng = drawn.shape, np.random.default_rng((job.seed, number, drawn.place))
    if not drawn.real:
        values = draw(spec, drawn.role, shape, rng)
    elif len(shape) == 4 and shape[3] in _CHANNELS and shape[1] not in _CHANNELS:
        values = rng.random((shape[0], shape[3], *shape[1:3]), np.float32).transpose(0, 2, 3, 1)
    else:
        values = rng.random(shape, np.float32)
    own = _sample_shape(spec, job.options)
    laid_out = in_layout(values, layouts(shape, own)[0]).reshape(own)
    return spec.encode(laid_out) if drawn.real else laid_out
