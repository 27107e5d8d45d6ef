"""Whether the timed part is a whole inference: looked at after the loop, when its samples and its memory are known.

An adapter that works in `fetch`, or returns from `infer` before the outputs are complete, would be timed too short; so
would one that remembers the outputs of inputs it has seen, since those of the loop come round again and again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.runtimes.base import Batch, Session

from . import loop as timed_loop
from .loop import LoopPlan

FEWEST, MOST = 3, 8
"""Pairs of cycles, of an input of the loop and a new one; the more the longer the loop."""

SHORT = 24
"""Pairs where an inference is so short that several make a sample: there the caches' state shows in each."""

_TRIES = 16
_COPIES = 4
"""Placing inputs and fetching outputs may take as long as so many copies: one, and a conversion or a transposition."""

_CALLS = 60
"""And besides, for calls into the library, as long as so many copies of a single number: 10 us on a current core."""


def whole_inference(
    session: Session, batches: Sequence[Batch], plan: LoopPlan, samples_ns: NDArray[np.int64] | None
) -> dict[str, Any]:
    """Return `same_input_ratio`, `new_input_ratio` and `cycle_ns` for the record.

    `samples_ns` are those of the loop where each is one query of one input, else None: then the first ratio is too.
    """
    same = None
    if samples_ns is not None:
        again = timed_loop.run(session, batches[:1], plan._replace(min_n=plan.min_n // 4 + 1, min_ns=0))
        same = float(np.median(again.wall_ns) / np.median(samples_ns))
    pairs = SHORT if plan.calls > 1 else min(MOST, max(FEWEST, plan.min_n // 8 + 1))
    with timed_loop.gc_disabled():
        return {"same_input_ratio": same, **_cycles(session, batches, pairs)}


def _cycles(session: Session, batches: Sequence[Batch], n: int) -> dict[str, Any]:
    """Run `n` whole cycles with inputs that were seen before, each followed by one with an input that never was."""
    inputs = NewInputs(batches, seed=n)
    cycles: list[tuple[int, ...]] = []
    seen_ns: list[int] = []
    new_ns: list[int] = []
    for place in range(n):
        batch = batches[place % len(batches)]
        for times, new in ((seen_ns, False), (new_ns, True)):
            if (given := inputs.like(batch, new)) is None:
                continue
            try:
                cycles.append(_cycle(session, given))
            except Exception:
                if not new:
                    raise
                continue  # a model that refuses such an input says nothing of remembered ones
            times.append(cycles[-1][1])
    prepare, _, fetch, again, copy_in, copy_out = (min(times) for times in zip(*cycles, strict=True))
    calls = _CALLS * _call_ns()
    return {
        "new_input_ratio": float(np.median(seen_ns)) / max(1, min(new_ns)) if new_ns else None,
        "cycle_ns": {
            "prepare": prepare,
            "infer": round(float(np.median(seen_ns))),
            "fetch": fetch,
            "prepare_allowed": calls + _COPIES * copy_in,
            "fetch_allowed": calls + min(again, _COPIES * copy_out),
        },
    }


def _cycle(session: Session, batch: Batch) -> tuple[int, ...]:
    """Return nanoseconds of prepare, infer, fetch, another fetch, a copy of the inputs and one of the outputs."""
    clock = time.perf_counter_ns
    marks = [clock()]
    session.prepare(batch)
    marks.append(clock())
    session.infer()
    marks.append(clock())
    outputs = session.fetch()
    marks.append(clock())
    session.fetch()
    marks.append(clock())
    for array in batch.values():
        array.copy()
    marks.append(clock())
    for array in outputs.values():
        array.copy()
    marks.append(clock())
    return tuple(after - before for before, after in pairwise(marks))


def _call_ns() -> int:
    number, least = np.zeros(1, np.float32), 1 << 60
    for _ in range(50):
        before = time.perf_counter_ns()
        number.copy()
        least = min(least, time.perf_counter_ns() - before)
    return least


class NewInputs:
    """Makes inputs that never came before, each from one of the loop's by exchanging values, of its largest first."""

    def __init__(self, batches: Sequence[Batch], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._known = {_key(batch) for batch in batches}

    def like(self, batch: Batch, new: bool) -> Batch | None:
        """Return a new one, or else a copy of the batch; None where no exchange makes a new one.

        Both are made for either, so that the inference finds the caches in one and the same state.
        """
        copy, changed = ({name: array.copy() for name, array in batch.items()} for _ in range(2))
        found = self._change(changed)
        return (changed if found else None) if new else copy

    def _change(self, batch: Batch) -> bool:
        for array in sorted(batch.values(), key=lambda array: -array.size):
            for first, second in self._rng.integers(0, max(1, array.size), (_TRIES, 2)).tolist():
                if array.size:
                    array.flat[first], array.flat[second] = array.flat[second], array.flat[first]
                if (key := _key(batch)) not in self._known:
                    self._known.add(key)
                    return True
        return False


def _key(batch: Batch) -> int:
    return hash(tuple(array.tobytes() for array in batch.values()))
