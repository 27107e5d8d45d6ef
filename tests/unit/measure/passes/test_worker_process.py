"""A worker process: what it answers, and that every way to fail becomes a verdict."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.measure.dependence import growth_per_inference
from harness.measure.passes import worker_process
from harness.measure.passes.worker_process import Answer, WorkerFailure, run_worker
from harness.measure.protocol import Job, LabelledData, Loop
from harness.runtimes.base import Options
from tests.unit.measure.jobs import null_job

FAKES = Path(__file__).parents[3] / "fakes"


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(FAKES))


def test_a_worker_answers_with_its_samples(tmp_path: Path) -> None:
    answer = run_worker(null_job(tmp_path / "job"), 60)
    assert isinstance(answer, Answer)
    assert len(answer.arrays["wall_ns"]) == len(answer.arrays["cpu_ns"]) == 5
    assert len(answer.arrays["warmup_ns"]) == 2
    assert answer.result["spawn_ns"] > 0
    assert answer.result["peak_rss_bytes"] > 1 << 20
    assert not (tmp_path / "job").exists()


@pytest.mark.parametrize(
    ("runtime", "status", "reason"),
    [
        ("REFUSES", "unsupported", "operator Frobnicate"),
        ("FAILS", "crashed", "RuntimeError: bad kernel"),
        ("SEGFAULTS", "crashed", "SIGSEGV"),
        ("LEAVES", "crashed", "status 7"),
        ("ABORTS", "crashed", "SIGABRT"),
        ("KILLED", "crashed", "killed by SIGKILL"),
        ("HUNGRY", "out-of-memory", "Unable to allocate"),
    ],
)
def test_every_failure_is_a_verdict(tmp_path: Path, runtime: str, status: str, reason: str) -> None:
    failure = run_worker(null_job(tmp_path / "job", f"faulty_runtimes:{runtime}"), 60)
    assert isinstance(failure, WorkerFailure)
    assert failure.verdict.status == status
    assert reason in failure.verdict.reason


def test_a_worker_without_room_for_its_answer_is_no_fault_of_the_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1 << 12))
    failure = run_worker(null_job(tmp_path / "job", "faulty_runtimes:LEAVES"), 60)
    assert isinstance(failure, WorkerFailure)
    assert failure.verdict.status == "crashed"
    assert "no space left on device for what the process measured" in failure.verdict.reason
    assert "TMPDIR" in failure.verdict.remedy


def test_what_takes_memory_without_end_is_stopped_at_its_limit(tmp_path: Path) -> None:
    job = dataclasses.replace(null_job(tmp_path / "job", "faulty_runtimes:SWELLS"), memory_bytes=200 << 20)
    failure = run_worker(job, 60)
    assert isinstance(failure, WorkerFailure)
    assert failure.verdict.status == "out-of-memory"
    found = re.search(r"held ([\d.]+) MiB, its limit is 200.0 MiB", failure.verdict.reason)
    assert found is not None
    assert float(found[1]) >= 200
    assert "--memory-limit" in failure.verdict.remedy


def test_a_limit_that_is_kept_changes_nothing(tmp_path: Path) -> None:
    job = dataclasses.replace(null_job(tmp_path / "job"), memory_bytes=4 << 30)
    assert isinstance(run_worker(job, 60), Answer)


def test_a_worker_runs_where_it_is_told(tmp_path: Path) -> None:
    cpu = max(os.sched_getaffinity(0))
    answer = run_worker(dataclasses.replace(null_job(tmp_path / "job"), affinity=(cpu,)), 60)
    assert isinstance(answer, Answer)
    assert answer.result["affinity"] == [cpu]
    assert answer.result["gc_frozen"] > 0


def test_a_cpu_that_is_not_there_is_told(tmp_path: Path) -> None:
    failure = run_worker(dataclasses.replace(null_job(tmp_path / "job"), affinity=(100_000,)), 60)
    assert isinstance(failure, WorkerFailure)
    assert failure.verdict.status == "unsupported"
    assert "could not be pinned to CPU 100000" in failure.verdict.reason


def test_every_failure_says_what_to_do(tmp_path: Path) -> None:
    for number, runtime in enumerate(("REFUSES", "FAILS", "LEAVES", "HUNGRY")):
        failure = run_worker(null_job(tmp_path / f"job-{number}", f"faulty_runtimes:{runtime}"), 60)
        assert isinstance(failure, WorkerFailure)
        assert failure.verdict.remedy


def test_what_hangs_is_killed(tmp_path: Path) -> None:
    failure = run_worker(null_job(tmp_path / "job", "faulty_runtimes:HANGS"), 2)
    assert isinstance(failure, WorkerFailure)
    assert failure.verdict.status == "timeout"
    assert "--timeout" in failure.verdict.remedy


def test_garbage_on_stdout_does_not_matter(tmp_path: Path) -> None:
    assert isinstance(run_worker(null_job(tmp_path / "job", "faulty_runtimes:BABBLES"), 60), Answer)


def test_the_traceback_of_a_crash_is_kept(tmp_path: Path) -> None:
    failure = run_worker(null_job(tmp_path / "job", "faulty_runtimes:FAILS"), 60)
    assert isinstance(failure, WorkerFailure)
    assert "Traceback" in failure.log


def test_a_module_in_the_users_folder_shadows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('foreign json')")
    monkeypatch.chdir(tmp_path)
    assert isinstance(run_worker(null_job(tmp_path / "job"), 60), Answer)


def test_a_job_survives_its_file(tmp_path: Path) -> None:
    from harness.core.artifact import Preprocess

    labelled = LabelledData("idx", "/data", Preprocess(mean=(0.1, 0.2, 0.3)), 7)
    job = Job(
        "accuracy", "m:A", "x.onnx", "out", Options(2, 4, {"x": (1, 2)}), Loop(1, 2, 3, 4), labelled=labelled, seed=5
    )
    job.write(tmp_path / "job.json")
    assert Job.read(tmp_path / "job.json") == job


@pytest.mark.parametrize(("runtime", "leaks"), [("faulty_runtimes:LEAKS", True), ("harness.runtimes.null:null", False)])
def test_memory_that_each_inference_adds_is_seen_in_the_marks(tmp_path: Path, runtime: str, leaks: bool) -> None:
    """No other memory of the process grows by 400 KiB an inference; allocators may add a page here and there."""
    job = dataclasses.replace(null_job(tmp_path / "job", runtime), loop=Loop(5, 0, 60, 0, 60))
    answer = run_worker(job, 60)
    assert isinstance(answer, Answer), answer
    calls, marks = answer.result["calls_per_sample"], answer.result["resident_bytes"]
    rate = growth_per_inference([(n * calls, held) for n, held in marks])
    assert rate == (pytest.approx(400 << 10, rel=0.05) if leaks else None)


def test_what_a_measured_process_started_ends_with_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started = tmp_path / "started"
    program = (
        "import subprocess, pathlib; child = subprocess.Popen(['sleep', '1000']);"
        f"pathlib.Path({str(started)!r}).write_text(str(child.pid))"
    )
    spawn = subprocess.Popen
    monkeypatch.setattr(
        worker_process.subprocess, "Popen", lambda words, **how: spawn([sys.executable, "-c", program], **how)
    )
    job = Job("latency", "harness.runtimes.null:null", "", str(tmp_path))
    worker_process._run(job, tmp_path, 60.0, lambda _: contextlib.nullcontext())
    stat = Path(f"/proc/{started.read_text()}/stat")
    while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
