"""The order of pairs, when to look, and the loop: on medians made up so that the answer is known."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import stats
from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.core.verdict import Verdict
from harness.measure.ab import PairedComparison, ProcessTiming, Side, abba_order, planned_looks, time_process
from harness.measure.passes.worker_process import WorkerFailure
from harness.measure.prepared import PreparedCase
from harness.measure.presets import profile
from harness.runtimes.base import Options

FAKES = Path(__file__).parents[2] / "fakes"


def fought(median_ns: Callable[[Side, int], float], max_pairs: int = 20, same_within: float = 0.02) -> PairedComparison:
    """A duel to its end over medians that a function makes up."""
    duel = PairedComparison.plan(max_pairs, same_within, seed=3)
    for _ in duel.measure(lambda side, number: ProcessTiming(median_ns(side, number), 1.0)):
        pass
    return duel


def noise(seed: int, sd: float) -> Callable[[], float]:
    rng = np.random.default_rng(seed)
    return lambda: float(np.exp(sd * rng.standard_normal()))


@given(st.integers(1, 80), st.integers())
def test_every_two_pairs_mirror_each_other(pairs: int, seed: int) -> None:
    order = abba_order(pairs, random.Random(seed))
    assert len(order) == pairs
    assert all(sorted(pair) == ["a", "b"] for pair in order)
    assert all(first == second[::-1] for first, second in zip(order[::2], order[1::2], strict=False))


def test_the_order_is_the_seeds_and_not_periodic() -> None:
    orders = {tuple(abba_order(20, random.Random(seed))) for seed in range(10)}
    assert len(orders) > 5
    assert abba_order(20, random.Random(4)) == abba_order(20, random.Random(4))


@pytest.mark.parametrize(
    ("max_pairs", "looks"), [(2, (2,)), (7, (7,)), (8, (8,)), (10, (7, 10)), (20, (7, 10, 14, 20))]
)
def test_looks(max_pairs: int, looks: tuple[int, ...]) -> None:
    assert planned_looks(max_pairs) == looks


@given(st.integers(6, 200))
def test_pairs_that_all_agree_can_be_decided_at_every_look(max_pairs: int) -> None:
    looks = planned_looks(max_pairs)
    assert looks[-1] == max_pairs
    for n in looks:
        assert 2.0 ** (1 - n) <= 1.0 - stats.look_level(n, looks)


def test_twice_as_fast_is_seen_at_the_first_look() -> None:
    jitter = noise(1, 0.01)
    duel = fought(lambda side, number: jitter() * (1.0 if side == "a" else 0.5))
    assert duel.comparison is not None
    assert (duel.comparison.verdict, duel.comparison.pairs) == ("faster", 7)
    assert duel.comparison.lo < 0.5 < duel.comparison.hi
    assert duel.level == stats.look_level(7, (7, 10, 14, 20))


def test_a_net_against_itself_is_the_same() -> None:
    jitter = noise(2, 0.004)
    duel = fought(lambda side, number: jitter())
    assert duel.comparison is not None
    assert duel.comparison.verdict == "same"


def test_what_slows_both_sides_of_a_pair_does_not_matter() -> None:
    jitter = noise(3, 0.004)
    duel = fought(lambda side, number: jitter() * (1.0 if number < 4 else 3.0) * (1.0 if side == "a" else 1.1))
    assert duel.comparison is not None
    assert duel.comparison.verdict == "slower"
    assert duel.comparison.ratio == pytest.approx(1.1, rel=0.01)


def test_noise_beyond_the_difference_stays_undecided_to_the_last_pair() -> None:
    jitter = noise(4, 0.2)
    duel = fought(lambda side, number: jitter(), max_pairs=10)
    assert duel.comparison is not None
    assert (duel.comparison.verdict, duel.comparison.pairs) == ("undecided", 10)
    assert not duel.decided


def test_a_net_is_rarely_called_different_from_itself() -> None:
    jitter = noise(5, 0.02)
    duels = [fought(lambda side, number: jitter(), same_within=0.0) for _ in range(200)]
    verdicts = [duel.comparison.verdict for duel in duels if duel.comparison]
    assert len(verdicts) == 200
    assert sum(verdict != "undecided" for verdict in verdicts) <= 0.05 * 200


def test_processes_run_in_the_recorded_order() -> None:
    ran: list[Side] = []

    def run(side: Side, number: int) -> ProcessTiming:
        ran.append(side)
        return ProcessTiming(1.0 + number, 1.0)

    duel = PairedComparison.plan(8, 0.02, seed=1)
    assert list(duel.measure(run)) == list(range(1, 9))
    assert ran == [side for pair in duel.order for side in pair]
    assert [timing.median_ns for timing in duel.a] == [timing.median_ns for timing in duel.b]


def test_a_failure_ends_it_and_keeps_whole_pairs_only() -> None:
    failure = WorkerFailure(Verdict("crashed", "SIGSEGV"), "")

    def run(side: Side, number: int) -> ProcessTiming | WorkerFailure:
        return failure if (side, number) == ("b", 2) else ProcessTiming(1.0, 1.0)

    duel = PairedComparison.plan(20, 0.02, seed=1)
    assert list(duel.measure(run)) == [1, 2]
    assert duel.failure == ("b", failure)
    assert len(duel.a) == len(duel.b) == 2
    assert duel.comparison is None


@pytest.mark.parametrize(
    ("runtime", "kind"), [("harness.runtimes.null:null", ProcessTiming), ("faulty_runtimes:FAILS", WorkerFailure)]
)
def test_a_process_gives_its_medians_or_its_failure(
    runtime: str, kind: type[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(FAKES))
    artifact = Artifact(Path("m.onnx"), "onnx", "0" * 64, 1)
    prepared = PreparedCase(Case("m", "fp32", "null"), artifact, runtime, Options(), None)
    assert isinstance(time_process(prepared, profile("smoke"), tmp_path / "job", seed=0), kind)
