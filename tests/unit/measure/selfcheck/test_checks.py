"""The instrument's checks on clocks, kernels and processes made up so that the answer is known."""

from __future__ import annotations

import dataclasses
import itertools
import time
from pathlib import Path

import pytest

from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.core.quantity import Missing, Quantity, Value
from harness.measure.prepared import PreparedCase
from harness.measure.selfcheck.checks import Check, Workload, clock_cost, clock_step, control_change, sampler_cost
from harness.measure.selfcheck.perturbation import import_costs
from harness.runtimes.base import Options

PREPARED = PreparedCase(
    Case("m", "fp32", "null"),
    Artifact(Path("m.onnx"), "onnx", "0" * 64, 1),
    "harness.runtimes.null:null",
    Options(),
    None,
)


def value(quantity: Quantity) -> Value:
    assert isinstance(quantity, Value)
    return quantity


@pytest.mark.parametrize(
    ("quantity", "status"),
    [
        (Value(10.0), "ok"),
        (Value(10.1), "warn"),
        (Value(9.0, 8.0, 10.0), "ok"),
        (Value(9.0, 8.0, 10.1), "unknown"),
        (Value(11.0, 9.9, 12.0), "unknown"),
        (Value(12.0, 10.1, 13.0), "warn"),
        (Missing("no clock"), "unknown"),
    ],
)
def test_a_target_is_met_missed_or_not_to_be_told(quantity: Quantity, status: str) -> None:
    assert Check("n", "t", quantity, "ns", 10.0, "").status == status


def test_a_coarse_clock_is_seen() -> None:
    ticks = itertools.count()
    check = clock_step(lambda: next(ticks) // 3 * 1000, n=50)
    assert value(check.quantity).value == 1000
    assert check.status == "warn"


def test_a_reading_costs_something() -> None:
    assert value(clock_cost(n=5).quantity).value > 0


def test_the_cost_of_a_reading_is_a_share_of_its_series(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count(0, 1000)
    monkeypatch.setattr(time, "perf_counter_ns", lambda: next(ticks))
    assert value(clock_cost(lambda: 0, n=5, calls=50).quantity).value == 1000 / 50


@pytest.mark.parametrize("levels", [(100.0, 103.0), (103.0, 100.0)], ids=["slower first", "faster first"])
def test_the_change_is_that_of_runs_a_quarter_apart(levels: tuple[float, float]) -> None:
    times = itertools.cycle([level for level in levels for _ in range(20)])
    check = control_change(lambda: next(times), n=80)
    assert value(check.quantity).value == pytest.approx(0.03, abs=0.001)
    assert value(check.quantity).n == 80
    assert check.status == "warn"
    assert control_change(lambda: 100.0).status == "ok"


def test_a_slow_machine_runs_the_fixed_work_less_often() -> None:
    assert value(control_change(lambda: 1.0, longest_s=0.0).quantity).n == 20


def test_the_samplers_share_is_found_on_a_net_that_really_runs(tmp_path: Path) -> None:
    found = sampler_cost(Workload(PREPARED, pairs=10), [], tmp_path).quantity
    if isinstance(found, Missing):  # a machine so busy that hardly a block saw an inference
        assert "pairs of blocks" in found.reason
    else:
        assert found.lo is not None
        assert found.hi is not None
        assert found.lo <= found.value <= found.hi


def test_a_load_that_fails_leaves_no_number(tmp_path: Path) -> None:
    broken = dataclasses.replace(PREPARED, runtime="harness.runtimes.null:NO_SUCH")
    found = sampler_cost(Workload(broken, pairs=6), [], tmp_path).quantity
    assert isinstance(found, Missing)
    assert found.reason.startswith("m|fp32|null|t1 ended as crashed")


def test_without_a_load_the_reason_stands_there(tmp_path: Path) -> None:
    check = sampler_cost(Missing("no runtime is installed"), [], tmp_path)
    assert check.quantity == Missing("no runtime is installed")
    assert check.status == "unknown"


def test_import_costs_are_one_a_module_over_bare_python(tmp_path: Path) -> None:
    bare, first, again = import_costs(["decimal", "decimal"], tmp_path, processes=1)
    assert (bare.module, bare.time_ns, first.module) == ("python", 0.0, "decimal")
    assert bare.rss_bytes > 1 << 20
    assert first.time_ns > again.time_ns > 0
