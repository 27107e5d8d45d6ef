"""Switching a disturbance on and off beside one process: the ratio of neighbouring blocks."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from harness.core.quantity import Missing, Value
from harness.measure.selfcheck.perturbation import Alternation, Block, slowdown

MS = 1_000_000
SAMPLE_NS = MS


def pairs(n: int) -> list[tuple[Block, Block]]:
    """Blocks of 50 ms, off on on off ..."""
    blocks = [Block(50 * MS * i, 50 * MS * (i + 1), i % 4 in (1, 2)) for i in range(2 * n)]
    return list(zip(blocks[::2], blocks[1::2], strict=True))


def samples(n: int, slower: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A sample a millisecond on a machine whose speed wanders by 10 %, slower by a share within the blocks 'on'."""
    at = np.arange(0, 100 * MS * n, SAMPLE_NS, dtype=np.int64)
    on = np.isin(at // (50 * MS) % 4, (1, 2))
    wander = 1 + 0.1 * np.sin(at / 1e9) + 0.02 * rng.standard_normal(len(at))
    return at, np.rint(1e5 * wander * (1 + slower * on)).astype(np.int64)


@pytest.mark.parametrize("slower", [0.0, 0.01])
def test_half_a_percent_shows_on_a_restless_machine(slower: float) -> None:
    at, wall = samples(200, slower, np.random.default_rng(1))
    found = slowdown(pairs(200), at, wall)
    assert isinstance(found, Value)
    assert found.lo is not None
    assert found.hi is not None
    assert found.lo < slower < found.hi
    assert found.hi - found.lo < 0.005
    assert found.n == 200


def test_blocks_in_which_hardly_anything_ran_are_left_out() -> None:
    at, wall = samples(20, 0.0, np.random.default_rng(1))
    kept = (at < 500 * MS) | (at > 600 * MS)
    found = slowdown(pairs(20), at[kept], wall[kept])
    assert isinstance(found, Value)
    assert found.n == 19
    assert isinstance(slowdown(pairs(20), at[::20], wall[::20]), Missing)


def test_each_pair_has_one_block_of_each_and_all_is_off_in_the_end() -> None:
    switched = []

    def switch_on() -> Callable[[], None]:
        switched.append(event := threading.Event())
        return event.set

    alternation = Alternation(switch_on, block_ns=MS)
    with alternation.of(0):
        while len(alternation.pairs) < 6:
            threading.Event().wait(0.001)
    assert all({first.on, second.on} == {True, False} for first, second in alternation.pairs)
    twos = zip(alternation.pairs[::2], alternation.pairs[1::2], strict=False)
    assert all(one[0].on != other[0].on for one, other in twos)
    assert len(switched) == len(alternation.pairs)
    assert all(event.is_set() for event in switched)
