"""Metrics and verdicts from samples made up so that the answer is known."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.core.quantity import Value
from harness.core.record import Blob, ProcessRun
from harness.core.verdict import Verdict
from harness.measure.metrics import latency_metrics
from harness.measure.passes.worker_process import WorkerFailure
from harness.measure.prepared import PreparedCase
from harness.measure.presets import profile
from harness.measure.samples import CaseState, steady_part
from harness.measure.verdicts import verdict
from harness.runtimes.base import Options

MS = 1_000_000
QUICK = profile("quick")


def progress(
    medians_ms: list[float], cpu_share: float = 1.0, n: int = 200, threads: int = 1, trend: float = 1.0
) -> CaseState:
    """Processes of `n` samples with 1 % of noise around their medians, the last `trend` times the first."""
    case = Case("m", "fp32", "null", threads=threads)
    artifact = Artifact(Path("m.onnx"), "onnx", "0" * 64, 1)
    state = CaseState(PreparedCase(case, artifact, "harness.runtimes.null:null", Options(threads), None))
    rng = np.random.default_rng(1)
    for index, median in enumerate(medians_ms):
        noise = np.exp(0.01 * rng.standard_normal(n))
        wall = (median * MS * np.linspace(1, trend, n) * noise).astype(np.int64)
        cpu = (wall * cpu_share).astype(np.int64)
        blob = Blob("latency", "0" * 64, n, "ns")
        state.wall_ns.append(wall)
        state.cpu_ns.append(cpu)
        times = (int(np.median(wall)), int(np.median(cpu)))
        state.runs.append(
            ProcessRun(
                index,
                index,
                1,
                2,
                3,
                4 + index,
                5,
                n,
                *times,
                0,
                100 + index,
                0,
                1,
                blob,
                unsteady=steady_part(wall, QUICK)[1],
            )
        )
    return state


def judged(state: CaseState, machine: Verdict | None = None) -> Verdict:
    return verdict(state, latency_metrics(state, QUICK), QUICK, machine)


def test_metrics_are_those_of_the_samples() -> None:
    metrics = latency_metrics(progress([2.0, 2.0, 2.0]), QUICK)
    p50 = metrics["latency_p50_ns"]
    assert isinstance(p50, Value)
    assert p50.value == pytest.approx(2 * MS, rel=0.01)
    assert p50.lo is not None
    assert p50.hi is not None
    assert p50.lo <= p50.value <= p50.hi
    assert metrics["peak_rss_bytes"] == Value(102, n=3)
    assert metrics["first_inference_ns"] == Value(5, n=3)
    throughput = metrics["throughput_per_s"]
    assert isinstance(throughput, Value)
    assert throughput.value == pytest.approx(500, rel=0.01)


def test_a_tail_needs_enough_samples() -> None:
    few = latency_metrics(progress([2.0], n=20), QUICK)
    assert "n too small" in few["latency_p90_ns"].reason  # type: ignore[union-attr]
    many = latency_metrics(progress([2.0, 2.0, 2.0], n=400), QUICK)
    assert isinstance(many["latency_p90_ns"], Value)
    assert isinstance(many["latency_p99_ns"], Value)


def test_processes_that_agree_are_precise() -> None:
    assert judged(progress([2.0, 2.004, 1.996])).status == "precise"


def test_processes_that_differ_are_imprecise() -> None:
    assert judged(progress([2.0, 2.4, 1.7])).status == "imprecise"


def test_one_process_has_no_interval_over_processes() -> None:
    p50 = latency_metrics(progress([2.0]), QUICK)["latency_p50_ns"]
    assert isinstance(p50, Value)
    assert (p50.lo, p50.hi) == (None, None)
    assert judged(progress([2.0])).status == "imprecise"


def test_wall_time_beyond_cpu_time_is_contention_at_one_thread_only() -> None:
    assert judged(progress([2.0, 2.0, 2.0], cpu_share=0.8)).status == "contended"
    two_threads = with_runs(progress([2.0, 2.0, 2.0], cpu_share=0.8, threads=2), run_delay=0.0)
    assert judged(two_threads).status == "precise"


def test_latency_that_never_settles_has_no_steady_state() -> None:
    assert judged(progress([2.0, 2.0, 2.0], n=400, trend=2.0)).status == "no-steady-state"


def test_throttling_outranks_contention() -> None:
    state = progress([2.0, 2.0, 2.0], cpu_share=0.8)
    state.throttled = "throttle bits 0x50005, before 0x0"
    assert judged(state).status == "throttled"
    assert "0x50005" in judged(state).reason


def test_the_machines_verdict_stands_over_all_but_a_failure() -> None:
    state = progress([2.0, 2.0, 2.0])
    assert judged(state, Verdict("emulated", "qemu")).status == "emulated"
    state.failure = WorkerFailure(Verdict("crashed", "SIGSEGV"), "")
    assert judged(state, Verdict("emulated", "qemu")).status == "crashed"


def with_runs(state: CaseState, **changes: Any) -> CaseState:
    """The same, every process with these facts, or with those at its place of a list."""
    state.runs = [
        dataclasses.replace(run, **{k: v[i] if isinstance(v, list) else v for k, v in changes.items()})
        for i, run in enumerate(state.runs)
    ]
    return state


def test_a_cold_start_is_everything_up_to_the_first_result() -> None:
    metrics = latency_metrics(progress([2.0, 2.0, 2.0]), QUICK)
    assert metrics["cold_start_ns"] == Value(1 + 2 + 3 + 5, n=3)
    assert metrics["load_ns"] == Value(3, n=3)


def test_every_tail_is_its_own_percentile() -> None:
    metrics = latency_metrics(progress([2.0, 2.0, 2.0], n=4000), QUICK)
    tails = [metrics[f"latency_{name}_ns"] for name in ("p50", "p90", "p95", "p99", "p999")]
    figures = [tail.value for tail in tails if isinstance(tail, Value)]
    assert len(figures) == 5
    assert figures == sorted(set(figures))


@pytest.mark.parametrize(("unsteady", "status"), [(["", "x", "x"], "no-steady-state"), (["", "", "x"], "precise")])
def test_more_than_half_of_the_processes_must_settle(unsteady: list[str], status: str) -> None:
    assert judged(with_runs(progress([2.0, 2.0, 2.0]), unsteady=unsteady)).status == status


@pytest.mark.parametrize(
    ("ratio", "status"), [(0.9, "drifted"), (1.1, "drifted"), (0.96, "precise"), (1.04, "precise"), (None, "precise")]
)
def test_a_machine_may_become_neither_slower_nor_faster(ratio: float | None, status: str) -> None:
    assert judged(with_runs(progress([2.0, 2.0, 2.0]), control_ratio=ratio)).status == status


def test_an_interval_is_as_wide_as_both_its_sides() -> None:
    state = progress([2.0, 2.0, 2.0])
    metrics = latency_metrics(state, QUICK)
    lopsided = {**metrics, "latency_p50_ns": Value(100.0, 90.0, 104.0)}
    assert verdict(state, lopsided, QUICK, None).status == "imprecise"  # 7 %, where quick asks for 5
    assert verdict(state, {**metrics, "latency_p50_ns": Value(100.0, 96.0, 104.0)}, QUICK, None).status == "precise"


def test_a_runtime_that_remembers_inputs_is_named() -> None:
    told = judged(with_runs(progress([2.0, 2.0, 2.0]), same_input_ratio=0.5))
    assert "repeating one input is 50% faster" in told.reason
    assert "repeating" not in judged(with_runs(progress([2.0, 2.0, 2.0]), same_input_ratio=0.95)).reason
