"""The 'denormals' phase of a worker: numbers near zero in a net, and how long a few inferences take.

Numbers below 1.2e-38 are denormal in fp32, and many processors need a hundred cycles for each. A library may take them
for zero. ONNX Runtime sets that for the thread that infers once, with the first session of a process: so the two ways
are compared in processes of their own.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measure.protocol import Job
from harness.runtimes.base import Batch, Outputs, Session

from .inputs import load_inputs
from .setup import Outcome, adapter

INFERENCES = 5
_LONGEST_NS = 2_000_000_000
_DENORMAL, _TINY = 1 << 23, 64 << 23
"""Bits of the smallest normal fp32 number, and of 2^-63: the product of two below it is denormal."""


def denormals(session: Session, job: Job) -> Outcome:
    """Return the median time of a few inferences, and in words which numbers of the net are tiny."""
    batches = load_inputs(session, job)[:INFERENCES]
    durations, outputs = _few(session, batches)
    flushed = adapter(job).capability.flush_denormals.items() <= job.options.settings.items()
    result: dict[str, Any] = {
        "median_ns": float(np.median(durations)),
        "tiny": "" if flushed else _tiny(session.constants(), batches, outputs),
    }
    return result, {}


def _few(session: Session, batches: Sequence[Batch]) -> tuple[list[int], list[Outputs]]:
    """Infer a few times after once that does not count, at most two seconds long."""
    session.prepare(batches[0])
    session.infer()
    durations: list[int] = []
    outputs: list[Outputs] = []
    deadline = time.perf_counter_ns() + _LONGEST_NS
    while len(durations) < INFERENCES and (not durations or time.perf_counter_ns() < deadline):
        session.prepare(batches[len(durations) % len(batches)])
        before = time.perf_counter_ns()
        session.infer()
        durations.append(time.perf_counter_ns() - before)
        outputs.append(session.fetch())
    return durations, outputs


def _tiny(constants: Iterable[NDArray[np.float32]], batches: Sequence[Batch], outputs: Sequence[Outputs]) -> str:
    """Return which numbers are tiny; '' for none."""
    weights = sum(count_below(array, _TINY) for array in constants)
    found = [f"{weights} of its weights are below 1.1e-19"] if weights else []
    for name, group in (("inputs", batches), ("outputs", outputs)):
        if any(count_below(array, _DENORMAL) for arrays in group for array in arrays.values()):
            found.append(f"its {name} hold denormal numbers")
    return ", ".join(found)


def count_below(array: NDArray[Any], bits: int) -> int:
    """Return how many numbers of an fp32 array are nearer to zero than the one of these bits, and not zero."""
    if array.dtype != np.float32:
        return 0
    magnitude = np.ascontiguousarray(array).view(np.uint32) & np.uint32(0x7FFFFFFF)
    return int(np.count_nonzero((magnitude != 0) & (magnitude < bits)))
