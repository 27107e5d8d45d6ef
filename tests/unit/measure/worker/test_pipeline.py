"""Whole frames: each stage has its own time, real samples are in rotation, and the net's own latency is left alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.artifact import Artifact, Preprocess
from harness.core.case import Case
from harness.core.quantity import Missing, Value
from harness.core.task import Interface
from harness.core.verdict import Verdict
from harness.measure.passes import pipeline as passes
from harness.measure.passes.pipeline import NAMES, measure_frames
from harness.measure.passes.worker_process import Answer, WorkerFailure
from harness.measure.prepared import PreparedCase
from harness.measure.presets import PROFILES
from harness.measure.protocol import Job, LabelledData, Loop
from harness.measure.worker.pipeline import Frames, timed_frames
from harness.runtimes.base import Options, TensorSpec

COST_NS = {"encode": 3, "prepare": 40, "infer": 500, "fetch": 6_000, "decode": 70_000}
"""What each step takes on the fake clock: every sum of them tells which they are."""


class Board:
    """A clock, a session and a task that are slow by script; the samples seen are kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.seen, self.resets = 0, [], 0
        self.cost = dict(COST_NS)
        self.inputs = (TensorSpec("x", (1, 2), "float32"),)
        monkeypatch.setattr(time, "perf_counter_ns", lambda: self.now)

    def _spend(self, step: str) -> None:
        self.now += self.cost[step]

    def reset_state(self) -> None:
        self.resets += 1

    def prepare(self, batch: Any) -> None:
        self._spend("prepare")
        self.batch = batch["x"]

    def infer(self) -> None:
        self._spend("infer")

    def fetch(self) -> dict[str, np.ndarray]:
        self._spend("fetch")
        return {"y": self.batch}

    def encode(self, sample: Any, how: Preprocess) -> np.ndarray:
        self.seen.append(sample)
        self._spend("encode")
        return np.full(2, sample, np.float32)

    def decode(self, outputs: Any, samples: Any, how: Interface) -> list[np.ndarray]:
        self._spend("decode")
        assert len(outputs["y"]) == len(samples)
        return [row[None] for row in outputs["y"]]

    def frames(self, batch: int = 1) -> Frames:
        return Frames(self, self, Interface(Preprocess()), batch)  # type: ignore[arg-type]


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Board:
    return Board(monkeypatch)


def test_the_three_stages_are_apart_and_leave_nothing_out(board: Board) -> None:
    assert board.frames().time(7) == (43, 500, 76_000)
    assert board.now == sum(COST_NS.values())
    assert board.resets == 1


@pytest.mark.parametrize(("step", "stage"), [("encode", 0), ("prepare", 0), ("infer", 1), ("fetch", 2), ("decode", 2)])
def test_a_slow_step_is_found_in_its_stage(board: Board, step: str, stage: int) -> None:
    board.cost[step] += 1_000_000
    times = np.array(board.frames().time(7))
    assert (times > 1_000_000).tolist() == [place == stage for place in range(3)]


def test_samples_are_in_rotation_and_each_as_often_as_the_others(board: Board) -> None:
    times = timed_frames(board.frames(), [1, 2, 3], Loop(warmup_n=2, warmup_ns=0, min_n=7, min_ns=200_000))
    assert board.seen[2:] == [1, 2, 3, 1, 2, 3, 1, 2, 3]
    assert times.shape == (9, 3)


def test_the_loop_lasts_and_a_slow_net_need_not_see_every_sample(board: Board) -> None:
    board.cost["infer"] = 1_000_000
    least = Loop(warmup_n=0, warmup_ns=0, min_n=2, min_ns=10_000_000)
    assert len(timed_frames(board.frames(), [1, 2], least)) == 10
    assert len(timed_frames(board.frames(), list(range(1000)), least)) == 38  # four times the least time


def test_a_fixed_batch_is_filled_with_the_frame(board: Board) -> None:
    board.frames(batch=3).time(5)
    assert board.batch.tolist() == [[5, 5]] * 3


def prepared(name: str, labelled: bool = True) -> PreparedCase:
    artifact = Artifact(Path(f"{name}.onnx"), "onnx", "a" * 64, 1)
    data = LabelledData("idx", "data", Preprocess()) if labelled else None
    unlabelled = "" if labelled else "no labelled images: give some with --data"
    case, options = Case(name, "fp32", "null"), Options(threads=2, batch=4)
    return PreparedCase(case, artifact, "harness.runtimes.null:NULL", options, data, unlabelled, cpus=(0, 1))


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Job], Any]], list[Job]]:
    """Answers jobs by a function; returns the list that they are kept in."""

    def install(answer: Callable[[Job], Any]) -> list[Job]:
        jobs: list[Job] = []
        monkeypatch.setattr(passes, "run_worker", lambda job, timeout_s: jobs.append(job) or answer(job))
        return jobs

    return install


def answer(pre: int, infer: int, post: int, frames: int = 5) -> Answer:
    arrays = {f"{stage}_ns": np.full(frames, time_ns) for stage, time_ns in
              (("pre", pre), ("infer", infer), ("post", post))}  # fmt: skip
    return Answer({"samples": 5, "frames": frames}, arrays)


def test_every_stage_and_the_sum_have_a_median_with_an_interval_over_processes(workers: Any, tmp_path: Path) -> None:
    given = iter([answer(100, 1000, 10), answer(110, 1010, 20), answer(120, 1020, 60)])
    workers(lambda job: next(given))
    case = prepared("net")
    result = measure_frames([case], PROFILES["quick"], tmp_path, 0)[case.case]
    values = {name: value for name, value in result.metrics.items() if isinstance(value, Value)}
    assert {name: round(value.value) for name, value in values.items() if name.endswith("_ns")} == {
        "pre_p50_ns": 110, "pipeline_infer_p50_ns": 1010, "post_p50_ns": 20, "pipeline_p50_ns": 1140,
    }  # fmt: skip
    assert values["pipeline_throughput_per_s"].value == pytest.approx(1e9 / 1140, rel=1e-6)
    assert all(value.lo < value.value < value.hi for value in values.values())
    assert (result.details["frames"], result.details["processes"]) == (15, 3)
    assert result.details["frame"]["p90_ns"] == pytest.approx(1200)


def test_frames_are_timed_on_the_cases_own_cpus_one_at_a_time(workers: Any, tmp_path: Path) -> None:
    jobs = workers(lambda job: answer(1, 1, 1))
    measure_frames([prepared("net")], PROFILES["smoke"], tmp_path, 0)
    (job,) = jobs
    assert (job.phase, job.affinity, job.options.threads, job.options.batch) == ("pipeline", (0, 1), 2, 1)
    assert job.labelled is not None


def test_a_process_that_fails_and_a_case_without_samples_have_the_reason(workers: Any, tmp_path: Path) -> None:
    failed = WorkerFailure(Verdict("crashed", "because"), "")
    jobs = workers(lambda job: failed if "bad" in job.model else answer(1, 2, 3))
    cases = [prepared("bad"), prepared("good"), prepared("blind", labelled=False)]
    results = measure_frames(cases, PROFILES["quick"], tmp_path, 0)
    bad, good, blind = (results[case.case] for case in cases)
    assert set(bad.metrics.values()) == {Missing("the pipeline pass ended as crashed: because")}
    assert isinstance(good.metrics["pipeline_p50_ns"], Value)
    assert set(blind.metrics.values()) == {Missing("no labelled images: give some with --data")}
    assert sum("bad" in job.model for job in jobs) == 1
    assert (bad.details, set(blind.metrics)) == ({}, set(NAMES))
    assert good.details["samples"] == 5
