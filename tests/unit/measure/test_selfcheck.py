"""The instrument's checks on clocks, kernels and processes made up so that the answer is known."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.core.quantity import Missing, Quantity, Value
from harness.core.verdict import Verdict
from harness.measure.import_cost import import_costs
from harness.measure.pairs import Side, Timing
from harness.measure.prepared import Prepared
from harness.measure.process import Failure
from harness.measure.profile import profile
from harness.measure.selfcheck import Check, Workload, clock_cost, clock_step, control_spread, sampler_cost, slowdown
from harness.runtimes.base import Options

PREPARED = Prepared(
    Case("m", "fp32", "null"),
    Artifact(Path("m.onnx"), "onnx", "0" * 64, 1),
    "harness.runtimes.null:NULL",
    Options(),
    None,
)
WORK = Workload(PREPARED, profile("smoke"), pairs=8)


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


def test_the_spread_is_that_of_the_runs() -> None:
    times = iter([100.0, 101.0, 99.0, 100.0, 104.0])
    check = control_spread(lambda: next(times), n=5)
    assert value(check.quantity).value == pytest.approx(0.05)
    assert check.status == "warn"


def test_the_samplers_share_is_that_of_the_pairs() -> None:
    found = value(slowdown(lambda side, number: Timing(1.03 if side == "b" else 1.0, 1.0), WORK))
    assert (found.value, found.lo, found.hi) == pytest.approx((0.03, 0.03, 0.03))
    assert found.n == 8


def test_a_load_that_fails_leaves_no_number() -> None:
    def run(side: Side, number: int) -> Failure:
        return Failure(Verdict("crashed", "SIGSEGV"), "")

    found = slowdown(run, WORK)
    assert isinstance(found, Missing)
    assert found.reason == "m|fp32|null|t1 ended as crashed: SIGSEGV"


def test_without_a_load_the_reason_stands_there(tmp_path: Path) -> None:
    check = sampler_cost(Missing("no runtime is installed"), [], tmp_path)
    assert check.quantity == Missing("no runtime is installed")
    assert check.status == "unknown"


def test_import_costs_are_one_a_module_over_bare_python(tmp_path: Path) -> None:
    bare, first, again = import_costs(["decimal", "decimal"], tmp_path, processes=1)
    assert (bare.module, bare.time_ns, first.module) == ("python", 0.0, "decimal")
    assert bare.rss_bytes > 1 << 20
    assert first.time_ns > again.time_ns > 0
