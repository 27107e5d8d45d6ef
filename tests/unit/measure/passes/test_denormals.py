"""The denormals pass: what is compared, how often, and when it is told."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.core.verdict import Finding
from harness.measure.passes import denormals as module
from harness.measure.passes.worker_process import Answer, WorkerFailure
from harness.measure.prepared import PreparedCase
from harness.measure.protocol import Job
from harness.runtimes.base import Options
from tests.fakes.worker import CRASH

MS = 1_000_000
OPTION = "session.set_denormal_as_zero"
CASE = PreparedCase(
    Case("net", "as-is", "onnxruntime-cpu", weights="user", scenario="Offline"),
    Artifact(Path("net.onnx"), "onnx", "0" * 64, 1),
    "harness.runtimes.onnxruntime:onnxruntime-cpu",
    Options(settings={"other": "2"}),
    None,
)


class Worker:
    """Answers each job with the next of these times; the first names tiny numbers unless it is told otherwise."""

    def __init__(self, *medians_ms: float | WorkerFailure, tiny: str = "3 of its weights are below 1.1e-19") -> None:
        self.jobs: list[Job] = []
        self._medians, self._tiny = iter(medians_ms), tiny

    def __call__(self, job: Job, timeout_s: float) -> Answer | WorkerFailure:
        self.jobs.append(job)
        median = next(self._medians)
        if isinstance(median, WorkerFailure):
            return median
        return Answer({"median_ns": median * MS, "tiny": self._tiny}, {})


def run(monkeypatch: pytest.MonkeyPatch, worker: Worker, case: PreparedCase = CASE) -> Finding | None:
    monkeypatch.setattr(module, "run_worker", worker)
    return module.denormals_finding(case, Path("scratch"))


def test_ways_are_compared_in_turn_in_processes_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(50, 0.6, 0.7, 48)
    finding = run(monkeypatch, worker)
    assert finding is not None
    assert [job.options.settings.get(OPTION) for job in worker.jobs] == [None, "1", "1", None]
    assert all(job.options.settings["other"] == "2" for job in worker.jobs)
    assert {(job.phase, job.scenario, job.driver) for job in worker.jobs} == {("denormals", "SingleStream", "own")}
    assert len({job.out for job in worker.jobs}) == 4
    assert (finding.check, finding.status) == ("denormals", "warn")
    assert finding.found == (
        "3 of its weights are below 1.1e-19: with denormal numbers taken for zero an inference takes 0.65 ms instead "
        "of 49 ms, 75.4 times as fast"
    )
    assert f"--runtime-option onnxruntime-cpu:{OPTION}=1" in finding.remedy


def test_without_tiny_numbers_one_process_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(50, tiny="")
    assert run(monkeypatch, worker) is None
    assert len(worker.jobs) == 1


@pytest.mark.parametrize(
    "medians",
    [(1.29, 1, 1, 1.29), (0.9, 1, 1, 5), (5, 1, 6, 5), (CRASH,), (5, CRASH, 1, 5), (1, 5, 5, 1)],
    ids=["not clearly", "once only", "not both", "crash", "crash with it", "slower"],
)
def test_what_is_not_clearly_faster_is_not_told(monkeypatch: pytest.MonkeyPatch, medians: Any) -> None:
    assert run(monkeypatch, Worker(*medians)) is None


@pytest.mark.parametrize(
    "case",
    [
        dataclasses.replace(CASE, case=dataclasses.replace(CASE.case, weights="trained")),
        dataclasses.replace(CASE, case=dataclasses.replace(CASE.case, runtime="litert-xnnpack")),
        dataclasses.replace(CASE, options=Options(settings={OPTION: "1"})),
        dataclasses.replace(CASE, options=Options(settings={OPTION: "0"})),
    ],
    ids=["a suite's", "no option", "on", "off by the user"],
)
def test_other_cases_are_not_looked_at(monkeypatch: pytest.MonkeyPatch, case: PreparedCase) -> None:
    worker = Worker()
    assert run(monkeypatch, worker, case) is None
    assert worker.jobs == []


def test_openvino_has_an_option_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    case = dataclasses.replace(CASE, case=dataclasses.replace(CASE.case, runtime="openvino-cpu"))
    finding = run(monkeypatch, Worker(5, 1, 1, 5), case)
    assert finding is not None
    assert "openvino-cpu:CPU_DENORMALS_OPTIMIZATION=YES" in finding.remedy
