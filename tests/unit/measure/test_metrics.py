"""What the samples of each scenario are read as, made up so that the answer is known."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.core.quantity import Missing, Quantity, Value
from harness.core.record import Blob, ProcessRun
from harness.core.scenario import Load, Scenario
from harness.core.sensing import Channel
from harness.core.verdict import Verdict
from harness.measure.metrics import latency_metrics
from harness.measure.passes.thermal import minute_rows
from harness.measure.prepared import PreparedCase
from harness.measure.presets import PROFILES, fitted, profile
from harness.measure.protocol import Job
from harness.measure.samples import CaseState
from harness.measure.verdicts import verdict
from harness.runtimes.base import Options
from harness.sensors.sampler import Series, Traces

MS = 1_000_000
QUICK = profile("quick")


def empty(scenario: Scenario, load: Load, batch: int = 1) -> CaseState:
    case = Case("m", "fp32", "null", batch=batch, scenario=scenario, load=load)
    artifact = Artifact(Path("m.onnx"), "onnx", "0" * 64, 1)
    return CaseState(PreparedCase(case, artifact, "harness.runtimes.null:null", Options(1, batch), None))


def add(state: CaseState, wall_ns: Any, window_ns: int, inferences: int, control: float = 1.5, **more: Any) -> None:
    """One process whose CPU time is its wall time, on a core that was `control` times slower after than before."""
    wall = np.asarray(wall_ns, np.int64)
    index, middle = len(state.runs), int(np.median(wall))
    state.wall_ns.append(wall)
    state.cpu_ns.append(wall)
    state.more.append({name: np.asarray(array, np.int64) for name, array in more.items()})
    blob = Blob("latency", "0" * 64, len(wall), "ns")
    times = (index, index, 1, 2, 3, 4, 5, len(wall), middle, middle, 0, 100, 1000, 1000 + window_ns)
    state.runs.append(ProcessRun(*times, blob, control_ratio=control, affinity=(0, 1), inferences=inferences))


def number(quantity: Quantity) -> float:
    assert isinstance(quantity, Value), quantity
    return quantity.value


def judged(state: CaseState) -> Verdict:
    return verdict(state, latency_metrics(state, QUICK), QUICK, None)


def offline(window_ms: float, batch: int = 1, cpu_share: float = 1.0, control: float = 1.0) -> CaseState:
    """Three processes of two streams that answer 100 inferences in a window."""
    state = empty("Offline", Load(streams=2), batch)
    for _ in range(3):
        window, cpu = int(window_ms * MS), int(2 * window_ms * MS * cpu_share)
        add(state, [2 * MS] * 100, window, 100, control, stream_n=[50, 50], process_cpu_ns=[cpu])
    return state


def test_offline_throughput_is_that_of_the_window() -> None:
    found = latency_metrics(offline(110.0, batch=4), QUICK)["throughput_per_s"]
    assert number(found) == pytest.approx(4 * 100 / 0.110)
    assert isinstance(found, Value)
    assert found.lo == pytest.approx(found.value)


def test_offline_is_judged_by_its_throughput() -> None:
    assert judged(offline(110.0)) == Verdict("precise", "throughput within 0.0% at 95 % within this run")
    assert judged(offline(110.0, control=1.5)).status == "drifted"


def test_streams_without_their_cores_are_contended() -> None:
    assert judged(offline(110.0, cpu_share=0.8)).status == "contended"


def test_a_query_of_multi_stream_counts_its_samples() -> None:
    state = empty("MultiStream", Load(samples_per_query=8), batch=2)
    add(state, [10 * MS] * 50, 510 * MS, 200)
    metrics = latency_metrics(state, QUICK)
    assert number(metrics["latency_p50_ns"]) == 10 * MS
    assert number(metrics["n_inferences"]) == 200
    assert number(metrics["throughput_per_s"]) == pytest.approx(800)


def server(latency_ms: float, window_ms: float = 10_000, bound_ms: float | None = 5.0, n: int = 600) -> CaseState:
    """Three processes of `n` queries that were to come in 10 seconds, served within `window_ms`."""
    load = Load(rate_per_s=n / 10, latency_bound_ns=None if bound_ms is None else int(bound_ms * MS))
    state = empty("Server", load)
    for index in range(3):
        wall = latency_ms * MS * np.exp(0.01 * np.random.default_rng(index).standard_normal(n))
        arrivals = np.linspace(0, 10_000 * MS, n + 1)[1:]
        add(state, wall, int(window_ms * MS), n, service_ns=[2 * MS] * n, arrival_ns=arrivals)
        state.cpu_ns[-1] = np.full(n, 2 * MS)
    return state


def test_server_tells_whether_the_bound_holds() -> None:
    kept = latency_metrics(server(3.0), QUICK)
    assert (number(kept["bound_held"]), number(kept["bound_met_share"])) == (1.0, 1.0)
    missed = latency_metrics(server(6.0), QUICK)
    assert (number(missed["bound_held"]), number(missed["bound_met_share"])) == (0.0, 0.0)
    few = latency_metrics(server(3.0, n=20), QUICK)["bound_held"]
    assert isinstance(few, Missing)
    assert "60 queries" in few.reason
    assert isinstance(latency_metrics(server(3.0, bound_ms=None), QUICK)["bound_held"], Missing)


def test_the_verdict_of_server_names_the_bound_and_forgives_the_idle_clock() -> None:
    ruling = judged(server(3.0))
    assert ruling.status == "precise"
    assert ruling.reason.endswith("bound of 5 ms at p99 held, 100.00% of queries within")


def test_server_busy_share_and_rate_are_those_of_the_window() -> None:
    metrics = latency_metrics(server(3.0), QUICK)
    assert number(metrics["busy_share"]) == pytest.approx(0.12)
    assert number(metrics["throughput_per_s"]) == pytest.approx(60)


def test_a_server_that_cannot_keep_up_has_no_latency_to_trust() -> None:
    ruling = judged(server(3.0, window_ms=20_000))
    assert ruling.status == "no-steady-state"
    assert ruling.reason.startswith("60 inferences a second were asked for, 30 done")
    assert "--rate" in ruling.remedy


def paced(window_ms: float) -> CaseState:
    state = empty("paced", Load(rate_per_s=50))
    for _ in range(3):
        add(state, [2 * MS] * 100, int(window_ms * MS), 100, busy_ns=[200 * MS])
    return state


def test_paced_has_a_duty_cycle() -> None:
    metrics = latency_metrics(paced(2000), QUICK)
    assert number(metrics["busy_share"]) == pytest.approx(0.1)
    assert number(metrics["throughput_per_s"]) == pytest.approx(50)
    assert judged(paced(2000)).status == "precise"


def test_a_pace_too_fast_is_said() -> None:
    assert "cannot keep up" in judged(paced(4000)).reason


def sustained(medians_ms: list[float]) -> CaseState:
    state = empty("sustained", Load(minutes=len(medians_ms)))
    starts = 1000 + 60_000 * MS * np.arange(len(medians_ms))
    wall = np.repeat(np.array(medians_ms) * MS, 300)
    counts = [300] * len(medians_ms)
    window = 60_000 * MS * len(medians_ms)
    ends = starts + 60_000 * MS
    add(state, wall, window, len(wall), minute_n=counts, minute_started_ns=starts, minute_ended_ns=ends)
    return state


def test_sustained_is_the_last_minute_and_what_it_is_to_the_first() -> None:
    metrics = latency_metrics(sustained([2.0, 2.2, 3.0]), QUICK)
    assert number(metrics["sustained_p50_ns"]) == 3 * MS
    assert number(metrics["sustained_ratio"]) == pytest.approx(1.5)
    assert isinstance(latency_metrics(sustained([2.0]), QUICK)["sustained_ratio"], Missing)


def test_slowing_down_is_what_sustained_looks_for() -> None:
    ruling = judged(sustained([2.0, 2.2, 3.0]))
    assert ruling.status == "imprecise"
    assert "repeat the run" in ruling.remedy


def series(name: str, unit: Any, values: list[float]) -> Series:
    t_ns = 1000 + 60_000 * MS * np.arange(len(values)) + 5
    return Series(Channel(name, unit), t_ns, np.array(values), 1)


def test_each_minute_has_its_temperature_and_clock() -> None:
    state = sustained([2.0, 3.0])
    channels = [
        series("thermal/cpu", "degC", [50.0, 80.0]),
        series("thermal/soc-thermal", "degC", [45.0, 70.0]),
        series("thermal/PMIC-Die", "degC", [100.0, 100.0]),
        series("cpufreq/policy0", "Hz", [2e9, 1e9]),
        series("devfreq/gpu", "Hz", [5e8, 5e8]),
    ]
    state.thermal_traces = Traces({each.channel.name: each for each in channels}, 0, 0)
    rows = minute_rows(state)
    assert [row["minute"] for row in rows] == [1, 2]
    assert [row["p50_ns"] for row in rows] == [2 * MS, 3 * MS]
    assert [row["temperature_c"] for row in rows] == [50.0, 80.0]
    assert {row["temperature_channel"] for row in rows} == {"thermal/cpu"}
    assert [row["clock_hz"] for row in rows] == [2e9, 1e9]


def test_a_descriptor_names_the_processors_temperature_in_a_minute() -> None:
    state = sustained([2.0])
    channels = [series("thermal/cpu", "degC", [50.0]), series("thermal/GPU-therm", "degC", [70.0])]
    state.thermal_traces = Traces({each.channel.name: each for each in channels}, 0, 0)
    (row,) = minute_rows(state, ["thermal/GPU-therm"])
    assert (row["temperature_c"], row["temperature_channel"]) == (70.0, "thermal/GPU-therm")


def test_a_minute_without_a_sensor_of_the_processor_says_which_there_are() -> None:
    state = sustained([2.0])
    state.thermal_traces = Traces({"thermal/acpitz": series("thermal/acpitz", "degC", [50.0])}, 0, 0)
    (row,) = minute_rows(state)
    assert row["temperature_c"] is row["temperature_channel"] is None
    assert "not the processor's: thermal/acpitz" in row["temperature_c_missing"]


def test_a_minute_without_sensors_says_so() -> None:
    (row,) = minute_rows(sustained([2.0]))
    assert row["temperature_c"] is None
    assert "sensor" in row["temperature_c_missing"]
    assert row["clock_hz"] is None
    assert "cpufreq" in row["clock_hz_missing"]


def test_other_scenarios_have_no_minutes() -> None:
    assert minute_rows(paced(2000)) == []
    reason = latency_metrics(paced(2000), QUICK)["sustained_p50_ns"]
    assert reason == Missing("only in the scenario sustained")


@pytest.mark.parametrize("name", PROFILES)
def test_sustained_is_one_process_of_its_minutes(name: str) -> None:
    case = Case("m", "fp32", "r", scenario="sustained", load=Load(minutes=2))
    asked = fitted(PROFILES[name], case)
    assert (asked.processes, asked.max_processes, asked.loop.min_ns) == (1, 1, 120_000 * MS)


def test_server_gets_the_queries_its_p99_needs_except_in_smoke() -> None:
    case = Case("m", "fp32", "r", scenario="Server", load=Load(rate_per_s=10))
    for name in ("quick", "standard", "full"):
        asked = fitted(PROFILES[name], case)
        assert asked.processes * asked.loop.min_n >= 1000
    assert fitted(PROFILES["smoke"], case) == PROFILES["smoke"]


@pytest.mark.parametrize(
    ("load", "own_s"),
    [(Load(), 0.0), (Load(streams=2), 0.0), (Load(rate_per_s=4), 5.0), (Load(rate_per_s=4000), 0.25)],
)
def test_a_schedule_is_granted_on_top_of_the_time_out(load: Load, own_s: float) -> None:
    assert Job("latency", "r", "m", "out", loop=QUICK.loop, load=load).own_time_s == own_s


def test_samples_of_several_inferences_have_no_tail() -> None:
    state = paced(2000)
    state.runs = [dataclasses.replace(run, calls_per_sample=5) for run in state.runs]
    tail = latency_metrics(state, QUICK)["latency_p90_ns"]
    assert tail == Missing("inferences this short are timed 5 at a time: no slow one shows")


def test_throttling_is_named_by_sustained_and_rules_elsewhere() -> None:
    hot, other = sustained([2.0, 3.0]), paced(2000)
    hot.throttled = other.throttled = "cpu0 package limit"
    assert judged(hot).status == "imprecise"
    assert "cpu0 package limit" in judged(hot).reason
    assert judged(other).status == "throttled"
