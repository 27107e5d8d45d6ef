"""Whether the timed part is a whole inference: looked at after the loop, when its samples and its memory are known.

An adapter that works in `fetch`, or returns from `infer` before the outputs are complete, would be timed too short; so
would one that remembers the outputs of inputs it has seen, since those of the loop come round again and again.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.runtimes.base import Batch, Session

from . import loop as timed_loop
from .loop import LoopPlan
from .time_limit import TimeLimit

FEWEST, MOST = 3, 8
"""Pairs of cycles, of an input of the loop and a new one; the more the longer the loop."""

SHORT = 24
"""Pairs where an inference is so short that several make a sample: there the caches' state shows in each."""

DOUBTFUL = 0.05
"""Shares above this, of untimed work or of time saved on repeated inputs, are measured again.

With few pairs, another program that takes the CPU during one of them looks like the adapter's fault. As many pairs are
added each time, until their minimum clears the adapter or there are SHORT of them.
"""

_TRIES = 16
_COPIES = 4
"""Placing inputs and fetching outputs may take as long as so many copies: one, and a conversion or a transposition."""

_CALLS = 60
"""And besides, for calls into the library, as long as so many copies of a single number: 10 us on a current core."""


def whole_inference(
    session: Session,
    batches: Sequence[Batch],
    plan: LoopPlan,
    samples_ns: NDArray[np.int64] | None,
    limit: TimeLimit,
    once_ns: float,
) -> dict[str, Any]:
    """Return `same_input_ratio`, `new_input_ratio` and `cycle_ns` for the record.

    `samples_ns` are those of the loop where each is one query of one input, else None: then the first ratio is too.
    What the time limit leaves no time for, with inferences of `once_ns`, is None or empty too.
    """
    same, once_ns = None, max(1.0, once_ns)
    if samples_ns is not None and limit.left_ns > 3 * once_ns:
        few = plan._replace(min_n=plan.min_n // 4 + 1, min_ns=0, end_ns=limit.part(1 / 3))
        again = timed_loop.run(session, batches[:1], few)
        same = float(np.median(again.wall_ns) / _in_rotation(samples_ns, len(batches)))
    pairs = SHORT if plan.calls > 1 else min(MOST, max(FEWEST, plan.min_n // 8 + 1))
    n = min(pairs, int(limit.left_ns // (2 * once_ns)))
    with timed_loop.gc_disabled():
        return {"same_input_ratio": same, **_cycles(session, batches, n, limit)}


def _in_rotation(samples_ns: NDArray[np.int64], n_inputs: int) -> float:
    """Return what the first input takes in rotation: the median, of its own samples if they take less than all.

    Where the time depends on the input, the first one may be faster than most without being remembered.
    """
    return float(min(np.median(samples_ns), np.median(samples_ns[::n_inputs])))


def _cycles(session: Session, batches: Sequence[Batch], n: int, limit: TimeLimit) -> dict[str, Any]:
    """Run `n` whole cycles with inputs that were seen before, each followed by one with an input that never was.

    More are run while the result is doubtful and the time limit allows it.
    """
    if n == 0:
        return {"new_input_ratio": None, "cycle_ns": {}}
    inputs = NewInputs(batches, seed=n)
    seen: list[_Cycle] = []
    new: list[_Cycle] = []
    calls_ns = _CALLS * _call_ns()
    while True:
        for _ in range(n):
            batch = batches[len(seen) % len(batches)]
            seen.append(_cycle(session, inputs.copy_of(batch)))
            if (given := inputs.like(batch)) is None:
                continue
            with suppress(Exception):  # a model that refuses such an input says nothing of remembered ones
                new.append(_cycle(session, given))
        summary = _summary(seen, new, calls_ns)
        next_ns = 2 * n * max(cycle.infer for cycle in seen)
        if len(seen) + n > SHORT or limit.left_ns < next_ns or not _doubtful(**summary):
            return summary


def _summary(seen: Sequence[_Cycle], new: Sequence[_Cycle], calls_ns: float) -> dict[str, Any]:
    """Return the ratio of seen to new inputs, and the time of each phase with what copying may take."""
    prepare, _, _, fetch, again, copy_in, copy_out = map(min, zip(*seen, *new, strict=True))
    return {
        "new_input_ratio": _ratio(seen, new) if new else None,
        "cycle_ns": {
            "prepare": prepare,
            "infer": round(float(np.median([cycle.infer for cycle in seen]))),
            "fetch": fetch,
            "prepare_allowed": calls_ns + _COPIES * copy_in,
            "fetch_allowed": calls_ns + min(again, _COPIES * copy_out),
        },
    }


def _doubtful(new_input_ratio: float | None, cycle_ns: dict[str, float]) -> bool:
    """Return whether the cycles suggest a fault of the adapter, so that more should be run."""
    outside = [max(0.0, cycle_ns[name] - cycle_ns[f"{name}_allowed"]) for name in ("prepare", "fetch")]
    whole = cycle_ns["prepare"] + cycle_ns["infer"] + cycle_ns["fetch"]
    remembered = new_input_ratio is not None and new_input_ratio < 1 - DOUBTFUL
    return remembered or sum(outside) > DOUBTFUL * whole


class _Cycle(NamedTuple):
    """Nanoseconds of the parts of a cycle: `cpu` is the CPU time of `infer`, the copies are of inputs and outputs."""

    prepare: int
    infer: int
    cpu: int
    fetch: int
    again: int
    copy_in: int
    copy_out: int


def _ratio(seen: Sequence[_Cycle], new: Sequence[_Cycle]) -> float:
    """Return the least time for inputs seen before over that for new ones: in wall or CPU time, whichever is more.

    Another program that holds the CPU makes one of the two faster in wall time; remembered outputs do in both.
    """
    wall = min(cycle.infer for cycle in seen) / max(1, min(cycle.infer for cycle in new))
    cpu = min(cycle.cpu for cycle in seen) / max(1, min(cycle.cpu for cycle in new))
    return max(wall, cpu)


def _cycle(session: Session, batch: Batch) -> _Cycle:
    """Run one cycle, fetch once more, and copy inputs and outputs."""
    clock = time.perf_counter_ns
    marks = [clock()]
    session.prepare(batch)
    before = time.process_time_ns()
    marks.append(clock())
    session.infer()
    marks.append(clock())
    cpu = time.process_time_ns() - before
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
    prepare, infer, *rest = (after - before for before, after in pairwise(marks))
    return _Cycle(prepare, infer, cpu, *rest)


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

    def copy_of(self, batch: Batch) -> Batch:
        """Return a copy, made with all the work for a new one, so that inferences find the caches in the same state."""
        self.like(batch)
        return {name: array.copy() for name, array in batch.items()}

    def like(self, batch: Batch) -> Batch | None:
        """Return a new one, None where no exchange makes one."""
        changed = {name: array.copy() for name, array in batch.items()}
        return changed if self._change(changed) else None

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
