"""The promises of docs/protocol.md on the processes of a case: number, order, CPUs and threads."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness import stats
from harness.core import plugins
from harness.core.case import Case
from harness.core.hostfs import HostFs
from harness.core.quantity import Value
from harness.core.scenario import Load
from harness.core.verdict import Verdict
from harness.host import resource_limits
from harness.measure.metrics import latency_metrics
from harness.measure.passes import latency, worker_process
from harness.measure.passes.latency import CaseState
from harness.measure.passes.thermal import ThrottleWatch
from harness.measure.passes.worker_process import Answer, WorkerFailure
from harness.measure.presets import Profile, profile
from harness.measure.protocol import Job, Loop
from harness.measure.worker import latency as timing
from harness.measure.worker import loop, os_counters
from harness.measure.worker.loop import LoopPlan
from harness.runtimes.base import Options, SessionError
from tests import trees
from tests.protocol.protocol_helpers import (
    LEVELS,
    LOOKS,
    MOBILENET,
    ROOT,
    Sensor,
    Sleeping,
    plain_width,
    planned,
    scored,
)
from tests.protocol.scripted import (
    MS,
    SECOND,
    US,
    Blobs,
    Machine,
    Scripted,
    answer,
    in_process,
    judged,
    measure,
    on_cpus,
    prepared,
    records,
    state_of,
    steady,
)

# --- Latency: processes -----------------------------------------------------------------------------------------------


def processes_of(
    patch: pytest.MonkeyPatch, how: Profile, medians: Callable[[int], float]
) -> tuple[CaseState, list[Job]]:
    """One case whose n-th process, from 0, has the n-th median; and its jobs."""
    count = iter(range(1000))
    (state,), jobs = measure(patch, [prepared()], how, lambda _job: answer(steady(medians(next(count)))))
    return state, jobs


def check_profile(patch: pytest.MonkeyPatch, name: str, few: int, many: int, expected: Loop, half_width: float) -> None:
    """From `few` processes that agree to `many` that do not; each with the loop that is expected."""
    how = profile(name)
    alike, jobs = processes_of(patch, how, lambda _n: 2 * MS)
    unlike, _ = processes_of(patch, how, lambda n: 2 * MS * (1 + n % 3))
    assert (len(alike.runs), len(unlike.runs)) == (few, many)
    assert jobs[0].loop == jobs[1 % len(jobs)].loop == expected
    assert how.half_width == half_width


def test_profile_smoke(monkeypatch: pytest.MonkeyPatch) -> None:
    check_profile(monkeypatch, "smoke", 1, 1, Loop(2, 0, 5, 0), 1.0)
    assert judged(state_of([answer()]), "smoke").status == "untimed"


def test_profile_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    check_profile(monkeypatch, "quick", 3, 3, Loop(5, 80 * MS, 20, 250 * MS), 0.05)


def test_profile_standard(monkeypatch: pytest.MonkeyPatch) -> None:
    check_profile(monkeypatch, "standard", 5, 10, Loop(10, 500 * MS, 100, SECOND), 0.02)


def test_profile_full(monkeypatch: pytest.MonkeyPatch) -> None:
    check_profile(monkeypatch, "full", 5, 20, Loop(20, SECOND, 200, 2 * SECOND), 0.01)


@pytest.mark.parametrize("plan", [LoopPlan(20, 250 * MS, 10**6), LoopPlan(20, 5 * MS, 10**6), LoopPlan(20, 0, 7)])
def test_loops_last_until_both_bounds_are_reached(plan: LoopPlan) -> None:
    machine = Machine()
    samples = loop.run(Scripted(machine), [{"x": np.zeros(4)}], plan, machine.wall)
    assert len(samples.wall_ns) == min(plan.max_n, max(plan.min_n, plan.min_ns // MS))


def test_each_process_is_a_fresh_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: list[Any] = []

    class Child:
        returncode = 0

        def __init__(self, command: Sequence[str], cwd: Path, **how: Any) -> None:
            started.append((command, how))
            self.pid = len(started)
            (cwd / "result.json").write_text(json.dumps(answer().result))
            np.savez(cwd / "arrays.npz", **answer().arrays)  # type: ignore[arg-type]

        def kill(self) -> None: ...
        def wait(self) -> int:
            return 0

    monkeypatch.setattr(subprocess, "Popen", Child)
    monkeypatch.setattr(worker_process, "supervise", lambda *_: None)
    state = CaseState(prepared())
    how = latency.LatencyPass(profile("quick"), Blobs(), tmp_path, 0)
    assert list(how.measure([state])) == [1, 2, 3]
    assert len(started) == len(state.runs) == 3
    for command, options in started:
        assert command[:2] == [sys.executable, "-m"], "a Python of its own, not a fork"
        assert options["start_new_session"] is True


@pytest.mark.parametrize(
    ("name", "seed", "spread", "n"),
    [
        *(("full", *each) for each in ((0, 0.002, 5), (2, 0.004, 7), (2, 0.006, 10), (2, 0.01, 14), (1, 0.02, 20))),
        *(("standard", *each) for each in ((0, 0.004, 5), (2, 0.008, 7), (2, 0.01, 10))),
    ],
)
def test_looks_are_planned(monkeypatch: pytest.MonkeyPatch, name: str, seed: int, spread: float, n: int) -> None:
    """But for 5 and the last look there is a number before at which a plain interval would be narrow enough."""
    how = profile(name)
    noise = np.random.default_rng(seed).standard_normal(20)
    medians = [2 * MS * math.exp(spread * each) for each in noise]
    state, _ = processes_of(monkeypatch, how, lambda place: medians[place])
    assert len(state.runs) == n
    narrow = [each for each in range(5, how.max_processes) if plain_width(medians[:each], 0.95) <= how.half_width]
    assert n == 5 or min(narrow) < n
    by_then = [each for each in LOOKS if each < how.max_processes and each <= n]
    widths = {each: plain_width(medians[:each], LEVELS[each]) for each in by_then}
    assert [each for each, width in widths.items() if width <= how.half_width] == [n] * (n < how.max_processes)


def test_error_is_spent_over_the_looks() -> None:
    assert [round(level, 3) for level in LEVELS.values()] == [0.982, 0.994, 0.993, 0.992, 0.989]
    assert sum(1 - level for level in LEVELS.values()) == pytest.approx(0.05)
    medians = [2 * MS * (1 + 0.01 * math.sin(5 * n)) for n in range(20)]
    for name, n, level in [
        *(("full", n, level) for n, level in LEVELS.items()),
        *(("standard", n, LEVELS[n]) for n in (5, 7, 10)),
        ("full", 6, 0.95),
        ("quick", 3, 0.95),
    ]:
        state = state_of([answer(steady(each)) for each in medians[:n]], how=name)
        found = latency_metrics(state, profile(name))["latency_p50_ns"]
        assert isinstance(found, Value)
        expected = stats.median_interval(state.wall_ns, level)
        other = stats.median_interval(state.wall_ns, level - 0.01)
        assert found.lo is not None
        assert found.hi is not None
        width = found.hi - found.lo
        assert width == pytest.approx(expected.hi - expected.lo, rel=1e-9), (name, n)
        assert width > other.hi - other.lo, (name, n)


def test_pilots_size_the_later_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("standard", "full"):
        base = profile(name).loop
        alike, jobs = processes_of(monkeypatch, profile(name), lambda _n: 2 * MS)
        assert len(alike.runs) == 5
        assert [job.loop for job in jobs[:2]] == [base, base]
        most = 4 * base.min_ns // (2 * MS)
        assert [job.loop.min_n for job in jobs[2:] if job.loop] == [pytest.approx(most, rel=0.001)] * 3
        assert all(job.loop and dataclasses.replace(job.loop, min_n=base.min_n) == base for job in jobs)
    _, jobs = processes_of(monkeypatch, profile("standard"), lambda n: 2 * MS * (1 + n % 2))
    assert jobs[2].loop == profile("standard").loop, "where processes differ much, more inferences are no better buy"
    _, jobs = processes_of(monkeypatch, profile("quick"), lambda _n: 2 * MS)
    assert {job.loop for job in jobs} == {profile("quick").loop}


def test_later_processes_of_full_are_worth_100(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    drift = np.convolve(random.standard_normal(1400), np.ones(60) / 60, "valid")[:1300]  # one worth in about forty
    walls = iter([np.rint(100 * US * (n + 1) * np.exp(0.02 * drift)).astype(np.int64) for n in range(20)])
    (_,), jobs = measure(monkeypatch, [prepared()], profile("full"), lambda _job: answer(next(walls)))
    sized = jobs[2].loop
    assert sized
    worth = stats.iterations_worth(100.0, [np.exp(0.02 * drift)])
    assert worth > 4 * profile("full").loop.min_n, "so that the promise is what decides"
    assert sized.min_n == pytest.approx(worth, rel=0.01)


def test_a_failed_case_is_not_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = WorkerFailure(Verdict("crashed", "SIGSEGV"), "")
    block = [prepared(Case("m", setting, "null")) for setting in ("good", "bad")]
    states, jobs = measure(
        monkeypatch, block, profile("quick"), lambda job: broken if "bad" in job.model else answer(steady())
    )
    assert ["bad" in job.model for job in jobs].count(True) == 1
    assert len(states[0].runs) == 3
    assert states[1].failure is broken


# --- Latency: order ---------------------------------------------------------------------------------------------------


def order_of(patch: pytest.MonkeyPatch, seed: int, n: int = 5) -> list[list[str]]:
    """The model files of `n` cases in the order in which their processes ran: a list for each round."""
    block = [prepared(Case("m", f"setting{index}", "null")) for index in range(n)]
    _, jobs = measure(patch, block, profile("quick"), lambda _job: answer(), seed)
    ran = [Path(job.model).stem for job in jobs]
    return [ran[start : start + n] for start in range(0, len(ran), n)]


def test_processes_run_in_random_order(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [order_of(monkeypatch, seed) for seed in range(20)]
    rounds = [one for run in runs for one in run]
    names = sorted(rounds[0])
    assert len(rounds) == 20 * 3
    assert all(sorted(one) == names for one in rounds), "every case runs once in each round"
    assert all({one[place] for one in rounds} == set(names) for place in range(5)), "every case comes at every place"
    assert all(any(one != run[0] for one in run) for run in runs), "the order is drawn anew for each round"
    assert order_of(monkeypatch, seed=3) == runs[3], "the seed decides"


def test_order_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    block = [prepared(Case("m", f"setting{index}", "null")) for index in range(3)]
    states, jobs = measure(monkeypatch, block, profile("quick"), lambda _job: answer())
    recorded = {run.order: state.prepared.artifact.path.stem for state in states for run in state.runs}
    assert [recorded[place] for place in range(9)] == [Path(job.model).stem for job in jobs]


# --- Latency: CPUs and threads ----------------------------------------------------------------------------------------


class Opened(Exception):
    """A library that is not needed any further."""


def onnxruntime_threads(patch: pytest.MonkeyPatch, _folder: Path, options: Options) -> int:
    import onnxruntime

    opened: list[Any] = []
    original = onnxruntime.InferenceSession

    def session(path: str, settings: Any, **how: Any) -> Any:
        opened.append(settings)
        return original(path, settings, **how)

    patch.setattr(onnxruntime, "InferenceSession", session)
    plugins.load("runtimes", "onnxruntime-cpu").open(MOBILENET / "fp32.onnx", options)
    (settings,) = opened
    assert settings.inter_op_num_threads == 1
    assert settings.execution_mode == onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    assert settings.graph_optimization_level == onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return int(settings.intra_op_num_threads)


def litert_threads(patch: pytest.MonkeyPatch, _folder: Path, options: Options) -> int:
    from harness.runtimes.litert import adapter

    def made(*, num_threads: int, **_how: Any) -> Any:
        seen.append(num_threads)
        raise Opened

    seen: list[int] = []
    patch.setattr(adapter, "_interpreter_module", lambda _library: SimpleNamespace(Interpreter=made))
    with pytest.raises(SessionError):
        adapter.XNNPACK.open(MOBILENET / "fp32.tflite", options)
    return seen[0]


def openvino_threads(_patch: pytest.MonkeyPatch, _folder: Path, options: Options) -> int:
    from harness.runtimes.openvino.adapter import CPU

    told = CPU.open(MOBILENET / "fp32.onnx", options).info()
    if options.threads <= len(os.sched_getaffinity(0)):  # OpenVINO takes no more than there are
        assert told["options"]["INFERENCE_NUM_THREADS"] == str(options.threads)
    return int(told["asked"]["INFERENCE_NUM_THREADS"])


def ncnn_threads(_patch: pytest.MonkeyPatch, folder: Path, options: Options) -> int:
    from harness.runtimes.ncnn.adapter import CPU

    layers = ("Input in0 0 1 in0 0=5 1=4 2=2", "ReLU relu 1 1 in0 out0")
    (folder / "net.param").write_text("\n".join(("7767517", "2 2", *layers, "")))
    (folder / "net.bin").write_bytes(b"")
    return int(CPU.open(folder / "net.param", options).info()["threads"])


def mnn_threads(_patch: pytest.MonkeyPatch, folder: Path, options: Options) -> int:
    from harness.runtimes.mnn.adapter import MnnSession

    def create_session(config: dict[str, Any]) -> None:
        seen.append(config)
        raise Opened

    seen: list[dict[str, Any]] = []
    library = SimpleNamespace(Interpreter=lambda _path: SimpleNamespace(createSession=create_session))
    with pytest.raises(Opened):
        MnnSession(library, folder, {"precision": 1}, options)
    return int(seen[0]["numThread"])


def torchscript_threads(patch: pytest.MonkeyPatch, folder: Path, options: Options) -> int:
    from harness.runtimes.torch import torchscript

    seen: list[int] = []
    patch.setitem(sys.modules, "torch", SimpleNamespace(set_num_threads=seen.append))
    patch.setattr(torchscript, "_load", lambda _path: (_ for _ in ()).throw(Opened))
    with pytest.raises(Opened):
        torchscript.TorchScriptSession(folder, options)
    return seen[0]


READ_BACK = {
    "onnxruntime": onnxruntime_threads,
    "litert": litert_threads,
    "openvino": openvino_threads,
    "ncnn": ncnn_threads,
    "mnn": mnn_threads,
    "torchscript": torchscript_threads,
}


NEEDS = {"onnxruntime": "onnxruntime", "openvino": "openvino", "ncnn": "ncnn"}


@pytest.mark.parametrize("runtime", READ_BACK)
def test_runtime_gets_the_cases_threads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, runtime: str) -> None:
    if runtime in NEEDS:
        pytest.importorskip(NEEDS[runtime])
    for threads in (1, 2, 3):
        (case,) = planned([Case("m", "fp32", "null", threads=threads)]).prepared
        case.job("latency", tmp_path, 0).write(tmp_path / "job.json")
        with monkeypatch.context() as patch:
            assert READ_BACK[runtime](patch, tmp_path, Job.read(tmp_path / "job.json").options) == threads


def test_pinned_to_as_many_cpus_as_threads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    streams = Case("m", "fp32", "null", threads=2, scenario="Offline", load=Load(streams=2))
    cases = [Case("m", "fp32", "null", threads=n) for n in (1, 2, 3)] + [streams]
    plan = planned(cases)
    assert [each.cpus for each in plan.prepared] == [(3,), (3, 1), (3, 1, 2), (3, 1, 2, 0)]
    _, jobs = measure(monkeypatch, [plan.prepared[1]], profile("smoke"), lambda _job: answer())
    jobs[0].write(tmp_path / "job.json")
    assert Job.read(tmp_path / "job.json").affinity == (3, 1)
    machine = Machine()
    on_cpus(monkeypatch, machine, {0, 1, 2, 3})
    result, _ = in_process(monkeypatch, tmp_path, machine, Scripted(machine), affinity=(3, 1))
    assert result["affinity"] == [1, 3]


def test_pinned_before_the_runtime_is_imported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = Machine()
    on_cpus(monkeypatch, machine, {0, 1, 2, 3})
    in_process(monkeypatch, tmp_path, machine, Scripted(machine), affinity=(2, 3))
    order = [event for event in machine.events if event.startswith(("pin", "import", "load", "infer"))]
    assert order[:4] == ["pin [2, 3]", "import", "load", "infer"]


def test_cpus_are_chosen_in_order(tmp_path: Path) -> None:
    base = "sys/devices/system/cpu/cpu"
    tree: dict[str, Any] = {}
    for cpu in range(8):
        tree[f"{base}{cpu}/cpu_capacity"] = 1024 if cpu < 6 else 400
        tree[f"{base}{cpu}/topology/thread_siblings_list"] = f"{cpu - cpu % 2}-{cpu - cpu % 2 + 1}"
    fs = HostFs(trees.write(tmp_path, tree))
    assert resource_limits.pinning_order(range(8), (), fs) == (2, 4, 0, 1, 3, 5, 6, 7)
    assert resource_limits.pinning_order(range(8), (7, 0), fs)[:2] == (0, 7)
    assert set(resource_limits.pinning_order(range(8), (7, 0), fs)[:2]) == {0, 7}
    assert resource_limits.pinning_order({1, 6, 7}, (), fs) == (1, 6, 7)


def threads(*cpu_ns: int) -> dict[int, os_counters.ThreadTimes]:
    return {number: os_counters.ThreadTimes(ns, 0) for number, ns in enumerate(cpu_ns, 1)}


def test_kernels_account_of_cpus_and_threads_is_recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    looks = iter(
        [
            os_counters.Snapshot(0, 0, 5, 7, 0, threads(0, 1000, 0)),
            os_counters.Snapshot(SECOND, SECOND, 8, 16, 0, threads(SECOND, 1000 + 51 * MS, 49 * MS, 500 * MS)),
        ]
    )
    machine = Machine()

    def look() -> os_counters.Snapshot:
        machine.events.append("look")
        return next(looks)

    monkeypatch.setattr(timing, "snapshot", look)
    on_cpus(monkeypatch, machine, {1, 2})
    monkeypatch.setattr(os, "scandir", lambda _path: iter(range(6)))
    result, _ = in_process(monkeypatch, tmp_path, machine, Scripted(machine))
    assert result["affinity"] == [1, 2]
    assert result["os_threads"] == 6
    assert result["busy_threads"] == 3
    assert (result["involuntary_switches"], result["voluntary_switches"]) == (3, 9)
    events = [event for event in machine.events if event in ("loop", "end of loop", "look")]
    assert events == ["loop", "end of loop", "look", "loop", "end of loop", "look", "loop", "end of loop"]


def test_a_cpu_that_cannot_be_had_is_unsupported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = Machine()
    on_cpus(monkeypatch, machine, {0, 1})
    result, _ = in_process(monkeypatch, tmp_path, machine, Scripted(machine), affinity=(1, 2))
    assert result["error"] == "unsupported"
    assert "could not be pinned to CPU 1, 2: the kernel gave [0, 1]" in result["message"]
    assert "infer" not in machine.events


def test_accuracy_is_not_pinned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _, jobs = records(monkeypatch, tmp_path, [scored(cpus=(1, 2))])
    pinned = {job.phase: job.affinity for job in jobs}
    assert pinned == {"latency": (1, 2), "probe": (), "accuracy": ()}


@contextmanager
def pidfd(patch: pytest.MonkeyPatch, held: Sequence[int] = ()) -> Iterator[list[float]]:
    """A kernel with pidfds: the pauses of the parent; the child ends in the last of as many as `held` says, or one."""
    pauses: list[float] = []
    sizes = iter(held)

    def select(read: Sequence[int], _write: Any, _error: Any, pause_s: float) -> tuple[list[int], list[int], list[int]]:
        pauses.append(pause_s)
        return (list(read) if len(pauses) >= max(1, len(held)) else []), [], []

    with patch.context() as during:
        during.setattr(worker_process.os, "pidfd_open", lambda _pid: os.open(os.devnull, os.O_RDONLY), raising=False)
        during.setattr(worker_process.select, "select", select)
        during.setattr(worker_process, "current_rss_bytes", lambda _pid: next(sizes))
        yield pauses


def test_parent_sleeps_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    child: Any = Sleeping()
    with pidfd(monkeypatch) as pauses:
        assert worker_process.supervise(child, 1000.0, None) is None
    assert pauses == [pytest.approx(1000.0, rel=0.1)], "it sleeps once, for as long as it may"
    assert child.waits == [None], "Popen.wait with a time-out would poll"
    with pidfd(monkeypatch, [0, 0, 0]) as pauses:
        assert worker_process.supervise(child, 1000.0, 1 << 40) is None
    assert pauses == [2.0, 2.0, 2.0]


def test_no_sensor_is_read_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    sensor = Sensor(events)
    watched: list[Any] = []

    def run(_job: Job) -> Answer:
        events.append("process")
        return answer()

    monkeypatch.setattr(latency, "ThermalWatch", lambda *arguments: watched.append(arguments))
    watch = ThrottleWatch([sensor], ["cpu-throttle/*"])
    measure(monkeypatch, [prepared()], profile("quick"), run, sensors=[sensor], throttle=watch)
    assert events == ["read", "process", "read"] * 3
    assert watched == []


def test_child_imports_numpy_and_the_runtime(tmp_path: Path) -> None:
    script = """
import json, sys
from pathlib import Path
before = {name.partition(".")[0] for name in sys.modules}
from harness.measure.worker import __main__ as worker
from harness.measure.protocol import Job, Loop
Job("latency", "harness.runtimes.null:null", "m.onnx", ".", loop=Loop(1, 0, 1, 0)).write(Path("job.json"))
assert worker.main(["job.json"]) == 0, Path("result.json").read_text()
packages = {name.partition(".")[0] for name in sys.modules} - before - set(sys.stdlib_module_names)
print(json.dumps([sorted(packages), sorted(name for name in sys.modules if name.startswith("harness."))]))
"""
    here = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=here, capture_output=True, text=True, check=True)
    packages, ours = json.loads(done.stdout)
    own = [name for name in packages if "cython" not in name]  # NumPy's random numbers bring it
    assert own == ["harness", "numpy"]
    rooms = {".".join(name.split(".")[:2]) for name in ours}
    assert rooms == {"harness.core", "harness.measure", "harness.runtimes"}, "no sensor, no store, no statistics"
