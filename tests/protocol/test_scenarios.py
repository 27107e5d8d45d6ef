"""The promises of docs/scenarios.md, one test each, on clocks that only move when something is done."""

from __future__ import annotations

import gc
import math
import re
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest

from harness.core.case import Case
from harness.core.errors import ScenarioError
from harness.core.quantity import Missing, Quantity, Value
from harness.core.scenario import Load, Scenario
from harness.core.sensing import Channel
from harness.core.verdict import Verdict
from harness.measure.block import RunContext, _details
from harness.measure.metrics import latency_metrics
from harness.measure.passes import latency, thermal
from harness.measure.passes.accuracy import AccuracyPass
from harness.measure.passes.energy import EnergyPass
from harness.measure.passes.latency import CaseState, LatencyPass
from harness.measure.passes.worker_process import Answer
from harness.measure.presets import PROFILES, Profile, profile
from harness.measure.protocol import Job, Loop
from harness.measure.verdicts import verdict
from harness.measure.worker import latency as timing
from harness.measure.worker.loop import LoopPlan, Samples
from harness.measure.worker.scenarios import ScenarioContext, drive
from harness.measure.worker.scenarios.arrivals import poisson_ns
from harness.runtimes.null import NullSession
from harness.sensors.sampler import Series, Traces
from tests.fakes.powered import Board, Meter, result
from tests.fakes.scripted import (
    BATCHES,
    MINUTE,
    MS,
    SECOND,
    Blobs,
    Streams,
    Worker,
    World,
    answer,
    run,
    started,
)

SCENARIOS: tuple[Scenario, ...] = get_args(Scenario)
QUICK = profile("quick")
LOADS: dict[Scenario, Load] = {
    "SingleStream": Load(),
    "MultiStream": Load(samples_per_query=4),
    "Offline": Load(streams=2),
    "Server": Load(rate_per_s=50),
    "sustained": Load(minutes=2),
    "paced": Load(rate_per_s=50),
}


@pytest.fixture(autouse=True)
def _no_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collection before every loop, over all that pytest holds, would take most of the tests' time."""
    monkeypatch.setattr(gc, "collect", lambda: 0)


def value(quantity: Quantity) -> Value:
    assert isinstance(quantity, Value), quantity
    return quantity


def number(quantity: Quantity) -> float:
    return value(quantity).value


def taken(scenario: Scenario, samples: Sequence[Samples], load: Load | None = None, batch: int = 1) -> CaseState:
    """A case with these processes."""
    state = started(scenario, LOADS[scenario] if load is None else load, batch)
    for place, each in enumerate(samples):
        state.add(answer(each), place, Blobs(), QUICK)
    return state


def judged(state: CaseState) -> Verdict:
    return verdict(state, latency_metrics(state, QUICK), QUICK, None)


# --- parameters


@pytest.mark.parametrize(
    ("scenario", "given", "completed"),
    [
        ("SingleStream", Load(), Load()),
        ("MultiStream", Load(), Load(samples_per_query=8)),
        ("Offline", Load(), Load(streams=1)),
        ("Server", Load(rate_per_s=7), Load(rate_per_s=7, latency_bound_ns=None)),
        ("Server", Load(), None),
        ("sustained", Load(), Load(minutes=5)),
        ("paced", Load(rate_per_s=7), Load(rate_per_s=7)),
        ("paced", Load(), None),
    ],
)
def test_parameters_have_their_defaults_and_a_rate_must_be_given(
    scenario: Scenario, given: Load, completed: Load | None
) -> None:
    if completed is None:
        with pytest.raises(ScenarioError, match="needs rate_per_s"):
            Case("m", "fp32", "r", scenario=scenario, load=given)
    else:
        assert Case("m", "fp32", "r", scenario=scenario, load=given).load == completed


PARAMETERS = {"samples_per_query": 4, "streams": 2, "rate_per_s": 3.0, "latency_bound_ns": MS, "minutes": 2.0}
TAKES: dict[Scenario, set[str]] = {
    "SingleStream": set(),
    "MultiStream": {"samples_per_query"},
    "Offline": {"streams"},
    "Server": {"rate_per_s", "latency_bound_ns"},
    "sustained": {"minutes"},
    "paced": {"rate_per_s"},
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_parameter_of_another_scenario_is_an_error(scenario: Scenario) -> None:
    needed = {name: PARAMETERS[name] for name in {"rate_per_s"} & TAKES[scenario]}
    for name, given in PARAMETERS.items():
        asked = Load(**{**needed, name: given})  # type: ignore[arg-type]
        if name in TAKES[scenario]:
            assert getattr(Case("m", "fp32", "r", scenario=scenario, load=asked).load, name) == given
        else:
            with pytest.raises(ScenarioError, match=f"{scenario} does not accept {name}"):
                Case("m", "fp32", "r", scenario=scenario, load=asked)


@pytest.mark.parametrize(
    ("made", "tail"),
    [
        ({}, "|t1"),
        ({"batch": 8, "scenario": "Offline", "load": Load(streams=2)}, "|t1|b8|Offline|s2"),
        ({"scenario": "Offline", "load": Load(streams=1)}, "|t1|Offline"),
        ({"scenario": "Server", "load": Load(rate_per_s=50, latency_bound_ns=20 * MS)}, "|t1|Server|r50-20ms"),
        ({"scenario": "MultiStream", "load": Load(samples_per_query=8)}, "|t1|MultiStream"),
        ({"scenario": "MultiStream", "load": Load(samples_per_query=4)}, "|t1|MultiStream|q4"),
        ({"scenario": "sustained", "load": Load(minutes=30)}, "|t1|sustained|30min"),
        ({"scenario": "paced", "load": Load(rate_per_s=30), "threads": 2}, "|t2|paced|r30"),
        ({"scenario": "Offline", "driver": "loadgen"}, "|t1|Offline|loadgen"),
    ],
)
def test_the_case_id_names_what_is_not_default(made: dict[str, Any], tail: str) -> None:
    assert Case("m", "fp32", "r", **made).id == f"m|fp32|r{tail}"


def quiet(scenario: Scenario, wall_ms: float = 2.0, n: int = 200, load: Load | None = None) -> Samples:
    """One process of a quiet machine: every inference takes as long, and the queries come as fast as they were asked.

    Latency in Server is that of an inference.
    """
    load = LOADS[scenario] if load is None else load
    wall = np.full(n, round(wall_ms * MS), np.int64)
    window, more = int(wall.sum()), {}
    if scenario == "Offline":
        streams = load.streams or 1
        window //= streams
        more = {"stream_n": np.full(streams, n // streams), "process_cpu_ns": np.array([window * streams])}
    elif scenario in ("Server", "paced"):
        window = round(n * SECOND / (load.rate_per_s or 1))
        schedule = {"service_ns": wall, "arrival_ns": np.linspace(0, window, n + 1)[1:].astype(np.int64)}
        more = schedule if scenario == "Server" else {"busy_ns": np.array([wall.sum()])}
    elif scenario == "sustained":
        window, starts = 2 * MINUTE, 1000 + MINUTE * np.arange(2)
        more = {"minute_n": np.array([n // 2] * 2), "minute_started_ns": starts, "minute_ended_ns": starts + MINUTE}
    inferences = n * (4 if scenario == "MultiStream" else 1)
    return Samples(wall, wall, 1000, 1000 + window, inferences, more=more)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_figures_of_other_scenarios_are_missing_with_a_reason(scenario: Scenario) -> None:
    metrics = latency_metrics(taken(scenario, [quiet(scenario)]), QUICK)
    owners = {
        "busy_share": ("Server", "paced"),
        "bound_held": ("Server",),
        "bound_met_share": ("Server",),
        "sustained_p50_ns": ("sustained",),
        "sustained_ratio": ("sustained",),
    }
    for name, own in owners.items():
        found = metrics[name]
        if scenario not in own:
            assert isinstance(found, Missing)
            assert any(owner in found.reason for owner in own)
        elif "bound" not in name:
            assert isinstance(found, Value)


# --- what is timed


@pytest.mark.parametrize("scenario", ["SingleStream", "sustained", "paced"])
def test_single_stream_sustained_and_paced_time_the_inference_alone(scenario: Scenario) -> None:
    pilot = [2 * MS] * 20 if scenario == "sustained" else []
    world = World(*pilot, 2 * MS, 3 * MS, 4 * MS, 5 * MS, copy_ns=MS)
    # sustained has minutes alone for a limit: four inferences with their copies take 18 ms
    samples = run(world, scenario, LOADS[scenario], LoopPlan(4, 17 * MS if scenario == "sustained" else 0, 4))
    assert samples.wall_ns.tolist() == [2 * MS, 3 * MS, 4 * MS, 5 * MS]
    state = taken(scenario, [samples])
    assert number(latency_metrics(state, QUICK)["latency_p50_ns"]) == 3.5 * MS


def test_multi_stream_times_the_query_from_its_first_sample_to_its_last() -> None:
    world = World(*(MS * each for each in range(1, 13)), copy_ns=100_000)
    samples = run(world, "MultiStream", Load(samples_per_query=4), LoopPlan(3, 0, 3))
    assert samples.wall_ns.tolist() == [(1 + 2 + 3 + 4) * MS + 400_000, 26 * MS + 400_000, 42 * MS + 400_000]
    metrics = latency_metrics(taken("MultiStream", [samples]), QUICK)
    assert number(metrics["latency_p50_ns"]) == 26 * MS + 400_000


def offline(durations_ns: Sequence[int], plan: LoopPlan, copy_ns: int = 0, batch: int = 1) -> Samples:
    """Streams that run at once, each on a clock of its own."""
    streams = Streams()
    first, *others = [streams.session(ns, copy_ns) for ns in durations_ns]
    more = iter(others)
    stage = ScenarioContext(first, lambda: next(more), Load(streams=len(durations_ns)), batch, now=streams.now)
    return drive("own", "Offline", stage, BATCHES, plan)


def test_offline_latency_is_that_of_the_inference_alone() -> None:
    samples = offline([2 * MS, 5 * MS], LoopPlan(8, 0, 100), copy_ns=MS)
    assert samples.wall_ns.tolist() == [2 * MS] * 4 + [5 * MS] * 4
    state = taken("Offline", [samples])
    assert number(latency_metrics(state, QUICK)["latency_p50_ns"]) == 3.5 * MS


@pytest.mark.parametrize("batch", [1, 4])
def test_offline_throughput_times_from_the_common_start_to_the_last_inference(batch: int) -> None:
    samples = offline([2 * MS, 5 * MS], LoopPlan(8, 0, 100), copy_ns=MS, batch=batch)
    state = taken("Offline", [samples], batch=batch)
    last_ns = 4 * (5 + 1) * MS  # the slower stream's four inferences with their copies; the faster ends at 12 ms
    assert samples.ended_ns - samples.started_ns == last_ns
    found = number(latency_metrics(state, QUICK)["throughput_per_s"])
    assert found == pytest.approx(8 * batch * SECOND / last_ns)


def test_server_latency_starts_at_the_scheduled_arrival() -> None:
    world = World(7 * MS, copy_ns=2 * MS)
    samples = run(world, "Server", Load(rate_per_s=100), LoopPlan(300, 0, 300), seed=3)
    done, expected = 0, []
    for arrival in poisson_ns(100, 300, 3).tolist():
        done = max(done, arrival) + 9 * MS
        expected.append(done - arrival)
    assert samples.wall_ns.tolist() == expected
    assert max(expected) > 3 * 9 * MS  # some waited behind others: from the issue all would take 9 ms
    state = taken("Server", [samples])
    assert number(latency_metrics(state, QUICK)["latency_p50_ns"]) == pytest.approx(float(np.median(expected)))


class Watching(World):
    """A world that notes whether the garbage collector is on when it infers."""

    collecting: bool = False

    def infer(self) -> None:
        self.collecting |= gc.isenabled()
        super().infer()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_rotates_inputs_with_the_collector_off(scenario: Scenario) -> None:
    world = Watching(50 * MS)
    load = Load(streams=1) if scenario == "Offline" else LOADS[scenario]
    samples = run(world, scenario, load, LoopPlan(7, 0 if scenario != "sustained" else 5 * SECOND, 100))
    assert not world.collecting
    assert gc.isenabled()
    assert samples.gc_frozen is not None
    inputs = world.prepared[20:] if scenario == "sustained" else world.prepared
    assert len(inputs) >= 7
    assert inputs == [place % 3 for place in range(len(inputs))]


# --- MultiStream


@pytest.mark.parametrize(("samples", "batch", "inferences"), [(8, 1, 8), (8, 2, 4), (8, 8, 1), (4, 2, 2)])
def test_a_query_is_its_samples_in_inferences_of_a_batch_each(samples: int, batch: int, inferences: int) -> None:
    world = World(5 * MS)
    taken_ = run(world, "MultiStream", Load(samples_per_query=samples), LoopPlan(3, 0, 9), batch)
    assert taken_.wall_ns.tolist() == [inferences * 5 * MS] * 3
    assert np.diff(world.inferred_at[:inferences]).tolist() == [5 * MS] * (inferences - 1)
    assert len(world.inferred_at) == taken_.inferences == 3 * inferences


@pytest.mark.parametrize("batch", [1, 2, 4])
def test_multi_stream_counts_the_samples_and_inferences_of_its_queries(batch: int) -> None:
    samples = run(World(5 * MS), "MultiStream", LOADS["MultiStream"], LoopPlan(30, 0, 30), batch)
    metrics = latency_metrics(taken("MultiStream", [samples], batch=batch), QUICK)
    assert number(metrics["throughput_per_s"]) == pytest.approx(batch * 200)
    assert number(metrics["n_inferences"]) == 30 * 4 / batch


# --- Offline


def test_each_stream_is_a_session_and_a_thread_of_its_own() -> None:
    streams = Streams()
    sessions = [streams.session(MS) for _ in range(3)]
    others = iter(sessions[1:])
    stage = ScenarioContext(sessions[0], lambda: next(others), Load(streams=3), now=streams.now)
    drive("own", "Offline", stage, BATCHES, LoopPlan(9, 0, 100))
    own = [session.threads - {threading.get_ident()} for session in sessions]
    assert [len(each) for each in own] == [1, 1, 1]
    assert len(set.union(*own)) == 3


def test_streams_start_together_and_each_does_its_share() -> None:
    barrier = threading.Barrier(3)

    class Meeting(NullSession):
        """Infers only when the other streams do: those that took turns would never end."""

        def infer(self) -> None:
            if threading.current_thread() is not threading.main_thread():
                barrier.wait(30)

    samples = drive(
        "own", "Offline", ScenarioContext(Meeting(), Meeting, Load(streams=3)), BATCHES, LoopPlan(10, 0, 100)
    )
    assert samples.more["stream_n"].tolist() == [4, 4, 4]
    assert samples.inferences == len(samples.wall_ns) == 12


def test_offline_is_judged_by_its_throughput_over_processes() -> None:
    windows_ms = [100.0, 104.0, 96.0]
    state = started("Offline", Load(streams=2), batch=4)
    for place, window_ms in enumerate(windows_ms):
        window = round(window_ms * MS)
        more = {"stream_n": np.array([50, 50]), "process_cpu_ns": np.array([2 * window])}
        wall = np.full(100, 2 * MS)
        state.add(answer(Samples(wall, wall, 500, 500 + window, 100, more=more)), place, Blobs(), QUICK)
    metrics = latency_metrics(state, QUICK)
    found = value(metrics["throughput_per_s"])
    assert found.value == pytest.approx(400 / 0.100)
    assert found.lo is not None
    assert found.hi is not None
    assert found.lo <= 400 / 0.104 < found.value < 400 / 0.096 <= found.hi
    assert found.n == 3
    ruling = judged(state)
    assert (ruling.status, ruling.reason.split(" within")[0]) == ("imprecise", "throughput")  # of the median +-0
    assert number(metrics["latency_p50_ns"]) == 2 * MS


def test_offline_wall_per_cpu_is_the_time_of_all_streams_over_the_cpu_time_of_the_process() -> None:
    state = started("Offline", Load(streams=2))
    for window_ms, cpu_ms in ((100, 150), (200, 250)):
        more = {"stream_n": np.array([50, 50]), "process_cpu_ns": np.array([cpu_ms * MS])}
        wall = np.full(100, 2 * MS)
        state.add(answer(Samples(wall, wall, 500, 500 + window_ms * MS, 100, more=more)), 0, Blobs(), QUICK)
    assert number(latency_metrics(state, QUICK)["wall_per_cpu"]) == pytest.approx(2 * 300 / 400)


# --- Server


def test_server_gaps_are_exponential_and_drawn_from_the_seed() -> None:
    load, plan = Load(rate_per_s=40), LoopPlan(4000, 0, 4000)
    arrivals = run(World(1000), "Server", load, plan, seed=5).more["arrival_ns"]
    assert (arrivals == run(World(9 * MS), "Server", load, plan, seed=5).more["arrival_ns"]).all()
    assert (arrivals != run(World(1000), "Server", load, plan, seed=6).more["arrival_ns"]).any()
    gaps = np.diff(arrivals, prepend=0) * 40 / 1e9
    assert gaps.mean() == pytest.approx(1.0, abs=0.08)  # 5 standard errors
    assert gaps.std() == pytest.approx(1.0, abs=0.12)
    for several in (0.5, 1.0, 2.0):
        assert (gaps > several).mean() == pytest.approx(math.exp(-several), abs=0.04)
    assert abs(np.corrcoef(gaps[1:], gaps[:-1])[0, 1]) < 0.08


def measured(
    monkeypatch: pytest.MonkeyPatch, state: CaseState, asked: Profile, worker: Worker, sensors: Sequence[Any] = ()
) -> Blobs:
    """The latency pass over one case, its processes in scripted worlds."""
    blobs = Blobs()
    monkeypatch.setattr(latency, "run_worker", worker)
    list(LatencyPass(asked, blobs, Path("scratch"), 11, sensors).measure([state]))
    return blobs


def test_each_process_of_server_has_a_schedule_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    state = started("Server", Load(rate_per_s=200))
    blobs = measured(monkeypatch, state, QUICK, Worker(lambda job: World(MS)))
    schedules = [tuple(each["arrival_ns"].tolist()) for each in blobs.kept]
    assert len(schedules) == len(set(schedules)) == 3

    stages: list[ScenarioContext] = []

    def driven(driver: str, scenario: str, stage: ScenarioContext, batches: object, plan: LoopPlan) -> Samples:
        stages.append(stage)
        return run(World(MS), "Server", stage.load, plan, seed=stage.seed)

    monkeypatch.setattr("harness.measure.worker.latency.scenarios.drive", driven)
    monkeypatch.setattr(timing, "control_ns", lambda: 1.0)
    loop = Loop(1, 0, 20, 0, 100)
    job = Job(
        "latency",
        "harness.runtimes.null:null",
        "m",
        "o",
        loop=loop,
        seed=23,
        scenario="Server",
        load=state.prepared.case.load,
    )
    told, arrays = timing.latency(NullSession(), job)
    assert stages[0].seed == 23
    alike = run(World(MS), "Server", job.load, LoopPlan(20, 0, 100), seed=23)
    assert (told["started_ns"], told["ended_ns"], told["inferences"]) == (alike.started_ns, alike.ended_ns, 20)
    assert arrays["wall_ns"].tolist() == alike.wall_ns.tolist()
    assert arrays["arrival_ns"].tolist() == poisson_ns(200, 20, 23).tolist()


def test_one_session_answers_first_come_first_served() -> None:
    opened: list[World] = []
    world = World(30 * MS, copy_ns=MS)
    stage = ScenarioContext(
        world, lambda: opened.append(world) or world, Load(rate_per_s=100), 1, 4, world.now, world.sleep
    )  # type: ignore[func-returns-value]
    samples = drive("own", "Server", stage, BATCHES, LoopPlan(50, 0, 50))
    answered = samples.more["arrival_ns"] + samples.wall_ns
    assert not opened
    assert (np.diff(answered) >= 31 * MS).all()  # in the order of their arrival, one at a time
    assert world.prepared == [place % 3 for place in range(50)]


def test_waking_up_is_a_part_of_the_latency_of_server() -> None:
    world = World(4 * MS, copy_ns=MS, late_ns=3 * MS)
    samples = run(world, "Server", Load(rate_per_s=20), LoopPlan(100, 0, 100), seed=8)
    free, expected, idle = 0, [], 0
    for arrival in samples.more["arrival_ns"].tolist():
        idle += arrival > free
        free = (arrival + 3 * MS if arrival > free else free) + 5 * MS
        expected.append(free - arrival)
    assert samples.wall_ns.tolist() == expected
    assert world.sleeps == idle > 50  # it sleeps once for each query that finds it idle, and never spins


@pytest.mark.parametrize("name", PROFILES)
def test_server_has_at_least_1000_queries_over_all_processes(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    state = started("Server", Load(rate_per_s=10))
    measured(monkeypatch, state, PROFILES[name], Worker(lambda job: World(MS)))
    queries = sum(run.inferences for run in state.runs)
    assert (queries >= 1000) is (name != "smoke")
    assert queries <= 4000


def singles(scenario: Scenario, latencies_ns: Any, load: Load) -> CaseState:
    """One process with these latencies, served at once."""
    wall = np.asarray(latencies_ns, np.int64)
    samples = quiet(scenario, n=len(wall), load=load)._replace(wall_ns=wall)
    return taken(scenario, [samples], load)


@pytest.mark.parametrize(("n", "given"), [(661, False), (662, True)])
def test_a_p99_takes_662_independent_queries(n: int, given: bool) -> None:
    # with fewer, one slow query or none would be no rare event: (1 - .01)^n + n .01 (1 - .01)^(n - 1) < .01
    assert (0.99**n + n * 0.01 * 0.99 ** (n - 1) < 0.01) is given
    wall = np.random.default_rng(3).lognormal(0, 0.1, n) * MS
    found = latency_metrics(singles("Server", wall, LOADS["Server"]), QUICK)["latency_p99_ns"]
    assert isinstance(found, Value if given else Missing)
    if isinstance(found, Missing):
        assert "p99 needs 662 independent samples" in found.reason
    waves = np.repeat(wall[: n // 2 + 1], 2)  # two by two alike: as many queries, half as much evidence
    assert isinstance(latency_metrics(singles("Server", waves, LOADS["Server"]), QUICK)["latency_p99_ns"], Missing)


def at_most(k: int, n: int, share: float) -> float:
    """P(Bin(n, share) <= k), term by term."""
    return sum(math.comb(n, i) * share**i * (1 - share) ** (n - i) for i in range(k + 1))


BOUNDED = Load(rate_per_s=50, latency_bound_ns=5 * MS)


def late(k: int, n: int, late_ms: float = 6.0) -> CaseState:
    """`n` queries, `k` of them beyond the bound of 5 ms."""
    wall = np.full(n, 3 * MS)
    wall[(np.arange(1, k + 1) * 0.618 * n).astype(int) % n] = round(late_ms * MS)  # spread, out of step with all else
    return singles("Server", wall, BOUNDED)


@pytest.mark.parametrize(
    ("k", "n", "held"),
    [
        (0, 458, None),
        (0, 459, True),
        (1, 661, None),
        (1, 662, True),
        (3, 1000, None),
        (3, 1100, True),
        (18, 1000, None),
        (19, 1000, False),
        (10, 1000, None),
        (60, 1000, False),
        (0, 20, None),
        (4, 20, False),
    ],
)
def test_bound_held_is_decided_at_99_percent_confidence_or_missing(k: int, n: int, held: bool | None) -> None:
    # LoadGen's early stopping in both directions: as few (as many) late ones would be rare if 99 % were not (were) met
    few, many = at_most(k, n, 0.01) < 0.01, 1 - at_most(k - 1, n, 0.01) < 0.01
    assert (True if few else False if many else None) is held
    state = late(k, n)
    found = latency_metrics(state, QUICK)["bound_held"]
    assert (None if isinstance(found, Missing) else found.value) == (None if held is None else float(held))
    if isinstance(found, Missing):
        assert f"{n} queries" in found.reason
    words = {None: "undecided", True: "held", False: "not held"}[held]
    assert f"bound of 5 ms at p99 {words}, " in judged(state).reason


def test_the_bound_counts_independent_queries() -> None:
    alone = np.random.default_rng(1).lognormal(0, 0.01, 240) * 3 * MS
    together = latency_metrics(singles("Server", np.repeat(alone, 5), BOUNDED), QUICK)["bound_held"]
    apart = latency_metrics(late(0, 1200), QUICK)["bound_held"]
    assert number(apart) == 1.0
    assert isinstance(together, Missing)  # none of 1200 is late, but five by five they are one event
    worth = re.search(r"1200 queries, worth (\d+) independent ones", together.reason)
    assert worth is not None
    assert 150 < int(worth[1]) < 330


def test_bound_met_share_is_the_share_of_queries_within_the_bound() -> None:
    found = value(latency_metrics(late(40, 1000), QUICK)["bound_met_share"])
    assert (found.value, found.n) == (0.96, 1000)
    assert found.lo is not None
    assert found.hi is not None
    assert found.lo < 0.96 < found.hi
    exact = latency_metrics(late(40, 1000, late_ms=5.0), QUICK)
    assert number(exact["bound_met_share"]) == number(exact["bound_held"]) == 1.0


def test_server_throughput_is_the_rate_achieved() -> None:
    samples = [run(World(7 * MS), "Server", LOADS["Server"], LoopPlan(400, 0, 400), seed=seed) for seed in range(3)]
    windows_s = [(each.more["arrival_ns"][-1] + each.wall_ns[-1]) / 1e9 for each in samples]
    found = latency_metrics(taken("Server", samples), QUICK)["throughput_per_s"]
    assert number(found) == pytest.approx(1200 / sum(windows_s))


def test_busy_share_of_server_is_the_time_spent_on_answers() -> None:
    world = World(7 * MS, copy_ns=2 * MS)
    samples = run(world, "Server", LOADS["Server"], LoopPlan(400, 0, 400), seed=2)
    window_ns = samples.more["arrival_ns"][-1] + samples.wall_ns[-1]
    found = latency_metrics(taken("Server", [samples]), QUICK)["busy_share"]
    assert number(found) == pytest.approx(400 * 9 * MS / window_ns)


def stretched(scenario: Scenario, share: float, rate_per_s: float = 50) -> CaseState:
    """Three processes that answer the share of the queries asked for in the time of the schedule."""
    samples = quiet(scenario)
    window = round((samples.ended_ns - samples.started_ns) / share)
    slower = [samples._replace(ended_ns=samples.started_ns + window)] * 3
    return taken(scenario, slower, Load(rate_per_s=rate_per_s))


def test_server_below_95_percent_of_its_rate_has_no_steady_state() -> None:
    ruling = judged(stretched("Server", 0.949))
    assert ruling.status == "no-steady-state"
    assert "50 inferences a second were asked for, 47.45 done" in ruling.reason
    # whatever the nominal rate: a short schedule may by chance ask for less, or for more
    assert judged(stretched("Server", 0.951, rate_per_s=80)).status == "precise"
    assert judged(stretched("Server", 0.949, rate_per_s=20)).status == "no-steady-state"


# --- sustained


@pytest.mark.parametrize("name", PROFILES)
def test_sustained_is_one_process_for_its_minutes(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    worker = Worker(lambda job: World(500 * MS))
    state = started("sustained", Load(minutes=2))
    measured(monkeypatch, state, PROFILES[name], worker)
    assert len(worker.jobs) == len(state.runs) == 1
    assert state.runs[0].ended_ns - state.runs[0].started_ns == pytest.approx(2 * MINUTE, abs=SECOND)


def series(name: str, unit: Any, t_s: Sequence[float], values: Sequence[float]) -> Series:
    t_ns = np.array([round(each * SECOND) for each in t_s], np.int64)
    return Series(Channel(name, unit), t_ns, np.array(values), 1)


CLIMATE = (
    series("thermal/cpu", "degC", [15, 65, 75, 130], [50.0, 80.0, 90.0, 20.0]),
    series("thermal/PMIC-Die", "degC", [15, 75], [100.0, 100.0]),
    series("cpufreq/policy0", "Hz", [15, 75], [2.0e9, 1.0e9]),
    series("cpufreq/policy4", "Hz", [15, 75], [1.0e9, 0.5e9]),
    series("devfreq/gpu", "Hz", [15, 75], [5.0e8, 5.0e8]),
    series("pmic/core", "W", [15, 75], [999.0, 999.0]),
)


class Weather:
    """In the place of the sampler: `climate` is what it saw, `asked` how it was asked."""

    asked: list[tuple[list[str], int]]

    def __init__(self, seen: Sequence[Series]) -> None:
        self.seen = seen
        self.asked = []

    def __call__(self, sensors: Sequence[Any], period_ns: int) -> Weather:
        self.asked.append(([sensor.name for sensor in sensors], period_ns))
        return self

    def start(self) -> Weather:
        return self

    def stop(self) -> Traces:
        return Traces({each.channel.name: each for each in self.seen}, 0, 0)


def slowing(job: Job) -> World:
    """20 inferences of 250 ms are the pilot, 240 more the first minute; after that each takes 500 ms."""
    return World(*[250 * MS] * 260, 500 * MS)


def details(state: CaseState) -> dict[str, Any]:
    """What the record says beside the metrics."""
    scores = AccuracyPass(Path("scratch"))
    setting = RunContext("r", "t", QUICK, 0, Blobs(), Path("s"), scores, EnergyPass((), Missing("none")))
    return _details(state, None, setting)


@pytest.mark.parametrize("watched", [True, False])
def test_sustained_keeps_a_row_a_minute(monkeypatch: pytest.MonkeyPatch, watched: bool) -> None:
    monkeypatch.setattr(thermal, "Sampler", Weather(CLIMATE if watched else ()))
    state = started("sustained", Load(minutes=2))
    measured(monkeypatch, state, QUICK, Worker(slowing))
    first, second = details(state)["minutes"]
    assert (first["minute"], first["p50_ns"], first["n"]) == (1, 250 * MS, 240)
    assert (second["minute"], second["p50_ns"], second["n"]) == (2, 500 * MS, 120)
    if watched:
        assert (first["temperature_c"], second["temperature_c"]) == (65.0, 90.0)
        assert first["temperature_channel"] == second["temperature_channel"] == "thermal/cpu"
        assert (first["clock_hz"], second["clock_hz"]) == (1.5e9, 0.75e9)
    else:
        assert first["temperature_c"] is first["clock_hz"] is None
        assert "sensor" in first["temperature_c_missing"]
        assert "cpufreq" in first["clock_hz_missing"]


def test_sustained_reads_heat_and_clocks_every_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    weather = Weather(CLIMATE)
    monkeypatch.setattr(thermal, "Sampler", weather)
    units = {"thermal": "degC", "cpufreq": "Hz", "powercap": "J"}
    sensors = [SimpleNamespace(name=name, channels=(Channel(name, unit),)) for name, unit in units.items()]  # type: ignore[arg-type]
    for scenario in ("SingleStream", "sustained"):
        state = started(scenario, LOADS[scenario])
        measured(monkeypatch, state, QUICK, Worker(slowing), sensors)
    assert weather.asked == [(["thermal", "cpufreq"], 2 * SECOND)]
    assert state.thermal_traces is not None
    assert set(state.thermal_traces.series) == {each.channel.name for each in CLIMATE} - {"pmic/core"}


def test_sustained_compares_the_last_minute_with_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    state, short = started("sustained", Load(minutes=3)), started("sustained", Load(minutes=1))
    measured(monkeypatch, state, QUICK, Worker(lambda job: World(*[250 * MS] * 260, *[MINUTE // 100] * 100, 500 * MS)))
    measured(monkeypatch, short, QUICK, Worker(slowing))
    metrics, alone = latency_metrics(state, QUICK), latency_metrics(short, QUICK)
    assert number(metrics["sustained_p50_ns"]) == 500 * MS
    assert number(metrics["sustained_ratio"]) == 2.0
    assert number(alone["sustained_p50_ns"]) == 250 * MS
    assert isinstance(alone["sustained_ratio"], Missing)


@pytest.mark.parametrize(("inference_us", "calls"), [(100, 10), (300, 4), (900, 2), (1000, 1), (4000, 1)])
def test_sustained_times_short_inferences_several_at_a_time(inference_us: int, calls: int) -> None:
    samples = run(World(inference_us * 1000), "sustained", Load(minutes=0.01), LoopPlan(1, 600 * MS, 10))
    assert samples.calls == calls
    assert set(samples.wall_ns.tolist()) == {inference_us * 1000}
    assert samples.inferences == calls * len(samples.wall_ns)
    assert len(samples.wall_ns) <= 600  # never more than one a millisecond


@pytest.mark.parametrize("scenario", ["SingleStream", "sustained"])
def test_samples_of_several_inferences_have_no_tails(scenario: Scenario) -> None:
    samples = quiet(scenario, n=4000)
    tails = [f"latency_{name}_ns" for name in ("p90", "p95", "p99", "p999")]
    several = latency_metrics(taken(scenario, [samples._replace(calls=2)]), QUICK)
    single = latency_metrics(taken(scenario, [samples]), QUICK)
    for name in tails:
        assert several[name] == Missing("inferences this short are timed 2 at a time: no slow one shows")
    assert isinstance(single["latency_p99_ns"], Value)


def test_sustained_has_no_interval() -> None:
    state = taken("sustained", [quiet("sustained")])
    metrics = latency_metrics(state, QUICK)
    for name in ("latency_p50_ns", "sustained_p50_ns", "sustained_ratio"):
        assert (value(metrics[name]).lo, value(metrics[name]).hi) == (None, None)
    ruling = judged(state)
    assert (ruling.status, ruling.remedy) == ("imprecise", "repeat the run and compare")


def test_throttling_does_not_spoil_sustained() -> None:
    hot, cool = (taken("sustained", [quiet("sustained")]) for _ in range(2))
    hot.throttled = "cooling/cpufreq-cpu0 is 3"
    assert judged(hot).status == judged(cool).status == "imprecise"
    assert "cooling/cpufreq-cpu0 is 3" in judged(hot).reason
    assert "capped" not in judged(cool).reason


# --- paced


def test_a_late_inference_does_not_move_the_next_tick() -> None:
    world = World(2 * MS, 30 * MS, 2 * MS)
    samples = run(world, "paced", LOADS["paced"], LoopPlan(5, 0, 5))
    assert [at - 17 for at in world.inferred_at] == [0, 20 * MS, 50 * MS, 60 * MS, 80 * MS]
    assert samples.wall_ns.tolist() == [2 * MS, 30 * MS, 2 * MS, 2 * MS, 2 * MS]


def test_busy_share_is_the_duty_cycle() -> None:
    state = taken("paced", [run(World(ms * MS), "paced", LOADS["paced"], LoopPlan(100, 0, 100)) for ms in (2, 4)])
    metrics = latency_metrics(state, QUICK)
    assert number(metrics["busy_share"]) == pytest.approx((2 + 4) / (2 * 20))
    assert number(metrics["throughput_per_s"]) == pytest.approx(50)


def test_energy_of_paced_holds_the_idle_time_around_an_inference(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board()

    class Bursts(World):
        """5 W while it infers (2 ms), 1 W between."""

        def infer(self) -> None:
            board.draw(5.0)
            board.ns += 2 * MS
            board.draw(1.0)

    def work(job: Job, timeout_s: float) -> Answer:
        assert (job.scenario, job.load, job.loop is not None) == ("paced", Load(rate_per_s=50), True)
        assert job.loop is not None
        board.draw(1.0)
        world = Bursts(0)
        stage = ScenarioContext(world, lambda: world, job.load, 1, job.seed, board.now, board.sleep)
        samples = drive(
            job.driver, job.scenario, stage, BATCHES, LoopPlan(job.loop.min_n, job.loop.min_ns, job.loop.max_n)
        )
        at = samples.started_ns
        return Answer(result(at, at, at, samples.ended_ns, samples.inferences), {})

    counter = Meter(board, Channel("meter/joules", "J", "board", "counter", MS))
    (found,) = board.measure(monkeypatch, [started("paced", LOADS["paced"])], QUICK, [counter], work).values()
    # 2 ms at 5 W and 18 ms at 1 W, within what interpolating the counter at two edges can miss
    assert number(found.metrics["energy_gross_j"]) == pytest.approx(0.028, rel=0.01)


def test_a_pace_that_cannot_be_kept_has_no_steady_state() -> None:
    assert judged(stretched("paced", 0.951)).status == "precise"
    ruling = judged(stretched("paced", 0.949))
    assert ruling.status == "no-steady-state"
    assert "50 inferences a second were asked for, 47.45 done" in ruling.reason


# --- LoadGen


class LoadGen:
    """MLPerf's LoadGen as this project uses it: asks for the queries, and spends 3 ms of its own before each."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.completed: list[int] = []
        self.TestScenario = SimpleNamespace(SingleStream="SingleStream", Offline="Offline")
        self.TestMode = SimpleNamespace(PerformanceOnly="PerformanceOnly")
        self.TestSettings = SimpleNamespace
        self.LogSettings = lambda: SimpleNamespace(log_output=SimpleNamespace())
        self.QuerySampleResponse = lambda number, *_: number
        self.QuerySamplesComplete = self.completed.extend
        self.ConstructSUT = lambda issue, flush: issue
        self.ConstructQSL = lambda *_: None
        self.DestroySUT = self.DestroyQSL = lambda _: None
        self.asked: Any = None

    def StartTestWithLogSettings(self, issue: Callable[[list[Any]], None], _: Any, settings: Any, logs: Any) -> None:  # noqa: N802
        self.asked, begun, number = settings, self.world.ns, 0
        if settings.scenario == "Offline":
            expected = settings.offline_expected_qps * settings.min_duration_ms / 1e3
            issue([SimpleNamespace(id=number) for number in range(max(settings.min_query_count, math.ceil(expected)))])
        else:
            while number < settings.min_query_count or self.world.ns - begun < settings.min_duration_ms * MS:
                self.world.ns += 3 * MS
                issue([SimpleNamespace(id=number)])
                number += 1
        Path(logs.log_output.outdir, "mlperf_log_summary.txt").write_text(f"LoadGen's summary: {number}\n")


@pytest.fixture
def loadgen(monkeypatch: pytest.MonkeyPatch) -> LoadGen:
    """LoadGen installed, in a world of 2 ms an inference and 1 ms a copy."""
    made = LoadGen(World(2 * MS, copy_ns=MS))
    monkeypatch.setitem(sys.modules, "mlperf_loadgen", made)
    return made


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_loadgen_drives_single_stream_and_offline_alone(scenario: Scenario) -> None:
    if scenario in ("SingleStream", "Offline"):
        assert Case("m", "fp32", "r", scenario=scenario, driver="loadgen").id.endswith("|loadgen")
    else:
        with pytest.raises(ScenarioError, match="LoadGen drives SingleStream and Offline here"):
            Case("m", "fp32", "r", scenario=scenario, load=LOADS[scenario], driver="loadgen")


@pytest.mark.parametrize("scenario", ["SingleStream", "Offline"])
@pytest.mark.parametrize(("min_n", "min_ms"), [(40, 1), (5, 900)])
def test_loadgen_runs_for_at_least_the_inferences_and_time_of_the_profile(
    loadgen: LoadGen, scenario: Scenario, min_n: int, min_ms: int
) -> None:
    load = Load(streams=1) if scenario == "Offline" else Load()
    plan = LoopPlan(min_n, min_ms * MS, 10_000)
    samples = run(loadgen.world, scenario, load, plan, driver="loadgen")
    assert loadgen.asked.scenario == scenario
    assert (loadgen.asked.min_query_count, loadgen.asked.min_duration_ms) == (min_n, min_ms)
    assert samples.inferences == len(samples.wall_ns) >= min_n
    assert samples.ended_ns - samples.started_ns >= min_ms * MS - 6 * MS
    assert len(loadgen.completed) == samples.inferences


@pytest.mark.parametrize("scenario", ["SingleStream", "Offline"])
def test_figures_under_loadgen_are_of_the_inference_alone(loadgen: LoadGen, scenario: Scenario) -> None:
    load = Load(streams=1) if scenario == "Offline" else Load()
    samples = run(loadgen.world, scenario, load, LoopPlan(40, 0, 1000), driver="loadgen")
    assert set(samples.wall_ns.tolist()) == {2 * MS}
    metrics = latency_metrics(taken(scenario, [samples], load), QUICK)
    assert number(metrics["latency_p50_ns"]) == 2 * MS


def test_the_summary_of_loadgen_is_kept(monkeypatch: pytest.MonkeyPatch, loadgen: LoadGen) -> None:
    state = started("SingleStream", Load(), driver="loadgen")
    measured(monkeypatch, state, QUICK, Worker(lambda job: loadgen.world))
    assert len(state.runs) == 3
    summaries = [f"LoadGen's summary: {run.inferences}\n" for run in state.runs]
    assert details(state)["loadgen_summaries"] == summaries


# --- the verdict's rules


def ruled(
    scenario: Scenario,
    change: Callable[[Answer], Answer] = lambda answer: answer,
    *,
    threads: int = 1,
    load: Load | None = None,
    **facts: Any,
) -> Verdict:
    """The verdict on three processes (of sustained one) of a quiet machine, each of them changed."""
    state = started(scenario, LOADS[scenario] if load is None else load, threads=threads)
    for place in range(1 if scenario == "sustained" else 3):
        made = answer(quiet(scenario, load=load), **facts)
        state.add(change(made), place, Blobs(), QUICK)
    return judged(state)


CALM = {scenario: "imprecise" if scenario == "sustained" else "precise" for scenario in SCENARIOS}
"""What a quiet machine is given: sustained never has an interval."""


def starved(wall_per_cpu: float) -> Callable[[Answer], Answer]:
    """Processes whose CPU time is so much less than their wall time."""

    def change(made: Answer) -> Answer:
        arrays = dict(made.arrays)
        arrays["cpu_ns"] = (arrays["wall_ns"] / wall_per_cpu).astype(np.int64)
        if "process_cpu_ns" in arrays:
            arrays["process_cpu_ns"] = (arrays["process_cpu_ns"] / wall_per_cpu).astype(np.int64)
        return Answer(made.result, arrays)

    return change


def queued(made: Answer) -> Answer:
    """Queries of Server that waited for three times as long as they were served."""
    return Answer(made.result, {**made.arrays, "wall_ns": made.arrays["wall_ns"] * 4})


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_rule_wall_over_cpu_time(scenario: Scenario) -> None:
    assert ruled(scenario, starved(1.049)).status == CALM[scenario]
    assert ruled(scenario, starved(1.051)).status == "contended"
    assert ruled(scenario, starved(1.3), threads=2).status == CALM[scenario]
    if scenario == "Server":
        assert ruled("Server", queued).status == "precise"  # the queue is no contention
    if scenario == "Offline":
        assert "held the core" in ruled("Offline", starved(1.3), load=Load(streams=4)).reason
        found = ruled("Offline", starved(1.3), load=Load(streams=4), affinity=[0, 1])
        assert found.reason == "4 threads on 2 CPUs (affinity or cpuset)", "they hold the cores against each other"


def spiked(every: int) -> Callable[[Answer], Answer]:
    """Every n-th sample lost its core for 4 ms: the median does not notice."""

    def change(made: Answer) -> Answer:
        wall = made.arrays["wall_ns"].copy()
        wall[::every] += 4 * MS
        return Answer(made.result, {**made.arrays, "wall_ns": wall})

    return change


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_rule_involuntary_switches(scenario: Scenario) -> None:
    tells = scenario in ("SingleStream", "MultiStream", "paced")
    found = ruled(scenario, spiked(10), involuntary_switches=20)
    assert found.status == ("contended" if tells else CALM[scenario])
    if tells:  # 4 ms in every tenth sample of 2 ms are a sixth of the time
        count = 60
        assert found.reason == f"17% of the loop's time went to others, in {count} involuntary context switches"
    assert ruled(scenario, spiked(10), involuntary_switches=0).status == CALM[scenario]
    assert ruled(scenario, spiked(10), involuntary_switches=20, threads=2).status == CALM[scenario]
    assert ruled(scenario, spiked(50), involuntary_switches=20).status == CALM[scenario]  # 4 %


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("threads", [1, 4])
def test_rule_pressure_of_the_machine(scenario: Scenario, threads: int) -> None:
    found = ruled(scenario, threads=threads, cpu_pressure=0.051)
    assert (found.status, found.reason) == ("contended", "tasks waited for a CPU 5% of the time (/proc/pressure/cpu)")
    assert ruled(scenario, threads=threads, cpu_pressure=0.049).status == CALM[scenario]


def climbing(made: Answer) -> Answer:
    """Latency that doubles from the first sample to the last; in Server with the queue."""
    factor = np.linspace(1, 2, len(made.arrays["wall_ns"]))
    arrays = {**made.arrays, "wall_ns": (made.arrays["wall_ns"] * factor).astype(np.int64)}
    return Answer(made.result, {**arrays, "cpu_ns": arrays["wall_ns"]})


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_rule_latency_settles(scenario: Scenario) -> None:
    settles = scenario in ("SingleStream", "MultiStream", "paced")
    assert ruled(scenario, climbing).status == ("no-steady-state" if settles else CALM[scenario])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_rule_drifted(scenario: Scenario) -> None:
    back_to_back = scenario in ("SingleStream", "MultiStream", "Offline")
    for ratio in (0.9, 1.1):
        found = ruled(scenario, control_ratio=ratio)
        assert found.status == ("drifted" if back_to_back else CALM[scenario])
    assert ruled(scenario, control_ratio=1.04).status == CALM[scenario]  # 'quick' asks for 5 %


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_rule_throttled(scenario: Scenario) -> None:
    state = taken(scenario, [quiet(scenario)] * (1 if scenario == "sustained" else 3))
    state.throttled = "cpu-throttle/core rose by 4"
    found = judged(state)
    assert found.status == ("imprecise" if scenario == "sustained" else "throttled")
    assert "cpu-throttle/core rose by 4" in found.reason


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_rule_keeps_up(scenario: Scenario) -> None:
    def twice_as_long(made: Answer) -> Answer:
        start, end = made.result["started_ns"], made.result["ended_ns"]
        arrays = dict(made.arrays)
        if "process_cpu_ns" in arrays:
            arrays["process_cpu_ns"] = 2 * arrays["process_cpu_ns"]
        return Answer({**made.result, "ended_ns": start + 2 * (end - start)}, arrays)

    asked = scenario in ("Server", "paced")
    assert ruled(scenario, twice_as_long).status == ("no-steady-state" if asked else CALM[scenario])


def differing(scenario: Scenario, of_windows: bool) -> Verdict:
    """Three processes that differ by a fifth, in their windows alone or in their latencies alone."""
    state = started(scenario, LOADS[scenario])
    for place, factor in enumerate((1.0, 1.2, 0.83)):
        made = answer(quiet(scenario))
        arrays, result_ = dict(made.arrays), dict(made.result)
        if of_windows:
            window = round((result_["ended_ns"] - result_["started_ns"]) * factor)
            result_["ended_ns"] = result_["started_ns"] + window
            for name in {"arrival_ns", "process_cpu_ns"} & set(arrays):
                arrays[name] = (arrays[name] * factor).astype(np.int64)
        else:
            arrays["wall_ns"] = (arrays["wall_ns"] * factor).astype(np.int64)
            arrays["cpu_ns"] = arrays["wall_ns"]
        state.add(Answer(result_, arrays), place, Blobs(), QUICK)
    return judged(state)


@pytest.mark.parametrize("scenario", [each for each in SCENARIOS if each != "sustained"])
def test_rule_interval(scenario: Scenario) -> None:
    of_throughput = scenario == "Offline"
    wide = differing(scenario, of_windows=of_throughput)
    assert wide.status == "imprecise"
    assert wide.reason.startswith("throughput within" if of_throughput else "median within")
    assert differing(scenario, of_windows=not of_throughput).status == "precise"


def test_waiting_for_a_device_is_no_contention() -> None:
    for scenario in SCENARIOS:
        waits = LOADS[scenario].samples_per_query or 1
        found = ruled(scenario, starved(4.0), voluntary_switches=200 * waits)
        back_to_back = scenario in ("SingleStream", "MultiStream")
        assert found.status == ("precise" if back_to_back else "contended")
        assert ruled(scenario, starved(4.0), voluntary_switches=200 * waits - 1).status == "contended"


# --- blobs


COMMON = {"wall_ns", "cpu_ns", "warmup_ns"}


def blob(monkeypatch: pytest.MonkeyPatch, scenario: Scenario, worker: Worker, load: Load | None = None) -> Any:
    """The first process's blob."""
    kept = measured(monkeypatch, started(scenario, load or LOADS[scenario]), QUICK, worker).kept
    return kept[0]


def test_blob_of_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = offline([2 * MS, 5 * MS, 9 * MS], LoopPlan(9, 0, 100))
    monkeypatch.setattr(latency, "run_worker", lambda job, timeout_s: answer(samples))
    blobs = Blobs()
    list(LatencyPass(QUICK, blobs, Path("scratch"), 1).measure([started("Offline", Load(streams=3))]))
    kept = blobs.kept[0]
    assert set(kept) == COMMON | {"stream_n", "process_cpu_ns"}
    assert kept["stream_n"].tolist() == [3, 3, 3]
    assert kept["wall_ns"].tolist() == [2 * MS] * 3 + [5 * MS] * 3 + [9 * MS] * 3
    assert len(kept["process_cpu_ns"]) == 1


def test_blob_of_server(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(lambda job: World(7 * MS, copy_ns=2 * MS))
    kept = blob(monkeypatch, "Server", worker)
    assert set(kept) == COMMON | {"arrival_ns", "service_ns"}
    assert kept["arrival_ns"].tolist() == poisson_ns(50, len(kept["wall_ns"]), worker.jobs[0].seed).tolist()
    assert set(kept["service_ns"].tolist()) == {9 * MS}


def test_blob_of_paced(monkeypatch: pytest.MonkeyPatch) -> None:
    durations = [*[8 * MS] * 80, 2 * MS]
    state = started("paced", LOADS["paced"])
    blobs = Blobs()
    state.add(answer(run(World(*durations), "paced", LOADS["paced"], LoopPlan(400, 0, 400))), 0, blobs, QUICK)
    (kept,) = blobs.kept
    assert set(kept) == COMMON | {"busy_ns"}
    assert len(kept["wall_ns"]) < 400  # those that came before the steady state are among the warm-up
    assert kept["busy_ns"].tolist() == [80 * 8 * MS + 320 * 2 * MS]


def test_blob_of_sustained(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = blob(monkeypatch, "sustained", Worker(slowing))
    assert set(kept) == COMMON | {"minute_n", "minute_started_ns", "minute_ended_ns"}
    begun = 17 + 20 * 250 * MS
    assert kept["minute_n"].tolist() == [240, 120]
    assert kept["minute_started_ns"].tolist() == [begun, begun + MINUTE]
    assert kept["minute_ended_ns"].tolist() == [begun + MINUTE, begun + 2 * MINUTE]
