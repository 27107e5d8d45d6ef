"""When another program is said to have taken part of the machine."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from harness.core.verdict import Verdict
from harness.measure.metrics import latency_metrics
from harness.measure.samples import CaseState
from harness.measure.witnesses import contended
from tests.unit.measure.test_verdicts import MS, QUICK, progress


def seen(state: CaseState, **kernel: Any) -> Verdict | None:
    """The ruling where the kernel saw this in every process."""
    window = {"started_ns": 0, "ended_ns": int(state.wall_ns[0].sum()), "inferences": len(state.wall_ns[0])}
    state.runs = [dataclasses.replace(run, **{**window, **kernel}) for run in state.runs]
    return contended(state, latency_metrics(state, QUICK))


def slowed(every: int, by_ms: int) -> CaseState:
    """Every n-th inference lost its core for some milliseconds: the median does not notice."""
    state = progress([2.0, 2.0, 2.0])
    for wall in state.wall_ns:
        wall[::every] += by_ms * MS
    return state


def test_a_quiet_machine_is_not_contended() -> None:
    assert seen(progress([2.0, 2.0, 2.0]), involuntary_switches=3, cpu_pressure=0.01) is None


def test_what_moves_the_median_is_told() -> None:
    found = seen(progress([2.0, 2.0, 2.0], cpu_share=0.5))
    assert found is not None
    assert "2.00 times the CPU time" in found.reason


def test_what_moves_the_tails_alone_is_told() -> None:
    found = seen(slowed(10, 4), involuntary_switches=20)
    assert found is not None
    assert found.reason.startswith("17% of the loop's time went to others, in 60 involuntary context switches")


@pytest.mark.parametrize(("every", "switches"), [(10, 0), (100, 20)])
def test_a_slow_inference_is_no_contention_by_itself(every: int, switches: int) -> None:
    assert seen(slowed(every, 4), involuntary_switches=switches) is None


def test_a_runtime_that_waits_for_its_device_is_not_contended() -> None:
    state = progress([2.0, 2.0, 2.0], cpu_share=0.2)
    assert seen(state, voluntary_switches=len(state.wall_ns[0])) is None


def test_with_several_threads_the_machines_pressure_tells() -> None:
    found = seen(progress([2.0, 2.0, 2.0], cpu_share=4.0, threads=4), cpu_pressure=0.4)
    assert found is not None
    assert found.reason == "tasks waited for a CPU 40% of the time (/proc/pressure/cpu)"
    assert found.remedy


def test_a_few_milliseconds_prove_nothing() -> None:
    assert seen(progress([0.02], n=5), cpu_pressure=0.9) is None
