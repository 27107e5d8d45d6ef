"""The timed loop: how many inferences, which inputs, what it leaves behind."""

from __future__ import annotations

import gc
import time

import numpy as np
import pytest

from harness.measure.worker import loop
from harness.measure.worker.loop import LoopPlan
from harness.runtimes.base import Batch
from harness.runtimes.null import NullSession


class Counting(NullSession):
    """Remembers which inputs were prepared and whether the collector was on."""

    def __init__(self) -> None:
        self.prepared: list[int] = []
        self.collecting: set[bool] = set()

    def prepare(self, batch: Batch) -> None:
        self.prepared.append(int(batch["input"][0]))

    def infer(self) -> None:
        self.collecting.add(gc.isenabled())


BATCHES = [{"input": np.array([index])} for index in range(3)]


@pytest.mark.parametrize("threads", [1, 2])
def test_at_least_n_and_never_more_than_the_limit(threads: int) -> None:
    assert len(loop.run(NullSession(), BATCHES, LoopPlan(7, 0, 100, threads)).wall_ns) == 7
    assert len(loop.run(NullSession(), BATCHES, LoopPlan(7, 10**12, 9, threads)).wall_ns) == 9


def test_inputs_are_taken_in_turn() -> None:
    session = Counting()
    loop.run(session, BATCHES, LoopPlan(7, 0, 100))
    assert session.prepared == [0, 1, 2, 0, 1, 2, 0]


def test_the_collector_rests_meanwhile_and_is_on_after() -> None:
    session = Counting()
    loop.run(session, BATCHES, LoopPlan(2, 0, 100))
    assert session.collecting == {False}
    assert gc.isenabled()


def test_samples_lie_within_their_window() -> None:
    samples = loop.run(NullSession(), BATCHES, LoopPlan(50, 0, 100))
    assert (samples.wall_ns >= 0).all()
    assert (samples.cpu_ns >= 0).all()
    assert samples.wall_ns.sum() <= samples.ended_ns - samples.started_ns


def test_very_short_inferences_are_timed_several_at_a_time() -> None:
    assert loop.calls_per_sample(60_000) == 1
    assert loop.calls_per_sample(20_000) == 3
    session = Counting()
    calls: list[int] = []
    session.infer = lambda: calls.append(1)  # type: ignore[method-assign]
    samples = loop.run(session, BATCHES, LoopPlan(4, 0, 100, calls=5))
    assert len(samples.wall_ns) == 4
    assert len(calls) == 20


class Ticking:
    """A clock that goes on by as much at every reading."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.now = 0

    def __call__(self) -> int:
        self.now += self.step
        return self.now


def test_a_sample_of_several_inferences_is_their_mean_and_all_of_them_count() -> None:
    samples = loop.run(NullSession(), BATCHES, LoopPlan(4, 0, 100, calls=5), Ticking(1000))
    assert samples.wall_ns.tolist() == [200] * 4
    assert (samples.calls, samples.inferences) == (5, 20)
    assert loop.run(NullSession(), BATCHES, LoopPlan(4, 0, 100)).inferences == 4


def test_the_loop_goes_on_until_both_limits_are_reached() -> None:
    samples = loop.run(NullSession(), BATCHES, LoopPlan(3, 10_000, 1000), Ticking(100))
    assert 3 < len(samples.wall_ns) < 1000
    assert samples.ended_ns - samples.started_ns >= 10_000
    assert len(loop.run(NullSession(), BATCHES, LoopPlan(30, 1000, 1000), Ticking(100)).wall_ns) == 30


def test_cpu_time_is_that_of_the_thread_alone_or_of_the_process() -> None:
    assert loop.cpu_clock(1) is time.thread_time_ns
    assert loop.cpu_clock(2) is time.process_time_ns


def test_reading_the_clocks_is_no_cpu_time_of_an_inference(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Ticking(300)
    monkeypatch.setattr(loop, "cpu_clock", lambda threads: clock)
    session = NullSession()
    assert loop.run(session, BATCHES, LoopPlan(3, 0, 100)).cpu_ns.tolist() == [0, 0, 0]
    session.infer = lambda: setattr(clock, "now", clock.now + 700)  # type: ignore[method-assign]
    assert loop.run(session, BATCHES, LoopPlan(3, 0, 100)).cpu_ns.tolist() == [700] * 3
