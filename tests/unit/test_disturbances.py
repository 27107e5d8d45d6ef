"""The table of tests/bench/disturbances.py, from outcomes made up so that the answer is known."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "bench" / "disturbances.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("disturbances", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["disturbances"] = module  # where dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def outcome(
    value: float, status: str = "precise", half: float = 1.0, threads: int = 1, wider: float | None = None
) -> dict[str, Any]:
    return {
        "case": "m", "threads": threads, "status": status, "value": value, "lo": value - half, "hi": value + half,
        "on_this_machine": wider,
    }  # fmt: skip


CALM = [outcome(100.0), outcome(101.0, half=2.0), outcome(99.0), outcome(130.0, "contended")]


def test_precise_runs_are_compared_with_the_calm_median(bench: ModuleType) -> None:
    busy = [
        outcome(100.5, wider=0.02),
        outcome(107.0, wider=0.08),
        outcome(75.0, wider=0.08),
        outcome(106.0, half=7.0),
        outcome(300.0, "contended"),
    ]
    rows = bench.table({"calm": CALM, "busy": busy, "never begun": []})
    assert [row[0] for row in rows] == ["calm", "busy"]
    assert dict(zip(bench.HEAD, rows[1], strict=True)) == {
        "condition": "busy",
        "runs": "5",
        "precise": "4",
        "outside": "2",
        "on machine": "1 of 3",
        "> 5 %": "3",
        "> 20 %": "1",
        "worst %": "-25.0",
        "other verdicts": "1 contended",
    }


def test_cases_without_a_calm_run_of_their_threads_count_as_runs_alone(bench: ModuleType) -> None:
    (_, row) = bench.table({"calm": CALM, "two threads": [outcome(300.0, threads=2)]})
    assert row == ["two threads", "1", "1", "0", "0 of 0", "0", "0", "-", ""]


def test_there_are_sixteen_conditions_beside_calm(bench: ModuleType) -> None:
    conditions = bench.conditions((1, 0))
    assert conditions[0].name == "calm"
    assert len({condition.name for condition in conditions}) == 17


def test_a_condition_that_takes_more_cpus_is_not_done(bench: ModuleType) -> None:
    by_name = {condition.name: condition for condition in bench.conditions((0,))}
    with pytest.raises(bench.CannotDisturb, match="2 CPUs"):
        by_name["busy loop on another CPU"].disturb(None)


def test_nothing_is_begun_when_the_time_is_over(bench: ModuleType, tmp_path: Path) -> None:
    assert bench.Bench(ends_s=0.0, history=tmp_path).run(bench.Spec("m")) is None
