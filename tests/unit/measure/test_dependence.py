"""What the figures of a case depend on: the inputs in rotation, and the memory that each inference adds."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.scenario import Load
from harness.measure import dependence
from harness.measure.dependence import dependence_findings, growth_per_inference, spread_of
from harness.measure.presets import PROFILES
from harness.measure.samples import CaseState
from harness.measure.worker.loop import Samples
from tests.fakes.scripted import answer, started

MS = 1_000_000
MIB = 1 << 20


class Blobs:
    def put_blob(self, arrays: Any) -> tuple[str, int]:
        return "0" * 64, len(next(iter(arrays.values())))


def measured(*series: np.ndarray, n_inputs: int = 8, scenario: Any = "SingleStream", **facts: Any) -> CaseState:
    """A case whose processes gave these latencies."""
    state = started(scenario, Load())
    for place, wall in enumerate(series):
        samples = Samples(wall.astype(np.int64), wall.astype(np.int64), 0, int(wall.sum()), len(wall))
        state.add(answer(samples, inputs_in_rotation=n_inputs, **facts), place, Blobs(), PROFILES["quick"])
    return state


def alternating(n: int = 240, n_inputs: int = 8, slow: int = 3) -> np.ndarray:
    """Latencies of 2 ms, and of 6 ms where the input is the one called `slow`; some noise."""
    rng = np.random.default_rng(n)
    return np.where(np.arange(n) % n_inputs == slow, 6.0, 2.0) * MS * np.exp(rng.normal(scale=0.01, size=n))


def found(state: CaseState) -> dict[str, Any]:
    return {finding.check: finding for finding in dependence_findings(state, spread_of(state))}


def test_an_input_that_takes_longer_is_a_finding() -> None:
    finding = found(measured(*[alternating()] * 3))["input_dependence"]
    assert finding.status == "warn"
    assert "of 8 in rotation the fastest takes 2 ms, the slowest 5.99 ms" in finding.found.replace("1.99", "2")
    assert "--inputs FILE" in finding.remedy


def test_where_the_steady_state_begins_in_the_rotation_does_not_matter() -> None:
    """Thirteen slow inferences join the warm-up: the first that counts had input 5."""
    wall = np.concatenate([np.full(13, 40.0 * MS), alternating()[13:]])
    state = measured(wall, wall, wall)
    assert len(state.wall_ns[0]) < len(wall)
    assert "input_dependence" in found(state)


def test_what_to_do_depends_on_where_the_inputs_are_from() -> None:
    state = measured(*[alternating()] * 3)
    given = dataclasses.replace(state.prepared, inputs=Path("in.npz"))
    images = dataclasses.replace(state.prepared, labelled=object())
    remedies = [
        found(dataclasses.replace(state, prepared=prepared))["input_dependence"].remedy
        for prepared in (state.prepared, images, given)
    ]
    assert ["synthetic" in remedies[0], "images" in remedies[1], "mix" in remedies[2]] == [True] * 3


def test_inputs_that_take_the_same_time_are_no_finding() -> None:
    rng = np.random.default_rng(1)
    calm = [2.0 * MS * np.exp(rng.normal(scale=0.02, size=240)) for _ in range(3)]
    state = measured(*calm)
    assert found(state) == {}
    assert dependence.dependence_details(spread_of(state))["by_input"]["n_inputs"] == 8


@pytest.mark.parametrize("scenario", ["MultiStream"])
def test_other_scenarios_do_not_take_inputs_one_by_one(scenario: Any) -> None:
    assert spread_of(measured(*[alternating()] * 3, scenario=scenario)) is None


def test_a_worker_that_does_not_tell_its_inputs_has_no_spread() -> None:
    assert spread_of(measured(*[alternating()] * 3, n_inputs=1)) is None


def marks(before: int, *held: tuple[int, float]) -> list[tuple[int, int]]:
    return [(0, before * MIB), *((n, round(bytes_ * MIB)) for n, bytes_ in held)]


LEAK = marks(50, (8, 50.8), (16, 51.6), (32, 53.2), (64, 56.4), (100, 60))
"""100 KiB of an inference."""


def test_memory_that_each_inference_adds_is_told() -> None:
    assert growth_per_inference(LEAK) == pytest.approx(0.1 * MIB, rel=0.01)


@pytest.mark.parametrize(
    "held",
    [
        marks(50, (8, 60), (16, 60), (32, 60), (64, 60), (100, 60)),
        marks(50, (8, 50), (16, 59), (32, 60), (64, 60.5), (100, 60.5)),
        marks(50, (8, 50.3), (16, 50.6), (32, 51.2), (64, 52.4), (100, 53.9)),
        marks(1000, (8, 1001), (16, 1002), (32, 1008), (64, 1020), (100, 1040)),
        marks(50, (8, 50), (16, 50), (32, 50), (64, 50), (100, 50)),
        marks(60, (8, 55), (16, 50), (100, 50)),
        marks(50, (100, 60)),
        [],
    ],
    ids=["at first", "in the first rounds", "less than 4 MiB", "less than 5 %", "none", "shrinks", "no middle", "none"],
)
def test_what_an_allocator_takes_once_is_no_growth(held: list[tuple[int, int]]) -> None:
    assert growth_per_inference(held) is None


def test_memory_must_grow_in_most_processes() -> None:
    calm = alternating(slow=-1)
    assert "memory_growth" not in found(measured(calm, calm, calm))
    finding = found(measured(calm, calm, calm, resident_bytes=LEAK))["memory_growth"]
    assert "grows by 102 KiB per inference: 10 MiB in 100 inferences" in finding.found
    state = measured(calm, calm, calm)
    state.runs[0] = dataclasses.replace(state.runs[0], resident_bytes=tuple(LEAK))
    assert "memory_growth" not in found(state)


def test_a_sample_of_several_inferences_counts_as_so_many() -> None:
    state = measured(alternating(slow=-1), resident_bytes=LEAK, calls_per_sample=10)
    assert state.runs[0].resident_bytes[-1] == (1000, 60 * MIB)
    assert "grows by 10.2 KiB per inference" in found(state)["memory_growth"].found
