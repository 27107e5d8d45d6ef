"""The promises of docs/protocol.md on the time limit: what fits into it is kept, what does not is told."""

from __future__ import annotations

import dataclasses
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.core.quantity import Value
from harness.core.scenario import Load
from harness.core.verdict import Verdict
from harness.measure.passes import worker_process
from harness.measure.passes.worker_process import WorkerFailure
from harness.measure.presets import profile
from harness.measure.protocol import Job, Loop
from harness.measure.worker import progress
from harness.measure.worker.time_limit import time_limit
from tests.protocol.protocol_helpers import ScriptedLatency, ended
from tests.protocol.scripted import MS, NO_PROCESS, SECOND, Machine, Scripted, answer, in_process, prepared, records

LOOP = Loop(warmup_n=5, warmup_ns=0, min_n=20, min_ns=0)


def limited(
    patch: pytest.MonkeyPatch, folder: Path, limit_s: float, once_s: float, **job: Any
) -> tuple[dict[str, Any], dict[str, Any], float]:
    """A worker with a limit whose inference takes so long: its result, its arrays, and the seconds it took."""
    machine = Machine()
    start = machine.wall_ns
    deadline = start + round(limit_s * SECOND)
    times = {"spawned_ns": start, "deadline_ns": deadline, "loop": LOOP, **job}
    session = Scripted(machine, lambda _: round(once_s * SECOND))
    result, arrays = in_process(patch, folder, machine, session, **times)
    return result, arrays, (machine.wall_ns - start) / SECOND


@pytest.mark.parametrize("limit_s", [10, 60, 300, 1000])
@pytest.mark.parametrize("once_s", [0.01, 0.3, 2.9, 3.1, 7, 12, 40, 290])
def test_inferences_end_before_the_limit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, limit_s: float, once_s: float
) -> None:
    for scenario, load in (("SingleStream", Load()), ("MultiStream", Load(samples_per_query=4)), ("Offline", Load())):
        folder = tmp_path / scenario
        result, arrays, took_s = limited(monkeypatch, folder, limit_s, once_s, scenario=scenario, load=load)
        if "error" in result:
            assert result["error"] == "timeout"
            fewest = 2 + (load.samples_per_query or 1)
            assert fewest * once_s > 0.9 * limit_s - 0.2, "there was time for a first figure"
            assert took_s <= once_s + 0.2
        else:
            assert took_s <= 0.9 * limit_s
            assert len(arrays["wall_ns"]) >= 1


def test_the_scenarios_own_time_comes_on_top(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Half an hour of its own and five minutes of limit; 100 s have passed."""
    jobs: list[Job] = []

    def child(_command: Any, cwd: Path, **_how: Any) -> Any:
        jobs.append(Job.read(cwd / "job.json"))
        return SimpleNamespace(pid=NO_PROCESS, returncode=0, kill=int, wait=int)

    monkeypatch.setattr(worker_process, "supervise", lambda *_: None)
    monkeypatch.setattr(subprocess, "Popen", child)
    loop, load = dataclasses.replace(LOOP, min_ns=1800 * SECOND), Load(minutes=30)
    worker_process.run_worker(Job("latency", "m:A", "m.onnx", str(tmp_path / "job"), loop=loop, load=load), 300)
    assert jobs[0].deadline_ns - jobs[0].spawned_ns == 2100 * SECOND
    limit = time_limit(jobs[0])
    monkeypatch.setattr(time, "perf_counter_ns", lambda: jobs[0].spawned_ns + 100 * SECOND)
    own_ns = round(jobs[0].own_time_s * SECOND)
    assert limit.left_ns == (1800 + 270 - 100) * SECOND
    assert limit.less(own_ns).left_ns == 170 * SECOND
    now = time.perf_counter_ns()
    assert limit.part(0.5, own_ns) - now == (1800 + 85) * SECOND
    assert limit.less(own_ns).part(0.5) - now == 85 * SECOND


def test_what_fits_into_the_limit_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole, _, _ = limited(monkeypatch, tmp_path / "whole", 1000, 12)
    assert whole["cut_short"] == {}
    result, arrays, _ = limited(monkeypatch, tmp_path / "cut", 300, 12)
    cut = result["cut_short"]
    assert (arrays["wall_ns"] == 12 * SECOND).all()
    assert 1 < cut["done"] == len(arrays["wall_ns"]) < 20 == cut["planned"]
    assert cut["sample_s"] == 12
    again, _, _ = limited(monkeypatch, tmp_path / "again", cut["needed_s"], 12)
    assert again["cut_short"] == {}

    told = ScriptedLatency(lambda _: answer(cut_short=cut))
    for name in ("quick", "standard"):
        ((record,), jobs) = records(monkeypatch, tmp_path, [prepared()], told, profile=profile(name, deep=False))
        assert [job.phase for job in jobs].count("latency") == {"quick": 3, "standard": 5}[name]
        assert record.verdict.status == "imprecise"
        n = len(record.processes)
        assert f"ended {n} of {n} processes early: {cut['done']} of 20 samples" in record.verdict.reason
        assert f"--timeout {cut['needed_s']}" in record.verdict.remedy
        assert [found.check for found in record.execution.findings].count("time_limit") == 1
        assert isinstance(record.metrics["latency_p50_ns"], Value)


@pytest.mark.parametrize(("limit_s", "once_s"), [(60, 40), (60, 20), (300, 140)])
def test_a_first_inference_tells_the_limit_it_needs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, limit_s: int, once_s: int
) -> None:
    result, _, took_s = limited(monkeypatch, tmp_path / "a", limit_s, once_s)
    assert result["error"] == "timeout"
    assert took_s < once_s + 1, "nothing is begun that could not be finished"
    assert f"one inference takes {once_s} s" in result["message"]
    assert f"limit of {limit_s} s" in result["message"]
    words = result["remedy"].split()
    fewest, every = int(words[1]), int(words[6])
    assert result["remedy"] == f"--timeout {fewest} for a first figure, {every} for all inferences"
    least, _, _ = limited(monkeypatch, tmp_path / "least", fewest, once_s)
    assert least["cut_short"]["done"] >= 1
    whole, _, _ = limited(monkeypatch, tmp_path / "whole", every, once_s)
    assert whole["cut_short"] == {}


NOTED = {
    "import_ns": 200 * MS,
    "load_ns": 1500 * MS,
    "first_inference_ns": 12 * SECOND,
    "warmup_n": 3,
    "warmup_median_ns": 11 * SECOND,
}
LOADED = "the library was imported in 0.2 s, the model loaded in 1.5 s"
DOING = (
    (0, "before the library was imported"),
    (1, "while the model was loaded; the library was imported in 0.2 s"),
    (2, f"in its first inference; {LOADED}"),
    (3, f"while it warmed up; {LOADED}, the first inference took 12 s"),
    (5, f"in the timed loop; {LOADED}, the first inference took 12 s, 3 more 11 s each"),
)


def failed_after(patch: pytest.MonkeyPatch, folder: Path, count: int, stopped: Verdict | None) -> WorkerFailure:
    """A worker that had noted the first `count` facts when the parent ended it, or it died by a signal."""
    original = worker_process.noted
    seen: dict[str, Path] = {}

    def noting(out: Path) -> dict[str, Any]:
        seen["out"] = out
        for name, value in list(NOTED.items())[:count]:
            progress.note(str(out), **{name: value})
        with (out / progress.FILE).open("a") as file:
            file.write('{"half a li')
        return original(out)

    with patch.context() as during:
        during.setattr(worker_process, "noted", noting)
        if stopped is None:
            failure = ended(during, folder, -11)
        else:
            during.setattr(worker_process, "supervise", lambda *_: stopped)
            job = Job("latency", "m:A", "m.onnx", str(folder / "job"), loop=LOOP)
            failure = _run(during, job)
    assert isinstance(failure, WorkerFailure)
    return failure


def _run(patch: pytest.MonkeyPatch, job: Job) -> Any:
    patch.setattr(
        subprocess, "Popen", lambda *_, **__: SimpleNamespace(pid=NO_PROCESS, returncode=0, kill=int, wait=int)
    )
    return worker_process.run_worker(job, 60)


@pytest.mark.parametrize(("count", "words"), DOING)
def test_a_failed_process_tells_what_it_had_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, count: int, words: str
) -> None:
    late = Verdict("timeout", "not finished after 60 s, killed", "--timeout SECONDS")
    swollen = Verdict("out-of-memory", "the process held 600 MiB, its limit is 500 MiB: stopped", "a smaller batch")
    for stopped in (late, swollen, None):
        failure = failed_after(monkeypatch, tmp_path, count, stopped)
        before = stopped.reason if stopped else "the process was ended by SIGSEGV"
        assert failure.verdict.reason == f"{before}, {words}"
        assert failure.done == dict(list(NOTED.items())[:count])
        if stopped is late and count >= 3:
            assert failure.verdict.remedy.startswith("--timeout ")
        elif stopped:
            assert failure.verdict.remedy == stopped.remedy

        told = ScriptedLatency(lambda n, failure=failure: answer() if n < 1 else failure)
        ((record,), _) = records(monkeypatch, tmp_path, [prepared()], told)
        assert record.verdict.reason == f"{before}, {words}; 1 process before it had a median of 2 ms"
        if count:
            assert record.details["partial"] == {**failure.done, "medians_ns": [2 * MS]}
        assert {name for name, found in record.metrics.items() if isinstance(found, Value)} == {"artifact_bytes"}
