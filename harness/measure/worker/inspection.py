"""The inspect phase of a worker: shapes of a model's inputs and outputs, and whether their first dimension is a batch.

A model file does not say which of its dimensions is a batch. Rows of a batch are computed independently of each other;
steps of a sequence are not, and the rows of an output follow those of an input only if there is one for each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measure.protocol import Job
from harness.runtimes.base import Batch, Outputs, Session, SessionError, TensorSpec
from harness.runtimes.inputs import BATCH, LENGTH, ONLY, UNNAMED, is_fixed, sized
from harness.runtimes.outputs import is_numeric

from .inputs import described, load_inputs
from .setup import Outcome, adapter

_IMAGE_RANK = 4
"""Inputs of images, whose first dimension is a batch unless its name says otherwise."""
_INDEPENDENT = 1e-3
"""The most that a row of the output may change when another row of the input does, to the change of its own row."""


def inspect(session: Session, job: Job) -> Outcome:
    """Run one inference, and find out how many samples it holds.

    Returns:
        `outputs`: their shapes in one inference; `samples`: how many of them there are; `free`: inputs whose first
        dimension the batch decides; `unclear`: those of them of which it is not known that it is a batch; `values`:
        what inputs hold, in words; `n_inputs`: how many are taken in rotation. The inputs themselves are in the
        result of every phase.
    """
    batches = load_inputs(session, job)
    batch = batches[0]
    outputs = _outputs(session, batch)
    free = [spec for spec in session.inputs if _is_free(spec, job)]
    result: dict[str, Any] = {
        "outputs": {name: list(array.shape) for name, array in outputs.items()},
        "samples": samples(session, batch, _other(session, job, batches), outputs),
        "free": [spec.name for spec in free],
        "unclear": _unclear(free, job),
        "values": described(session, job),
        "n_inputs": len(batches),
    }
    return result, {}


def samples(session: Session, batch: Batch, other: Batch, outputs: Outputs) -> int:
    """Return the rows that inputs and outputs share, if each is computed by itself; else 1.

    Args:
        session: The loaded model.
        batch: Inputs of one inference.
        other: Other inputs of the same shapes.
        outputs: What the model gives for `batch`.
    """
    counts = {array.shape[0] if array.ndim else 0 for array in outputs.values()}
    rows = counts.pop() if len(counts) == 1 else 0
    names = [name for name, array in batch.items() if array.ndim > 1 and array.shape[0] == rows]
    if rows < 2 or not names:
        return 1
    ends = (0, rows - 1)
    independent = all(_is_independent(session, batch, other, outputs, names, row) for row in ends)
    return rows if independent else 1


def _is_independent(
    session: Session, batch: Batch, other: Batch, outputs: Outputs, names: Iterable[str], row: int
) -> bool:
    """Return whether other numbers in one row of the inputs leave all other rows of the outputs as they are."""
    changed = {name: array.copy() for name, array in batch.items()}
    for name in names:
        changed[name][row] = other[name][row]
    own = others = 0.0
    for name, array in _outputs(session, changed).items():
        difference = np.abs(_numbers(array) - _numbers(outputs[name])).reshape(len(array), -1).max(axis=1, initial=0.0)
        own, others = max(own, difference[row]), max(others, np.delete(difference, row).max(initial=0.0))
    return bool(others <= _INDEPENDENT * own)


def _numbers(array: NDArray[Any]) -> NDArray[np.float64]:
    """Return an output as finite numbers: what is not finite is so in both."""
    return np.nan_to_num(array.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)


def _is_free(spec: TensorSpec, job: Job) -> bool:
    declared = sized(spec, job.options)
    return bool(declared) and not is_fixed(declared[0]) and spec.name not in job.options.shapes


def _other(session: Session, job: Job, batches: Sequence[Batch]) -> Batch:
    """Return inputs of the same shapes as the first ones, and with other numbers."""
    if job.inputs is None:
        return batches[1]
    rng = np.random.default_rng(job.seed)
    return {name: _changed(array, rng) for name, array in batches[0].items()}


def _changed(array: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    """Return other numbers that are as valid: any floats, the same integers in another order."""
    if array.dtype.kind == "f":
        return rng.random(array.shape).astype(array.dtype)
    return rng.permuted(array) if array.ndim else array


def _unclear(free: Iterable[TensorSpec], job: Job) -> list[str]:
    """Return the inputs whose first dimension may be a length as well as a batch."""
    doubtful = []
    for spec in free:
        name = spec.shape[0] if isinstance(spec.shape[0], str) else ""
        if BATCH.search(name) or _holds_one(spec, job):
            continue
        if LENGTH.search(name) and not UNNAMED.search(name):
            return [spec.name]
        if len(spec.shape) < _IMAGE_RANK:
            doubtful.append(spec.name)
    return doubtful if doubtful and not _is_batch_of_two(job) else []


def _holds_one(spec: TensorSpec, job: Job) -> bool:
    """Return whether the user's array is one inference whatever its first dimension is."""
    given = job.options.given.get(spec.name, job.options.given.get(ONLY))
    return given is not None and given[:1] == (job.options.batch,)


def _is_batch_of_two(job: Job) -> bool:
    """Return whether two samples at once are computed each by itself; False where the model does not take two."""
    two = dataclasses.replace(job, options=dataclasses.replace(job.options, batch=2))
    try:
        session = adapter(two).open(Path(two.model), two.options)
        batches = load_inputs(session, two)
        return samples(session, batches[0], _other(session, two, batches), _outputs(session, batches[0])) == 2
    except SessionError:
        return False
    except Exception:  # a library's own: it refuses a second sample
        return False


def _outputs(session: Session, batch: Batch) -> Outputs:
    """Return the outputs that hold numbers, from the initial state."""
    session.reset_state()
    session.prepare(batch)
    session.infer()
    return {name: array for name, array in session.fetch().items() if is_numeric(array)}
