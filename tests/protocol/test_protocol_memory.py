"""The promises of docs/protocol.md on memory: peak, size, arena, counts, and the limit."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import json
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.core import plugins
from harness.core.case import Case
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing, Quantity, Value
from harness.core.target import Target, TargetLimits
from harness.core.verdict import Verdict
from harness.host import resource_limits
from harness.host.resource_limits import ResourceLimits, process_limit_bytes
from harness.measure import block
from harness.measure.metrics import latency_metrics
from harness.measure.passes import diagnostics, worker_process
from harness.measure.passes.diagnostics import diagnose
from harness.measure.passes.worker_process import Answer, WorkerFailure
from harness.measure.presets import profile
from harness.measure.protocol import Job
from harness.measure.worker import os_counters, setup
from harness.runtimes.base import Adapter, Options, Session
from harness.runtimes.graph_counts import Counts, Graph, Node, count
from harness.runtimes.null import NullSession
from harness.runtimes.onnxruntime import counts, profiler
from harness.runtimes.torch import executorch
from harness.runtimes.torch.executorch import ExecuTorchSession
from harness.runtimes.torch.torchscript import TorchScriptSession
from suites.artifacts import catalog
from suites.user_model import UserModel
from tests import trees
from tests.protocol.protocol_helpers import MOBILENET, ScriptedLatency, Sleeping, Stopwatch, number, planned, reason
from tests.protocol.scripted import (
    NO_PROCESS,
    PLAIN,
    Blobs,
    Machine,
    Scripted,
    answer,
    in_process,
    prepared,
    probe_answer,
    records,
    replace_workers,
    state_of,
    usual,
)

# --- Memory -----------------------------------------------------------------------------------------------------------


def files_below(patch: pytest.MonkeyPatch, module: Any, root: Path) -> None:
    """Let a module find its files below a folder."""
    patch.setattr(module, "Path", lambda name: root / str(name).lstrip("/"))


def test_peak_memory_is_vmhwm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    status = "Name:\tpython\nVmPeak:\t  900 kB\nVmHWM:\t  300 kB\nVmRSS:\t  200 kB\n"
    with monkeypatch.context() as patch:
        files_below(patch, os_counters, trees.write(tmp_path / "proc", {"proc/self/status": status}))
        assert os_counters.peak_rss_bytes() == 300 * 1024
    machine = Machine()

    def peak() -> int:
        machine.events.append("peak")
        return len(machine.events)

    with monkeypatch.context() as patch:
        patch.setattr(os_counters, "peak_rss_bytes", peak)
        result, _ = in_process(monkeypatch, tmp_path / "job", machine, Scripted(machine))
    read = result["peak_rss_bytes"]
    ends = [n for n, each in enumerate(machine.events) if each == "end of loop"]
    assert machine.events[read - 1] == "peak"
    assert ends[1] < read < ends[2], "after the timed loop, before one input is repeated"
    state = state_of([answer(peak_rss_bytes=size) for size in (5, 9, 7)])
    assert latency_metrics(state, profile("quick"))["peak_rss_bytes"] == Value(9, n=3)


def test_ru_maxrss_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usage = SimpleNamespace(ru_maxrss=5000, ru_nvcsw=0, ru_nivcsw=0)
    monkeypatch.setattr(os_counters.resource, "getrusage", lambda _who: usage)
    machine = Machine()
    result, arrays = in_process(monkeypatch, tmp_path, machine, Scripted(machine))
    assert result["max_rss_bytes"] == 5000 * 1024
    assert result["peak_rss_bytes"] != 5000 * 1024
    state = state_of([Answer({**result, "peak_rss_bytes": 3}, arrays)] * 3)
    assert state.runs[0].max_rss_bytes == 5000 * 1024
    assert number(latency_metrics(state, profile("quick"))["peak_rss_bytes"]) == 3


def test_model_size_is_that_of_all_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "net.param").write_bytes(bytes(30))
    (tmp_path / "net.bin").write_bytes(bytes(400))
    (tmp_path / "other.bin").write_bytes(bytes(5000))
    artifact = UserModel(tmp_path / "net.param").artifact(None)
    assert artifact.size_bytes == 430
    ((record,), _) = records(monkeypatch, tmp_path, [prepared(artifact=artifact)])
    assert number(record.metrics["artifact_bytes"]) == 430


def test_deep_adds_deflated_size_and_memory_over_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data = b"the same again " * 1000
    (tmp_path / "net.onnx").write_bytes(data)
    own = prepared(artifact=dataclasses.replace(prepared().artifact, path=tmp_path / "net.onnx"))
    ((record,), jobs) = records(monkeypatch, tmp_path, [own])
    assert record.missing("artifact_compressed_bytes") == "not measured: run with --deep"
    assert record.traces == ()
    plain = len(jobs)
    watched: list[Any] = []

    @contextmanager
    def watch(self: Any, pid: int) -> Iterator[None]:
        watched.append(pid)
        self.samples.extend([(1, 2 << 20, 1 << 20), (2, 3 << 20, 1 << 20)])
        yield

    monkeypatch.setattr(diagnostics.MemoryWatch, "of", watch)
    deep = profile("quick", deep=True)

    def run(job: Job) -> Answer | WorkerFailure:
        return usual(job)

    jobs = replace_workers(monkeypatch, run)
    original = diagnostics.run_worker

    def run_watched(job: Job, timeout_s: float, watcher: Any = None) -> Answer | WorkerFailure:
        if watcher is None:  # the profile, whose memory is not watched
            return original(job, timeout_s)
        with watcher(11):
            return original(job, timeout_s)

    monkeypatch.setattr(diagnostics, "run_worker", run_watched)
    found = diagnose(own, Blobs(), tmp_path)
    assert found.deflated_bytes == Value(len(zlib.compress(data, 6)))
    assert [trace.channel for trace in found.traces] == ["memory_rss", "memory_uss"]
    assert watched == [11]
    assert deep.deep
    assert not profile("quick").deep
    assert [job.phase for job in jobs] == ["profile", "latency"]
    monkeypatch.setattr(block, "diagnose", lambda *_: found)
    ((record,), jobs) = records(monkeypatch, tmp_path, [own], profile=deep)
    assert record.metrics["artifact_compressed_bytes"] == found.deflated_bytes
    assert [trace.channel for trace in record.traces] == ["memory_rss", "memory_uss"]
    assert len(jobs) == plain, "no process of the other passes is watched"


def arena(patch: pytest.MonkeyPatch, scratch: Path, case: Case | None = None, **execution: Any) -> Quantity:
    own = prepared(case)
    ((record,), _) = records(
        patch, scratch, [own], lambda job: probe_answer(PLAIN, **execution) if job.phase == "probe" else usual(job)
    )
    return record.metrics["arena_bytes"]


def test_arena_is_what_the_allocator_held(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    held = [{"args": {"mem_arena_held": str(size)}} for size in (100, 300, 200)]
    assert profiler.arena_bytes(json.dumps(held)) == 300
    assert isinstance(profiler.arena_bytes("[]"), Missing)
    assert executorch._arena(4096, []) == 4096
    assert isinstance(executorch._arena(4096, ["XnnpackBackend"]), Missing)
    assert arena(monkeypatch, tmp_path, arena_bytes=300) == Value(300)
    batched = Case("m", "fp32", "null", batch=4)
    assert "a batch of 1 only" in reason(arena(monkeypatch, tmp_path, batched, arena_bytes=9))
    _, jobs = records(monkeypatch, tmp_path, [prepared(batched)])
    (probe,) = [job for job in jobs if job.phase == "probe"]
    assert probe.options.batch == 1


def test_an_arena_that_is_not_told_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from harness.runtimes.litert.adapter import XNNPACK

    told = {"litert": XNNPACK.open(MOBILENET / "fp32.tflite", Options()).execution().arena_bytes}
    if importlib.util.find_spec("openvino"):
        from harness.runtimes.openvino.adapter import CPU

        told["openvino"] = CPU.open(MOBILENET / "fp32.onnx", Options()).execution().arena_bytes
    for found in told.values():
        assert isinstance(found, Missing)
        assert "arena" in found.reason
        assert arena(monkeypatch, tmp_path, arena_bytes=found) == found


# --- Memory: parameters and MACs --------------------------------------------------------------------------------------


def test_counts_are_read_from_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files = {"onnxruntime-cpu": "fp32.onnx", "litert-xnnpack": "fp32.tflite", "openvino-cpu": "fp32.onnx"}
    if not importlib.util.find_spec("openvino"):
        del files["openvino-cpu"]
    found = {}
    for name, file in files.items():
        runtime: Adapter = plugins.load("runtimes", name)
        found[name] = runtime.open(MOBILENET / file, Options()).counts()
    kept = catalog.shipped()["mobilenet_v2-0.35-32", "int8-qat", "onnx"]  # counted with normalisations folded
    assert set(found.values()) == {Counts(kept["parameters"], kept["macs"])}
    own = prepared(artifact=dataclasses.replace(prepared().artifact, parameters=1, macs=2))
    counted = ScriptedLatency(lambda _n: answer())
    ((record,), _) = records(
        monkeypatch,
        tmp_path,
        [own],
        lambda job: probe_answer(PLAIN, Counts(5, 6)) if job.phase == "probe" else counted(job),
    )
    assert (record.value("parameters"), record.value("macs")) == (5, 6), "whoever made it"
    assert record.artifact is not None
    assert (record.artifact.parameters, record.artifact.macs) == (5, 6)


SHAPES = {
    "x": (1, 3, 8, 8),
    "w": (4, 3, 3, 3),
    "b": (4,),
    "y": (1, 4, 6, 6),
    "z": (1, 4, 6, 6),
    "flat": (1, 16),
    "m": (16, 10),
    "out": (1, 10),
    "table": (100, 7),
    "tokens": (1, 5),
    "rows": (1, 5, 7),
    "three": (),
    **dict.fromkeys(("scale", "shift", "mean", "variance", "slope"), (4,)),
}


CONV = Node("Conv", ("x", "w", "b"), ("y",))


def counted(*nodes: Node, constants: str, **shapes: tuple[int, ...]) -> Counts | Missing:
    graph = Graph(nodes, {**SHAPES, **shapes}, dict.fromkeys(constants.split(), True))
    return count(graph, counts.RULES)


def test_macs_rule() -> None:
    conv = 4 * 6 * 6 * 3 * 3 * 3
    assert counted(CONV, constants="w b") == Counts(4 * 27 + 4, conv)
    product = Node("MatMul", ("flat", "m"), ("out",))
    assert counted(CONV, product, constants="w b m") == Counts(4 * 27 + 4 + 160, conv + 160)
    free = [Node(kind, ("y",), ("z",)) for kind in ("Relu", "Softmax", "AveragePool", "Sigmoid", "Mul")]
    assert counted(CONV, *free, constants="w b") == Counts(4 * 27 + 4, conv)


def test_parameters_rule() -> None:
    def parameters(node: Node, constants: str) -> int:
        found = counted(node, constants=constants)
        assert isinstance(found, Counts)
        return found.parameters

    normal = Node("BatchNormalization", ("y", "scale", "shift", "mean", "variance"), ("z",))
    assert parameters(CONV, "w b") == 112
    assert parameters(normal, "scale shift mean variance") == 8, "a running mean is no parameter"
    assert parameters(Node("PRelu", ("y", "slope"), ("z",)), "slope") == 4
    assert parameters(Node("Gather", ("table", "tokens"), ("rows",)), "table") == 700
    assert parameters(Node("Add", ("y", "b"), ("z",)), "b") == 4
    assert parameters(Node("Add", ("y", "three"), ("z",)), "three") == 0
    assert parameters(Node("Mul", ("y", "b"), ("z",)), "b") == 0
    assert parameters(Node("Conv", ("x", "w", "b"), ("y",)), "") == 0, "what is computed is no parameter"
    shape = Graph([Node("Add", ("b", "y"), ("z",))], SHAPES, {"b": False})
    assert count(shape, counts.RULES) == Counts(0, 0), "neither is a shape or an index"


def test_a_shared_weight_counts_once() -> None:
    again = Node("Conv", ("y", "w", ""), ("z",))
    found = counted(CONV, again, constants="w b")
    assert isinstance(found, Counts)
    assert (found.parameters, found.macs) == (112, 2 * 4 * 6 * 6 * 27)
    stored = Node("DequantizeLinear", ("w8", "scale"), ("w",))
    assert counted(CONV, stored, constants="w8 scale b", w8=(4, 3, 3, 3)) == Counts(112, 4 * 6 * 6 * 27)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN", "If", "Loop", "Scan", "my.domain.Conv"])
def test_what_cannot_be_counted_has_no_count(kind: str) -> None:
    found = counted(CONV, Node(kind, ("y",), ("z",)), constants="w b")
    assert isinstance(found, Missing)
    assert kind in found.reason


def test_counts_from_the_making_stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    untold = Session.counts(NullSession())
    assert isinstance(untold, Missing)
    for runtime in (TorchScriptSession, ExecuTorchSession):
        assert runtime.counts is Session.counts, "they do not tell their graph"
    made = dataclasses.replace(prepared().artifact, parameters=11, macs=22)
    for artifact, expected in ((made, (11, 22)), (prepared().artifact, (None, None))):
        ((record,), _) = records(monkeypatch, tmp_path, [prepared(artifact=artifact)])
        assert (record.value("parameters"), record.value("macs")) == expected


# --- Memory: the limit ------------------------------------------------------------------------------------------------


def test_a_process_beyond_its_limit_is_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    status = "VmPeak:\t 9000 kB\nVmRSS:\t 300 kB\nVmSwap:\t 100 kB\n"
    with monkeypatch.context() as patch:
        files_below(patch, os_counters, trees.write(tmp_path / "tree", {"proc/7/status": status}))
        assert os_counters.current_rss_bytes(7) == 400 * 1024, "resident and swapped"
        assert os_counters.current_rss_bytes(8) == 0
    child: Any = Sleeping()
    with monkeypatch.context() as patch:
        Stopwatch(patch, held=lambda s: 300 * 2**20 if s < 3 else 301 * 2**20)
        stopped = worker_process.supervise(child, 1000.0, 300 * 2**20)
    assert stopped is not None
    assert stopped.status == "out-of-memory"
    assert "held 301.0 MiB, its limit is 300.0 MiB" in stopped.reason
    broken = WorkerFailure(stopped, "")
    block = [prepared(Case("m", setting, "null")) for setting in ("good", "hungry")]
    found, _ = records(monkeypatch, tmp_path, block, lambda job: broken if "hungry" in job.model else usual(job))
    assert [record.verdict.status for record in found] == ["precise", "out-of-memory"]
    killed: list[str] = []

    class Child:
        pid, returncode = NO_PROCESS, -9

        def __init__(self, *_: Any, **__: Any) -> None: ...
        def wait(self) -> None:
            killed.append("wait")

    monkeypatch.setattr(subprocess, "Popen", Child)
    monkeypatch.setattr(worker_process, "_kill_session", lambda _pid: killed.append("kill"))
    monkeypatch.setattr(
        worker_process, "supervise", lambda _child, _timeout_s, memory_bytes: stopped if memory_bytes == 5 else None
    )
    job = Job("latency", "m:A", "m", str(tmp_path / "job"), memory_bytes=5)
    found = worker_process.run_worker(job, 60)
    assert isinstance(found, WorkerFailure)
    assert found.verdict.status == stopped.status
    assert found.verdict.reason.startswith(stopped.reason)
    assert killed == ["kill", "wait"]


def test_where_the_limit_comes_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tree: trees.Tree = {"proc/meminfo": "MemTotal: 99999999 kB\nMemAvailable: 99999999 kB\n"}
    fs = HostFs(trees.write(tmp_path, tree))
    monkeypatch.setattr(resource_limits, "HostFs", lambda: fs)
    told = Target("x", "X", "generic", limits=TargetLimits(memory_bytes=300 << 20), memory_bytes=1000 << 20)
    assert ResourceLimits.on(told, memory_bytes=70 << 20).memory_bytes == 70 << 20
    assert ResourceLimits.on(told).memory_bytes == 300 << 20
    assert ResourceLimits.on(dataclasses.replace(told, limits=TargetLimits())).memory_bytes == 750 << 20
    from harness.cli import parser
    from harness.cli._options import config_of

    arguments = parser().parse_args(["run", "quick", "--memory-limit", "70", "--timeout", "8"])
    request = config_of(arguments)
    assert (request.memory_bytes, request.timeout_s) == (70 << 20, 8.0)
    made = planned([Case("m", "fp32", "null")]).prepared[0].job("latency", tmp_path, 0)
    assert made.memory_bytes == 44 << 20


def test_the_limit_stays_below_what_is_available(tmp_path: Path) -> None:
    tree: trees.Tree = {"proc/meminfo": "MemTotal: 1024000 kB\nMemAvailable: 512000 kB\n"}
    fs = HostFs(trees.write(tmp_path / "a", tree))
    free = 512000 * 1024
    assert process_limit_bytes(1 << 30, fs) == int(0.9 * free)
    assert process_limit_bytes(None, fs) == int(0.9 * free)
    assert process_limit_bytes(5 << 20, fs) == 5 << 20
    group: trees.Tree = {"proc/self/cgroup": "0::/box\n", "sys/fs/cgroup/box/memory.max": str(100 << 20)}
    boxed = HostFs(trees.write(tmp_path / "b", {**tree, **group}))
    assert process_limit_bytes(1 << 30, boxed) == int(0.9 * (100 << 20))


def test_the_limit_is_recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = WorkerFailure(Verdict("crashed", "SIGSEGV"), "")
    own = prepared(timeout_s=33.0, memory_bytes=44 << 20)
    for run in (usual, lambda _job: broken):
        ((record,), _) = records(monkeypatch, tmp_path, [own], run)
        assert record.details["limits"] == {"timeout_s": 33.0, "memory_bytes": 44 << 20}


def test_the_limit_is_looked_at_the_more_often_the_nearer(monkeypatch: pytest.MonkeyPatch) -> None:
    limit, gib = 100 << 30, 1 << 30
    for held, pause_s in ((0, 2.0), (limit - 4 * gib, 2.0), (limit - 2 * gib, 1.0), (limit - gib, 0.5), (limit, 0.02)):
        child: Any = Sleeping()
        with monkeypatch.context() as patch:
            watch = Stopwatch(patch, ends_after_s=pause_s / 2, held=lambda _s, held=held: held)
            assert worker_process.supervise(child, 1000.0, limit) is None
        assert watch.pauses == [pytest.approx(pause_s)]


def test_the_measured_process_goes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    root = trees.write(tmp_path / "tree", {"proc/self/oom_score_adj": "0"})
    with monkeypatch.context() as patch:
        files_below(patch, setup, root)
        setup.raise_oom_score()
    assert (root / "proc/self/oom_score_adj").read_text() == "1000"
    set_limits: list[Any] = []
    monkeypatch.setattr(os_counters.resource, "setrlimit", lambda *limits: set_limits.append(limits))
    machine = Machine()
    in_process(monkeypatch, tmp_path / "job", machine, Scripted(machine))
    assert machine.events.index("die first") < machine.events.index("import")
    assert set_limits == []
