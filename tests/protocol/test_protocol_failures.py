"""The promises of docs/protocol.md on bad input, failures, and synthetic weights."""

from __future__ import annotations

import argparse
import dataclasses
import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.cli import _output, _progress
from harness.cli import run as cli_run
from harness.cli.run import exit_code
from harness.core.case import Case
from harness.core.errors import SetupError, UsageError
from harness.core.quantity import Value
from harness.core.record import Record
from harness.core.verdict import Status, Verdict
from harness.measure.passes import worker_process
from harness.measure.passes.worker_process import Answer, WorkerFailure
from harness.measure.protocol import Job
from harness.measure.worker import parent
from harness.runs.session import RunSession
from harness.store.runfolder import RunFolder
from suites.artifacts.synthetic.check import check
from suites.artifacts.synthetic.files import available
from tests import onnx_bytes
from tests.fakes.plans import plan_of
from tests.protocol.protocol_helpers import MOBILENET, Sleeping, Stopwatch, config_on_a_tree, ended, scored
from tests.protocol.scripted import (
    Machine,
    Scripted,
    in_process,
    prepared,
    records,
    replace_workers,
    usual,
)

# --- Bad input and failures -------------------------------------------------------------------------------------------


def test_a_failure_costs_its_own_figures_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    failures: dict[str, Status] = {
        "a": "crashed", "b": "timeout", "c": "out-of-memory", "d": "unsupported"
    }  # fmt: skip
    block = [prepared(Case("m", setting, "null")) for setting in ("good", *failures)]

    def run(job: Job) -> Answer | WorkerFailure:
        status = failures.get(Path(job.model).stem.partition("-")[2])
        return WorkerFailure(Verdict(status, "why"), "") if status else usual(job)

    found, _ = records(monkeypatch, tmp_path, block, run)
    assert [record.verdict.status for record in found] == ["precise", *failures.values()]
    assert isinstance(found[0].metrics["latency_p50_ns"], Value)
    broken = WorkerFailure(Verdict("crashed", "why"), "")
    for phase in ("probe", "accuracy"):
        ((record,), _) = records(
            monkeypatch, tmp_path, [scored()], lambda job, phase=phase: broken if job.phase == phase else usual(job)
        )
        assert record.verdict.status == "precise", "a later pass takes the figures of that pass alone"
        name = {"probe": "fidelity_cosine", "accuracy": "top1"}[phase]
        assert "ended as crashed: why" in (record.missing(name) or "")


def codes(patch: pytest.MonkeyPatch, scratch: Path, failure: Answer | WorkerFailure) -> tuple[int, int]:
    """The exit code of a run whose only case failed so, and of one where another was measured."""
    assert isinstance(failure, WorkerFailure)
    bad, good = prepared(Case("m", "bad", "null")), prepared(Case("m", "good", "null"))
    found, _ = records(patch, scratch, [bad, good], lambda job: failure if "bad" in job.model else usual(job))
    return exit_code(found[:1]), exit_code(found)


def opened(patch: pytest.MonkeyPatch, folder: Path, runtime: str, model: Path) -> Answer | WorkerFailure:
    """What becomes of a process that opens this file with this runtime."""
    machine = Machine()
    result, _ = in_process(patch, folder, machine, Scripted(machine), runtime=runtime, model=str(model))
    return ended(patch, folder, 1, **result)


ORT, LITERT = "harness.runtimes.onnxruntime:onnxruntime-cpu", "harness.runtimes.litert:litert-xnnpack"


@pytest.mark.parametrize(
    ("runtime", "name", "data", "words"),
    [
        (ORT, "text.onnx", b"hello", "protobuf"),
        (ORT, "cut.onnx", (MOBILENET / "fp32.onnx").read_bytes()[:1000], "onnxruntime cannot run it"),
        (LITERT, "text.tflite", b"hello", "ai_edge_litert cannot run it"),
        (ORT, "operator.onnx", onnx_bytes.model("Frobnicate", {"x": (1, [4])}, (1, [4])), "Frobnicate"),
        (ORT, "type.onnx", onnx_bytes.model("Identity", {"x": (8, [4])}, (8, [4])), "tensor(string)"),
    ],
)
def test_a_file_the_runtime_refuses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, runtime: str, name: str, data: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(data)
    failure = opened(monkeypatch, tmp_path, runtime, tmp_path / name)
    assert isinstance(failure, WorkerFailure)
    assert failure.verdict.status == "unsupported"
    assert words.lower() in failure.verdict.reason.lower()
    assert codes(monkeypatch, tmp_path, failure) == (3, 4)


def test_a_dynamic_dimension_without_a_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = (1, ["batch", 3, "height", "width"])
    (tmp_path / "free.onnx").write_bytes(onnx_bytes.model("Relu", {"x": spec}, spec))
    failure = opened(monkeypatch, tmp_path, ORT, tmp_path / "free.onnx")
    assert isinstance(failure, WorkerFailure)
    assert failure.verdict.status == "unsupported"
    assert "--shape x=1x3x224x224" in failure.verdict.remedy
    assert codes(monkeypatch, tmp_path, failure) == (3, 4)


def test_a_crash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = b"a" * 9000 + b"the end"
    for status in (-11, -6, 7, 0):
        failure = ended(monkeypatch, tmp_path, status, log)
        assert isinstance(failure, WorkerFailure)
        assert failure.verdict.status == "crashed"
        assert failure.log.endswith("aaathe end")
        assert len(failure.log) < len(log)
        assert codes(monkeypatch, tmp_path, failure) == (3, 4)
    machine = Machine()

    def fail(_n: int) -> int:
        raise RuntimeError("bad kernel")

    result, _ = in_process(monkeypatch, tmp_path / "job", machine, Scripted(machine, fail))
    assert (result["error"], result["message"]) == ("crashed", "RuntimeError: bad kernel")
    assert "Traceback" in capsys.readouterr().err


def test_no_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    child: Any = Sleeping()
    with monkeypatch.context() as patch:
        Stopwatch(patch)
        stopped = worker_process.supervise(child, 60.0, 1 << 30)
    assert stopped is not None
    assert stopped.status == "timeout"
    assert codes(monkeypatch, tmp_path, WorkerFailure(stopped, "")) == (3, 4)


def test_memory_without_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    child: Any = Sleeping()
    with monkeypatch.context() as patch:
        Stopwatch(patch, held=lambda seconds: int(seconds * 2**30))
        stopped = worker_process.supervise(child, 600.0, 10 << 30)
    assert stopped is not None
    assert stopped.status == "out-of-memory"
    assert codes(monkeypatch, tmp_path, WorkerFailure(stopped, "")) == (3, 4)


def two_nets() -> list[Any]:
    """Two cases of two nets: two blocks."""
    return [prepared(Case(model, "fp32", "null")) for model in ("first", "second")]


class Handlers(dict[int, Any]):
    """Signal handlers as the code under test installs them. No signal is sent: it would end the test runner's process.

    A runner may run tests outside the main thread, where the code installs none.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        super().__init__({signal.SIGINT: signal.default_int_handler})
        patch.setattr(_progress.signal, "signal", self.install)
        patch.setattr(_progress.threading, "main_thread", _progress.threading.current_thread)

    def install(self, number: int, handler: Any) -> Any:
        before, self[number] = self[number], handler
        return before

    def send(self, number: int) -> None:
        self[number](number, None)


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran: list[str] = []
    handlers = Handlers(monkeypatch)

    def run(job: Job) -> Answer | WorkerFailure:
        if job.phase == "latency" and "second" in job.model:
            handlers.send(signal.SIGINT)
            with pytest.raises(KeyboardInterrupt):
                handlers.send(signal.SIGINT)  # the next one interrupts as usual
            ran.append("finished")
        return usual(job)

    replace_workers(monkeypatch, run)
    monkeypatch.setattr(cli_run, "config_of", lambda _arguments: config_on_a_tree(tmp_path))
    monkeypatch.setattr(cli_run, "planned", lambda _config: plan_of(two_nets(), tmp_path / "run"))
    shown: list[Any] = []
    monkeypatch.setattr(_output, "show_report", lambda folders, silent: shown.append(folders))
    out = str(tmp_path / "run")
    how = {
        "resume": False,
        "out": out,
        "json": True,
        "no_report": False,
        "store": None,
        "compress": None,
        "export": None,
        "require": None,
    }
    assert cli_run.run(argparse.Namespace(**how)) == 130
    assert ran == ["finished"], "the running process is finished, and no other is begun"
    assert handlers[signal.SIGINT] is signal.default_int_handler
    folder = RunFolder(out)
    assert [record.case.model for record in folder.records()] == ["first"]
    assert folder.header().interrupted
    assert folder.missing() == ("second|fp32|null|t1",)
    assert [each[0].path for each in shown] == [folder.path]


def killed(patch: pytest.MonkeyPatch, folder: Path) -> RunFolder:
    """The folder of a run that was killed when its first case was finished."""
    replace_workers(patch, usual)
    with RunSession(config_on_a_tree(folder), plan_of(two_nets(), folder / "run")) as made:
        header = made.header
        for event in made.run():
            if isinstance(event, Record):
                break
    made.folder.write_header(header)  # kill -9 closes nothing
    return made.folder


def test_a_killed_run_is_resumed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = killed(monkeypatch, tmp_path)
    assert run.header().ended_utc is None
    before = {path: path.read_bytes() for path in run.path.glob("records/*.json")}
    assert len(before) == 1
    jobs = replace_workers(monkeypatch, usual)
    with RunSession(config_on_a_tree(tmp_path, resume=True), plan_of(two_nets(), tmp_path / "run")) as made:
        list(made.run())
    assert {Path(job.model).stem for job in jobs} == {"second-fp32"}
    assert {path: path.read_bytes() for path in before} == before
    assert [record.case.model for record in run.records()] == ["first", "second"]
    assert len({record.run_id for record in run.records()}) == 1
    assert run.missing() == ()


def test_a_full_disk_keeps_what_is_finished_and_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real, refused = os.fsync, []

    def full_from_the_second_record_on(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        if refused or "second" in name:
            refused.append(name)
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    def measure() -> None:
        with session:
            list(session.run())

    replace_workers(monkeypatch, usual)
    command = ("edgebench", "run", "my suite.toml")
    config = dataclasses.replace(config_on_a_tree(tmp_path), command=command)
    session = RunSession(config, plan_of(two_nets(), tmp_path / "run"))
    monkeypatch.setattr(os, "fsync", full_from_the_second_record_on)
    with pytest.raises(UsageError) as raised:
        measure()
    assert "run.json" in refused[-1], "the header of the end does not fit either, and hides nothing"
    folder = session.folder
    second = folder.path / "records" / "second__fp32__null__t1.json"
    assert raised.value.message == f"No space left on device: {second}"
    assert f"1 finished cases are kept in {folder.path}" in raised.value.remedy
    assert raised.value.remedy.endswith(f"edgebench run 'my suite.toml' --out {folder.path} --resume")
    assert folder.missing() == ("second|fp32|null|t1",)


@pytest.mark.parametrize("name", ["suite", "target", "profile", "seed", "planned cases", "versions", "machine"])
def test_only_the_same_run_is_resumed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    run = killed(monkeypatch, tmp_path)
    header = run.header()
    other: dict[str, Any] = {
        "suite": {"suite": "full-size"},
        "target": {"target": "raspberry-pi-5"},
        "profile": {"profile": "full"},
        "seed": {"seed": 7},
        "planned cases": {"planned": header.planned[:1]},
        "versions": {"versions": {**header.versions, "onnxruntime": "0.0.1"}},
        "machine": {"host": {**header.host, "machine_id": "another"}},
    }[name]
    run.write_header(dataclasses.replace(header, **other))
    again = RunSession(config_on_a_tree(tmp_path, resume=True), plan_of(two_nets(), tmp_path / "run"))
    with pytest.raises(UsageError, match=f"its {name} differs"), again:
        pass


def test_measured_process_ends_with_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []
    library = SimpleNamespace(prctl=lambda option, number: asked.append((option, number)))
    with monkeypatch.context() as patch:
        patch.setattr(parent.ctypes, "CDLL", lambda *_, **__: library)
        parent.die_with_parent(os.getppid())
    assert asked == [(1, signal.SIGKILL)], "PR_SET_PDEATHSIG of <linux/prctl.h> is 1"
    words = [sys.executable, "-X", "importtime", "-m", "harness.measure.worker", "job.json"]
    orphan = subprocess.run([*words, "1"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert orphan.returncode == -signal.SIGKILL, "its parent ended before it could ask"
    assert not re.search(r"\| +(numpy|json|harness.runtimes)", orphan.stderr), "it asks before anything that takes time"


# --- Synthetic weights ------------------------------------------------------------------------------------------------


def test_synthetic_weights_keep_activations_ordinary(tmp_path: Path) -> None:
    smallest = min((each for each in available().values() if each.format == "onnx"), key=lambda each: each.size_bytes)
    outputs = check(smallest.unpack(tmp_path))
    assert np.isfinite(outputs).all()
    assert 0.01 < outputs.std() < 100
    assert np.abs(outputs).max() < 1000


def test_synthetic_files_are_checked(tmp_path: Path) -> None:
    smallest = min((each for each in available().values() if each.format == "onnx"), key=lambda each: each.size_bytes)
    other = dataclasses.replace(smallest, sha256="0" * 64)
    with pytest.raises(SetupError, match="not the file that the manifest names"):
        other.unpack(tmp_path)
    assert list(tmp_path.iterdir()) == []
