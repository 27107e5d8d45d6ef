"""How each scenario sends its queries, on a clock that only moves when it is told to."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.scenario import Load
from harness.measure.worker.loop import LoopPlan, Samples
from harness.measure.worker.scenarios import ScenarioContext, drive
from harness.measure.worker.scenarios.arrivals import poisson_ns
from harness.runtimes.base import Batch
from tests.fakes.scripted import BATCHES, MINUTE, MS, SECOND, World, run


def test_single_stream_is_the_timed_loop() -> None:
    samples = run(World(2 * MS, 3 * MS, 4 * MS), "SingleStream", Load(), LoopPlan(3, 0, 9))
    assert samples.wall_ns.tolist() == [2 * MS, 3 * MS, 4 * MS]
    assert samples.inferences == 3


@pytest.mark.parametrize(("batch", "inferences"), [(1, 4), (2, 2), (4, 1)])
def test_a_query_of_multi_stream_lasts_until_its_last_sample(batch: int, inferences: int) -> None:
    world = World(5 * MS)
    samples = run(world, "MultiStream", Load(samples_per_query=4), LoopPlan(3, 0, 9, calls=7), batch)
    assert samples.wall_ns.tolist() == [inferences * 5 * MS] * 3
    assert samples.inferences == 3 * inferences
    assert world.prepared[:4] == [0, 1, 2, 0][: len(world.prepared)]


def test_paced_begins_every_inference_on_its_tick_and_idles_between() -> None:
    world = World(2 * MS)
    samples = run(world, "paced", Load(rate_per_s=50), LoopPlan(4, 0, 9))
    assert np.diff(world.inferred_at).tolist() == [20 * MS] * 3
    assert samples.wall_ns.tolist() == [2 * MS] * 4
    assert samples.ended_ns - samples.started_ns == 4 * 20 * MS
    assert samples.more["busy_ns"].tolist() == [4 * 2 * MS]


def test_paced_catches_up_after_a_late_inference() -> None:
    world = World(2 * MS, 30 * MS, 2 * MS)
    run(world, "paced", Load(rate_per_s=50), LoopPlan(4, 0, 9))
    assert [at - 17 for at in world.inferred_at] == [0, 20 * MS, 50 * MS, 60 * MS]


def test_server_counts_from_the_arrival_so_that_waiting_shows() -> None:
    world = World(7 * MS)
    samples = run(world, "Server", Load(rate_per_s=100), LoopPlan(200, 0, 1000), seed=3)
    arrivals = poisson_ns(100, 200, 3)
    done = 0
    for arrival, latency in zip(arrivals.tolist(), samples.wall_ns.tolist(), strict=True):
        done = max(done, arrival) + 7 * MS  # first come, first served, one at a time
        assert latency == done - arrival
    assert samples.more["service_ns"].tolist() == [7 * MS] * 200
    assert samples.ended_ns - samples.started_ns == done
    assert samples.wall_ns.max() > 14 * MS


def test_server_sends_as_many_as_the_rate_makes_in_the_time() -> None:
    assert run(World(MS), "Server", Load(rate_per_s=100), LoopPlan(5, 2 * SECOND, 1000)).inferences == 200
    assert run(World(MS), "Server", Load(rate_per_s=1), LoopPlan(5, 2 * SECOND, 1000)).inferences == 5
    assert run(World(MS), "Server", Load(rate_per_s=100), LoopPlan(5, 20 * SECOND, 1000)).inferences == 1000


def test_sustained_is_told_minute_by_minute() -> None:
    samples = run(World(4 * MS), "sustained", Load(minutes=3), LoopPlan(1, 3 * MINUTE, 10))
    assert len(samples.more["minute_n"]) == 3
    assert samples.more["minute_n"].sum() == len(samples.wall_ns) == samples.inferences
    assert samples.ended_ns - samples.started_ns == pytest.approx(3 * MINUTE, abs=8 * MS)
    starts, ends = samples.more["minute_started_ns"], samples.more["minute_ended_ns"]
    assert (starts[1:] >= ends[:-1]).all()


def test_sustained_takes_short_inferences_together() -> None:
    samples = run(World(100_000), "sustained", Load(minutes=1), LoopPlan(1, MINUTE, 10))
    assert samples.calls == 10
    assert samples.inferences == 10 * len(samples.wall_ns)
    assert set(samples.wall_ns.tolist()) == {100_000}


class Meeting:
    """A session that infers only once all of `parties` do: streams that took turns would never end."""

    def __init__(self, barrier: threading.Barrier) -> None:
        self.barrier = barrier
        self.threads: set[int] = set()

    def prepare(self, batch: Batch) -> None:
        """Take nothing."""

    def infer(self) -> None:
        self.threads.add(threading.get_ident())
        if threading.current_thread() is not threading.main_thread():
            self.barrier.wait(30)


def offline(sessions: Sequence[Meeting], plan: LoopPlan) -> Samples:
    others = iter(sessions[1:])
    stage = ScenarioContext(sessions[0], lambda: next(others), Load(streams=len(sessions)))
    return drive("own", "Offline", stage, BATCHES, plan)


@pytest.mark.parametrize("threads", [1, 2])
def test_offline_runs_all_streams_at_once(threads: int) -> None:
    barrier = threading.Barrier(3)
    sessions = [Meeting(barrier) for _ in range(3)]
    samples = offline(sessions, LoopPlan(7, 0, 100, threads))
    assert samples.more["stream_n"].tolist() == [3, 3, 3]
    assert samples.inferences == len(samples.wall_ns) == len(samples.cpu_ns) == 9
    assert samples.started_ns < samples.ended_ns
    assert len({thread for session in sessions for thread in session.threads} - {threading.get_ident()}) == 3


def test_offline_warms_every_further_session_first() -> None:
    barrier = threading.Barrier(2)
    sessions = [Meeting(barrier) for _ in range(2)]
    offline(sessions, LoopPlan(2, 0, 100))
    assert threading.get_ident() in sessions[1].threads


RATES = st.floats(0.1, 1e5)
SEEDS = st.integers(0, 2**32)


@given(RATES, st.integers(1, 200), SEEDS)
def test_arrivals_ascend_and_are_the_seeds(rate: float, n: int, seed: int) -> None:
    arrivals = poisson_ns(rate, n, seed)
    assert len(arrivals) == n
    assert (np.diff(arrivals) >= 0).all()
    assert arrivals[0] >= 0
    assert (arrivals == poisson_ns(rate, n, seed)).all()


@given(RATES, SEEDS)
def test_a_longer_schedule_begins_with_the_shorter(rate: float, seed: int) -> None:
    assert (poisson_ns(rate, 100, seed)[:40] == poisson_ns(rate, 40, seed)).all()


@given(RATES, SEEDS)
def test_the_rate_only_stretches_the_schedule(rate: float, seed: int) -> None:
    assert poisson_ns(rate, 50, seed) == pytest.approx(2 * poisson_ns(2 * rate, 50, seed), abs=2)


@given(RATES, SEEDS)
def test_gaps_are_exponential_with_the_rates_mean(rate: float, seed: int) -> None:
    gaps = np.diff(poisson_ns(rate, 20_000, seed)) / 1e9 * rate
    assert gaps.mean() == pytest.approx(1, abs=0.05)  # 7 standard errors
    assert (gaps > 1).mean() == pytest.approx(np.exp(-1), abs=0.025)


def test_another_seed_is_another_schedule() -> None:
    assert (poisson_ns(10, 20, 1) != poisson_ns(10, 20, 2)).any()
