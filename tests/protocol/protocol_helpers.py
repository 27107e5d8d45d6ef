"""Helpers that several of the tests of docs/protocol.md share."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness import stats
from harness.core.artifact import Artifact, Preprocess
from harness.core.case import Case
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing, Quantity, Value
from harness.core.record import Record
from harness.core.sensing import Channel, Reading
from harness.host.resource_limits import ResourceLimits
from harness.measure.passes import worker_process
from harness.measure.passes.worker_process import Answer, WorkerFailure
from harness.measure.protocol import Job, LabelledData
from harness.runs.config import RunConfig
from harness.runs.preparation import CasePreparer, Preparation
from tests import trees
from tests.protocol.scripted import (
    NO_PROCESS,
    PLAIN,
    prepared,
    probe_answer,
    records,
    usual,
)

ROOT = Path(__file__).parents[2]
LOOKS = (5, 7, 10, 14, 20)
SPENT = {n: 0.05 * math.log1p((math.e - 1) * n / 20) for n in (0, *LOOKS)}
LEVELS = {n: 1 - (SPENT[n] - SPENT[before]) for before, n in zip((0, *LOOKS), LOOKS, strict=False)}
MOBILENET = ROOT / "suites" / "artifacts" / "mobilenet_v2-0.35-32"


def number(quantity: Quantity) -> float:
    assert isinstance(quantity, Value), quantity
    return quantity.value


def reason(quantity: Quantity) -> str:
    assert isinstance(quantity, Missing), quantity
    return quantity.reason


def plain_width(medians: Sequence[float], level: float) -> float:
    interval = stats.median_interval([[median] for median in medians], level)
    return (interval.hi - interval.lo) / 2 / interval.mid


def planned(cases: Sequence[Case]) -> Preparation:
    """Prepare cases on a machine with four CPUs to pin to, the best first."""
    limits = ResourceLimits(timeout_s=33.0, memory_bytes=44 << 20, cpus=(3, 1, 2, 0))

    def find(case: Case, file_format: Any) -> Artifact:
        return dataclasses.replace(prepared(case).artifact, format=file_format)

    return CasePreparer(find, {}, limits).prepare_all(cases)


def scored(case: Case | None = None, **changes: Any) -> Any:
    """Return a case with labelled images."""
    folder = ROOT / "suites" / "data" / "fashion-mnist"
    labelled = LabelledData("idx", str(folder), Preprocess(channels=1))
    return prepared(case or Case("m", "fp32", "null", dataset="fashion-mnist"), **{"labelled": labelled, **changes})


class Sleeping:
    """A child process that ends when the parent waits for it."""

    pid = 123
    returncode = 0

    def __init__(self) -> None:
        self.waits: list[float | None] = []

    def wait(self, timeout: float | None = None) -> int:
        self.waits.append(timeout)
        return 0


class Sensor:
    """A sensor that records when it is read."""

    absent = ""

    def __init__(
        self, events: list[str], *values: float, name: str = "cpu-throttle/core", kind: Any = "counter"
    ) -> None:
        self.name = name.partition("/")[0]
        self.channels = (Channel(name, "1", kind=kind),)
        self._events, self._values = events, iter(values)

    def read(self) -> list[Reading]:
        self._events.append("read")
        return [Reading(self.channels[0].name, 0, next(self._values, 0.0))]

    def close(self) -> None: ...


class ScriptedLatency:
    """Answers the n-th latency process, from 0, by a function, and all other phases as usual."""

    def __init__(self, answer: Callable[[int], Answer | WorkerFailure]) -> None:
        self._answer, self._n = answer, 0

    def __call__(self, job: Job) -> Answer | WorkerFailure:
        if job.phase != "latency":
            return usual(job)
        self._n += 1
        return self._answer(self._n - 1)


def config_on_a_tree(folder: Path, **changes: Any) -> RunConfig:
    """Return the configuration of a run on a recorded machine."""
    tree: trees.Tree = {"proc/meminfo": "MemTotal: 4000000 kB\nMemAvailable: 3000000 kB\n"}
    return RunConfig(fs=HostFs(trees.write(folder / "tree", tree)), **changes)


def compared(
    patch: pytest.MonkeyPatch, scratch: Path, outputs: Any, setting: str = "int8-static", answers: Any = (), **how: Any
) -> Record:
    """Return the record of a case with these outputs, where its fp32 net on the reference runtime gives PLAIN.

    `answers` are those of its latency processes, `how` the fields of the block's settings.
    """
    reference = prepared(Case("m", "reference", "onnxruntime-cpu"))
    precision = how.pop("precision", setting)
    if setting == "as-is":  # a file of the user is its own reference
        reference = prepared(Case("m", "as-is", "onnxruntime-cpu"))
        artifact = dataclasses.replace(reference.artifact, path=Path("m-reference.onnx"))
        reference = dataclasses.replace(reference, artifact=artifact, runtime="harness.runtimes.null:other")
    case = prepared(Case("m", setting, "null"), output_reference=reference, precision=precision)
    replies = iter(answers)
    execution = how.pop("execution", {})

    def run(job: Job) -> Answer | WorkerFailure:
        if job.phase == "latency" and answers:
            return next(replies)
        if job.phase == "probe":
            return probe_answer(PLAIN if "reference" in job.model else outputs, **execution)
        return usual(job)

    ((record,), _) = records(patch, scratch, [case], run, **how)
    return record


def ended(
    patch: pytest.MonkeyPatch, folder: Path, status: int, log: bytes = b"", **result: Any
) -> Answer | WorkerFailure:
    """Run a worker whose process prints `log`, writes `result` if there is one, and ends with this status."""

    class Child:
        pid, returncode = NO_PROCESS, status

        def __init__(self, _command: Any, cwd: Path, stdout: Any, **_how: Any) -> None:
            stdout.write(log)
            stdout.flush()
            if result:
                (cwd / "result.json").write_text(json.dumps(result))

        def kill(self) -> None: ...
        def wait(self) -> int:
            return status

    with patch.context() as during:
        during.setattr(subprocess, "Popen", Child)
        during.setattr(worker_process, "supervise", lambda *_: None)
        return worker_process.run_worker(Job("latency", "m:A", "m.onnx", str(folder / "job")), 60)


class Stopwatch:
    """A clock that only the pauses of the parent advance."""

    def __init__(self, patch: pytest.MonkeyPatch, ends_after_s: float = math.inf, held: Any = lambda _s: 0) -> None:
        self.now_s, self.pauses = 100.0, list[float]()
        self._end_s = 100.0 + ends_after_s
        patch.setattr(worker_process.time, "monotonic", lambda: self.now_s)
        patch.setattr(worker_process.os, "pidfd_open", lambda _pid: os.open(os.devnull, os.O_RDONLY), raising=False)
        patch.setattr(worker_process.select, "select", self._select)
        patch.setattr(worker_process, "current_rss_bytes", lambda _pid: held(self.now_s - 100.0))

    def _select(self, read: Sequence[int], _write: Any, _error: Any, pause_s: float) -> tuple[Any, Any, Any]:
        self.pauses.append(pause_s)
        over = self.now_s + pause_s >= self._end_s
        self.now_s = min(self.now_s + pause_s, self._end_s)
        return (list(read) if over else []), [], []
