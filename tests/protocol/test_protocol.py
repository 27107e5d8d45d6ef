"""The promises of docs/protocol.md, one test each, in the page's order: see docs/promises.md."""

from __future__ import annotations

import argparse
import dataclasses
import gc
import importlib
import importlib.util
import inspect
import json
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pandas
import pytest

from harness import stats
from harness.cli import _output
from harness.cli import run as cli_run
from harness.cli.run import exit_code
from harness.core import plugins
from harness.core.artifact import Artifact, Preprocess
from harness.core.case import Case
from harness.core.errors import SetupError, UsageError
from harness.core.execution import FROM_FILE
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing, Quantity, Value
from harness.core.record import Record
from harness.core.scenario import Load
from harness.core.sensing import Channel, Reading
from harness.core.target import PowerTotal, Target, TargetLimits
from harness.core.verdict import TRUSTED, Finding, Status, Verdict
from harness.host import resource_limits
from harness.host.resource_limits import ResourceLimits, process_limit_bytes
from harness.measure import block
from harness.measure.metrics import latency_metrics
from harness.measure.passes import diagnostics, energy, latency, worker_process
from harness.measure.passes.diagnostics import diagnose
from harness.measure.passes.energy import EnergyPass
from harness.measure.passes.latency import CaseState
from harness.measure.passes.thermal import ThrottleWatch
from harness.measure.passes.worker_process import Answer, WorkerFailure
from harness.measure.presets import Profile, profile
from harness.measure.protocol import Job, LabelledData, Loop
from harness.measure.selfcheck import checks
from harness.measure.verdicts import contended
from harness.measure.verdicts import verdict as verdict_of
from harness.measure.worker import __main__, control, loop, os_counters, setup
from harness.measure.worker import latency as timing
from harness.measure.worker.loop import LoopPlan
from harness.measure.worker.scenarios import ScenarioContext
from harness.runs.config import RunConfig
from harness.runs.preparation import CasePreparer, EvaluationData, Preparation
from harness.runs.session import RunSession
from harness.runtimes.base import Adapter, Options, Session, SessionError, TensorSpec
from harness.runtimes.graph_counts import Counts, Graph, Node, count
from harness.runtimes.null import NullSession
from harness.runtimes.onnxruntime import counts, profiler
from harness.runtimes.torch import executorch
from harness.runtimes.torch.executorch import ExecuTorchSession
from harness.runtimes.torch.torchscript import TorchScriptSession
from harness.sensors.board_power import PowerSource
from harness.sensors.sampler import Series, Traces
from harness.stats import output_quality
from harness.store.frame import record_table
from harness.store.runfolder import RunFolder
from reports.data import gather
from reports.recommend import front
from reports.sections import cases as cases_section
from reports.sections import verdict as verdict_section
from suites.artifacts import catalog
from suites.artifacts.synthetic.check import check
from suites.artifacts.synthetic.files import available
from suites.user_model import UserModel
from tests import factory, onnx_bytes, trees
from tests.fakes.plans import plan_of
from tests.protocol.scripted import (
    MS,
    NO_SENSOR,
    PLAIN,
    SECOND,
    US,
    Blobs,
    Machine,
    Scripted,
    accuracy_answer,
    answer,
    in_process,
    judged,
    measure,
    on_cpus,
    prepared,
    probe_answer,
    records,
    replace_workers,
    state_of,
    steady,
    usual,
)

ROOT = Path(__file__).parents[2]
LOOKS = (5, 7, 10, 14, 20)
SPENT = {n: 0.05 * math.log1p((math.e - 1) * n / 20) for n in (0, *LOOKS)}
LEVELS = {n: 1 - (SPENT[n] - SPENT[before]) for before, n in zip((0, *LOOKS), LOOKS, strict=False)}


def number(quantity: Quantity) -> float:
    assert isinstance(quantity, Value), quantity
    return quantity.value


def reason(quantity: Quantity) -> str:
    assert isinstance(quantity, Missing), quantity
    return quantity.reason


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
    verdict = judged(state_of([answer()]), "smoke")
    assert (verdict.status, verdict.reason) == ("imprecise", "one process gives no interval")


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


def plain_width(medians: Sequence[float], level: float) -> float:
    found = stats.median_interval([[each] for each in medians], level)
    return (found.hi - found.lo) / 2 / found.mid


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


# --- Latency: in the process ------------------------------------------------------------------------------------------


def part(events: Sequence[str], number_of_loop: int) -> list[str]:
    """The events of the n-th loop of a process, from 0: warm-up, timed loop, one input repeated."""
    starts = [place for place, event in enumerate(events) if event == "loop"]
    start = starts[number_of_loop]
    return list(events[start + 1 : events.index("end of loop", start)])


def falling(first_ns: int, warm_ns: int, then_ns: int) -> Callable[[int], int]:
    """The first inference, three of the warm-up, and all that follow."""
    return lambda n: first_ns if n == 0 else warm_ns if n <= 3 else then_ns


def test_phases_are_timed_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = Machine()
    session = Scripted(machine, falling(13 * MS, 3 * MS, MS))
    result, arrays = in_process(monkeypatch, tmp_path, machine, session)
    assert (result["import_ns"], result["load_ns"], result["first_inference_ns"]) == (70 * MS, 30 * MS, 13 * MS)
    assert arrays["warmup_ns"].tolist() == [3 * MS] * 3
    assert arrays["wall_ns"].tolist() == [MS] * 40
    order = [event for event in machine.events if event in ("import", "load", "infer", "loop")]
    assert order[:4] == ["import", "load", "infer", "loop"]
    assert [part(machine.events, n).count("infer") for n in (0, 1)] == [3, 40]
    assert result["ended_ns"] - result["started_ns"] == 40 * MS


def test_cold_start_is_the_sum_of_the_phases(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = Machine()
    monkeypatch.setattr(__main__, "_FIRST_LINE_NS", 9 * MS)
    session = Scripted(machine, falling(13 * MS, 3 * MS, MS))
    result, _ = in_process(monkeypatch, tmp_path, machine, session, spawned_ns=4 * MS)
    assert result["spawn_ns"] == 5 * MS
    times = ("spawn_ns", "import_ns", "load_ns", "first_inference_ns")
    told = [(1, 20, 300, 4000), (2, 90, 200, 9000), (9, 30, 100, 5000)]
    state = state_of([answer(**dict(zip(times, each, strict=True))) for each in told])
    found = latency_metrics(state, profile("quick"))
    assert found["cold_start_ns"] == Value(5139, n=3)
    assert found["load_ns"] == Value(200, n=3)
    assert found["first_inference_ns"] == Value(5000, n=3)


def test_warm_up_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = Machine()
    result, arrays = in_process(monkeypatch, tmp_path, machine, Scripted(machine, falling(900 * MS, 90 * MS, MS)))
    state = state_of([Answer(result, arrays)], how="smoke")
    (run,) = state.runs
    assert (run.n_warmup, run.n_timed) == (3, 40)
    found = latency_metrics(state, profile("smoke"))
    for name in ("latency_p50_ns", "cpu_time_p50_ns"):
        assert number(found[name]) == MS
    assert number(found["throughput_per_s"]) == pytest.approx(1000)
    assert number(found["n_inferences"]) == 40


def test_what_precedes_the_steady_state_joins_the_warm_up() -> None:
    wall = np.concatenate([steady(3 * MS, 100), steady(2 * MS, 400)])
    blobs = Blobs()
    state = state_of([answer(wall, warmup_ns=[7 * MS])], blobs=blobs)
    (run,), (kept,) = state.runs, blobs.kept
    assert (run.n_warmup, run.n_timed, run.unsteady) == (101, 400, "")
    assert run.median_ns == pytest.approx(2 * MS, rel=0.001)
    assert kept["warmup_ns"].tolist() == [7 * MS, *wall[:100]]
    assert kept["wall_ns"].tolist() == wall[100:].tolist() == state.wall_ns[0].tolist()
    assert len(kept["cpu_ns"]) == len(state.cpu_ns[0]) == 400
    assert number(latency_metrics(state, profile("smoke"))["latency_p50_ns"]) == pytest.approx(2 * MS, rel=0.001)


def stepped(at: int, by: float) -> Any:
    """400 samples whose level changes by a share."""
    return np.concatenate([steady(2 * MS, at), steady(2 * MS * (1 + by), 400 - at)])


@pytest.mark.parametrize(("name", "allowed"), [("quick", 0.05), ("standard", 0.02), ("full", 0.01)])
def test_levels_of_a_steady_state_may_differ_by_1_percent(name: str, allowed: float) -> None:
    for by in (allowed + 0.006, -allowed - 0.006):
        late, early = (state_of([answer(stepped(at, by))], how=name).runs[0] for at in (300, 100))
        assert "the level still moves" in late.unsteady, "in the last half"
        assert (early.unsteady, early.n_timed) == ("", 300)
    (run,) = state_of([answer(stepped(300, allowed - 0.006))], how=name).runs
    assert (run.unsteady, run.n_timed) == ("", 400)


def test_an_unsteady_process_keeps_its_samples() -> None:
    blobs = Blobs()
    wall = stepped(300, 0.5)
    state = state_of([answer(wall)], blobs=blobs)
    (run,) = state.runs
    assert run.unsteady
    assert (run.n_timed, run.n_warmup) == (400, 1)
    assert state.wall_ns[0].tolist() == blobs.kept[0]["wall_ns"].tolist() == wall.tolist()


def test_inputs_rotate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = Machine()
    session = Scripted(machine)
    in_process(monkeypatch, tmp_path, machine, session)
    timed = session.prepared[1 + 3 : 1 + 3 + 40]
    assert timed == [n % 8 for n in range(40)]
    assert len({array.tobytes() for array in session.arrays}) == 8


def test_inputs_are_images_or_seeded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = []
    for seed in (1, 1, 2):
        machine = Machine()
        session = Scripted(machine)
        in_process(monkeypatch, tmp_path, machine, session, seed=seed)
        seen.append(np.stack(session.arrays))
    assert np.array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[0], seen[2])
    assert seen[0].shape == (8, *Scripted.inputs[0].shape)
    how = Preprocess(channels=1, scale=51.0, mean=(1.0,), std=(2.0,))
    labelled = LabelledData("idx", str(ROOT / "suites" / "data" / "fashion-mnist"), how)
    images = [image for image, _ in latency.open_dataset("idx", Path(labelled.path)).items(9)]
    shown: list[Any] = []

    def keep(job: Job) -> Answer:
        shown.append(np.load(job.feeds or ""))
        return answer()

    measure(monkeypatch, [prepared(labelled=labelled)], profile("smoke"), keep, scratch=tmp_path)
    assert shown[0].shape == (8, 1, 28, 28)
    for row, image in zip(shown[0], images, strict=False):
        assert row.ravel() == pytest.approx(((np.asarray(image, float) / 51.0 - 1.0) / 2.0).ravel(), abs=1e-5)
    machine = Machine()
    session = Scripted(machine)
    given = np.arange(32, dtype=np.float32).reshape(8, 4)
    np.save(tmp_path / "feeds.npy", given)
    in_process(monkeypatch, tmp_path, machine, session, feeds=str(tmp_path / "feeds.npy"))
    assert np.array_equal(np.concatenate(session.arrays), given)


def test_inputs_are_copied_before_the_clock_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = Machine()
    result, arrays = in_process(monkeypatch, tmp_path, machine, Scripted(machine, prepare_ns=9 * MS))
    assert set(arrays["wall_ns"]) == set(arrays["cpu_ns"]) == {MS}
    assert result["first_inference_ns"] == MS
    once = [event for event in part(machine.events, 1) if event in ("prepare", "infer")]
    assert once == ["prepare", "infer"] * 40


def test_clock_stops_when_outputs_are_complete(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from harness.runtimes.tensorrt.adapter import GPU
    from tests.fakes.tensorrt import Fake

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    fake = Fake().install(monkeypatch)
    layers = [["CONVOLUTION", "FLOAT"]]
    (tmp_path / "m.onnx").write_text(json.dumps({"inputs": {"x": [1, 4]}, "layers": layers}))
    session = GPU.open(tmp_path / "m.onnx", Options())
    session.prepare({"x": np.float32([[1, 2, 3, 4]])})
    before = len(fake.calls)
    session.infer()
    calls = [call[0] for call in fake.calls[before:]]
    assert calls == ["cudaMemcpyAsync", "execute_async_v3", "cudaMemcpyAsync", "cudaStreamSynchronize"]
    before = len(fake.calls)
    assert session.fetch()["y"].tolist() == [[2, 4, 6, 8]]
    assert len(fake.calls) == before, "nothing is left to be done when the clock has stopped"


def test_clock_is_read_directly_around_the_call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = Machine()
    in_process(monkeypatch, tmp_path, machine, Scripted(machine))
    events = part(machine.events, 1)
    once = ["prepare", "thread", "wall", "infer", "wall", "thread"]
    start = events.index("prepare")
    assert events[start : start + 40 * 6] == once * 40
    for function in (loop.run, loop.timed):
        assert inspect.signature(function).parameters["clock"].default is loop.time.perf_counter_ns
    assert ScenarioContext._field_defaults["now"] is loop.time.perf_counter_ns


def test_collector_is_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = Machine()
    session = Scripted(machine)
    result, _ = in_process(monkeypatch, tmp_path, machine, session)
    assert set(session.collecting[1:]) == {False}
    assert len(session.collecting) > 40
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    assert result["gc_frozen"] > 1000


def test_loop_allocates_nothing() -> None:
    n = 3000
    machine = Machine()
    blocks = np.zeros(n, np.int64)

    class Counting(Scripted):
        def infer(self) -> None:
            machine.wall_ns += 123_456_789  # no small number that Python keeps anyway
            machine.events.clear()
            blocks[self.n] = sys.getallocatedblocks()
            self.n += 1

        def prepare(self, batch: Any) -> None: ...

        n = 0

    samples = loop.run(Counting(machine), [{"x": np.zeros(4)}], LoopPlan(n, 0, n), machine.wall)
    assert len(samples.wall_ns) == n
    assert blocks[-1] - blocks[10] < n / 10, "each number that is kept takes a block"


def test_short_inferences_are_timed_several_at_a_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for once_ns, calls in [(49 * US, 2), (50 * US, 1), (20 * US, 3), (10 * US, 5), (MS, 1)]:
        machine = Machine()
        session = Scripted(machine, lambda _n, once_ns=once_ns: once_ns)
        result, arrays = in_process(monkeypatch, tmp_path / str(once_ns), machine, session)
        assert result["calls_per_sample"] == calls, once_ns
        assert part(machine.events, 1).count("infer") == result["inferences"] == 40 * calls
        assert arrays["wall_ns"].tolist() == arrays["cpu_ns"].tolist() == [once_ns] * 40


def test_one_input_is_repeated_afterwards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for remembers, ratio in ((True, 0.5), (False, 1.0)):
        machine = Machine()
        session = Scripted(machine, remembers=remembers)
        result, arrays = in_process(monkeypatch, tmp_path, machine, session)
        assert result["same_input_ratio"] == ratio
        assert set(arrays["wall_ns"]) == {MS}, "the figure itself has inputs in rotation"
        assert set(session.prepared[1 + 3 + 40 :]) == {session.prepared[-1]}
        assert len(session.prepared) == 1 + 3 + 40 + 11


def test_cpu_time_is_of_what_infers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for threads, cpu_ns in ((1, MS // 2), (2, 2 * MS)):
        machine = Machine()
        session = Scripted(machine, cpu_share=0.5, helpers=3)
        _, arrays = in_process(monkeypatch, tmp_path, machine, session, options=Options(threads))
        assert set(arrays["wall_ns"]) == {MS}
        assert set(arrays["cpu_ns"]) == {cpu_ns}, threads


def test_clock_cost_is_subtracted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for threads in (1, 2):
        machine = Machine(read_ns=1500)
        _, arrays = in_process(monkeypatch, tmp_path, machine, Scripted(machine), options=Options(threads))
        assert set(arrays["cpu_ns"]) == {MS}
    machine = Machine(read_ns=1500)
    _, arrays = in_process(monkeypatch, tmp_path, machine, Scripted(machine, cpu_share=0.0))
    assert set(arrays["cpu_ns"]) == {0}, "and never more than there is"


# --- Latency: CPUs and threads ----------------------------------------------------------------------------------------


MOBILENET = ROOT / "suites" / "artifacts" / "mobilenet_v2-0.35-32"


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
    from harness.runtimes.litert.adapter import XNNPACK

    def made(*, num_threads: int, **_how: Any) -> Any:
        seen.append(num_threads)
        raise Opened

    seen: list[int] = []
    patch.setattr(XNNPACK, "_interpreter_module", lambda: SimpleNamespace(Interpreter=made))
    with pytest.raises(SessionError):
        XNNPACK.open(MOBILENET / "fp32.tflite", options)
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


def planned(cases: Sequence[Case]) -> Preparation:
    """The plan of some cases on a machine with four CPUs to pin to, the best first."""
    room = ResourceLimits(timeout_s=33.0, memory_bytes=44 << 20, cpus=(3, 1, 2, 0))

    def find(case: Case, file_format: Any) -> Artifact:
        return dataclasses.replace(prepared(case).artifact, format=file_format)

    return CasePreparer(find, {}, room).prepare_all(cases)


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
    assert resource_limits.cpus_in_order(range(8), (), fs) == (2, 4, 0, 1, 3, 5, 6, 7)
    assert resource_limits.cpus_in_order(range(8), (7, 0), fs)[:2] == (0, 7)
    assert set(resource_limits.cpus_in_order(range(8), (7, 0), fs)[:2]) == {0, 7}
    assert resource_limits.cpus_in_order({1, 6, 7}, (), fs) == (1, 6, 7)


def test_kernels_account_of_cpus_and_threads_is_recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    looks = iter(
        [
            os_counters.Snapshot(0, 0, 5, 7, 0, {1: 0, 2: 1000, 3: 0}),
            os_counters.Snapshot(SECOND, SECOND, 8, 16, 0, {1: SECOND, 2: 1000 + 51 * MS, 3: 49 * MS, 4: 500 * MS}),
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


def scored(case: Case | None = None, **changes: Any) -> Any:
    """A case with labelled images."""
    folder = ROOT / "suites" / "data" / "fashion-mnist"
    labelled = LabelledData("idx", str(folder), Preprocess(channels=1))
    return prepared(case or Case("m", "fp32", "null", dataset="fashion-mnist"), **{"labelled": labelled, **changes})


class Sleeping:
    """A child that has ended once the parent has waited as long as it may."""

    pid = 123
    returncode = 0

    def __init__(self) -> None:
        self.waits: list[float | None] = []

    def wait(self, timeout: float | None = None) -> int:
        self.waits.append(timeout)
        return 0


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


class Sensor:
    """A sensor that notes when it is read."""

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


# --- Latency: what is recorded ----------------------------------------------------------------------------------------


def test_facts_of_each_process_are_recorded() -> None:
    facts: dict[str, Any] = {
        "involuntary_switches": 11,
        "voluntary_switches": 12,
        "cpu_pressure": 0.013,
        "os_threads": 14,
        "busy_threads": 15,
        "control_ratio": 1.016,
        "same_input_ratio": 0.97,
        "gc_frozen": 18,
        "spawn_ns": 19,
        "import_ns": 20,
        "load_ns": 21,
        "first_inference_ns": 22,
        "peak_rss_bytes": 23,
        "max_rss_bytes": 24,
        "started_ns": 25,
        "ended_ns": 26,
        "inferences": 27,
    }
    (run,) = state_of([answer(affinity=[3, 1], **facts)]).runs
    assert {name: getattr(run, name) for name in facts} == facts
    assert run.affinity == (3, 1)
    assert run.peak_rss_after_bytes == dict.fromkeys(("import", "load", "first", "steady"), 100)


def test_raw_samples_are_kept() -> None:
    blobs = Blobs()
    walls = [steady(2 * MS, 300), steady(3 * MS, 30)]
    state = state_of([answer(wall, cpu_share=0.5, warmup_ns=[7, 8]) for wall in walls], blobs=blobs)
    for number_of_process, (run, wall, kept) in enumerate(zip(state.runs, walls, blobs.kept, strict=True), 1):
        assert kept["wall_ns"].tolist() == wall.tolist()
        assert kept["cpu_ns"].tolist() == np.rint(wall * 0.5).tolist()
        assert kept["warmup_ns"].tolist() == [7, 8]
        assert run.blob.sha256 == f"{number_of_process:064x}", "the record names the blob"
        assert run.blob.n == run.n_timed == len(wall)


@pytest.mark.parametrize(("ratio", "held"), [(0.89, False), (0.90, True), (1.3, True)])
def test_same_input_test_is_recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ratio: float, held: bool) -> None:
    run = Answered(lambda n: answer(same_input_ratio=(ratio, 0.5, 2.0)[n]))
    ((record,), _) = records(monkeypatch, tmp_path, [prepared()], run)
    assert record.details["same_input"] == {"ratio": ratio, "at_least": 0.9, "held": held}


class Answered:
    """Answers the n-th latency process, from 0, as told, and all other phases as usual."""

    def __init__(self, told: Callable[[int], Answer | WorkerFailure]) -> None:
        self._told, self._n = told, 0

    def __call__(self, job: Job) -> Answer | WorkerFailure:
        if job.phase != "latency":
            return usual(job)
        self._n += 1
        return self._told(self._n - 1)


def test_same_input_test_is_in_the_reason() -> None:
    flattered = judged(state_of([answer(same_input_ratio=0.7)] * 3))
    assert flattered.status == "precise"
    assert "repeating one input is 30% faster" in flattered.reason
    assert "repeating" not in judged(state_of([answer(same_input_ratio=0.91)] * 3)).reason
    imprecise = judged(state_of([answer(steady(n * MS), same_input_ratio=0.7) for n in (1, 2, 3)]))
    assert imprecise.status == "imprecise"
    assert "repeating one input is 30% faster" in imprecise.reason


def test_overhead_is_in_the_header(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Job] = []

    def run(job: Job, timeout_s: float) -> Answer:
        asked.append(job)
        assert job.loop
        return answer([9], warmup_ns=[*[5000] * 2000, *[140] * (job.loop.warmup_n - 2000)])

    monkeypatch.setattr(checks, "run_worker", run)
    with RunSession(config_on_a_tree(tmp_path), plan_of([], tmp_path / "run")) as made:
        pass
    assert made.folder.header().harness_overhead_ns == Value(140.0, n=10_000)
    (job,) = asked
    assert job.runtime == "harness.runtimes.null:null"
    assert isinstance(plugins.load("runtimes", "null").open(Path(), Options()), NullSession)


def config_on_a_tree(folder: Path, **changes: Any) -> RunConfig:
    """The configuration of a run on a recorded machine."""
    tree: trees.Tree = {"proc/meminfo": "MemTotal: 4000000 kB\nMemAvailable: 3000000 kB\n"}
    return RunConfig(fs=HostFs(trees.write(folder / "tree", tree)), **changes)


# --- Latency: median, interval and tails ------------------------------------------------------------------------------


def test_each_process_counts_once() -> None:
    walls = [steady(1 * MS, 15), steady(2 * MS, 19), steady(9 * MS, 900)]
    walls[0][-3:] = 70 * MS  # slow ones move no median
    state = state_of([answer(wall) for wall in walls], how="smoke")
    found = latency_metrics(state, profile("quick"))["latency_p50_ns"]
    assert [run.median_ns for run in state.runs] == [round(float(np.median(wall))) for wall in walls]
    assert number(found) == pytest.approx(float(np.median(walls[1])))
    assert number(found) == pytest.approx(2 * MS, rel=0.001)


def test_interval_is_over_processes() -> None:
    one = latency_metrics(state_of([answer(steady(2 * MS, 500))]), profile("quick"))["latency_p50_ns"]
    assert isinstance(one, Value)
    assert (one.lo, one.hi) == (None, None)
    walls = [steady(each * MS, 500) for each in (1.98, 2.0, 2.02)]
    three = latency_metrics(state_of([answer(wall) for wall in walls]), profile("quick"))["latency_p50_ns"]
    assert isinstance(three, Value)
    assert three.lo is not None
    assert three.hi is not None
    logs = np.log([np.median(wall) for wall in walls])
    half = 4.302653 * logs.std(ddof=1) / math.sqrt(3)  # Student's t with two degrees of freedom at 97.5 %
    assert three.lo == pytest.approx(math.exp(logs.mean() - half), rel=1e-6)
    assert three.hi == pytest.approx(math.exp(logs.mean() + half), rel=1e-6)


TAILS = {"latency_p90_ns": 64, "latency_p95_ns": 130, "latency_p99_ns": 662, "latency_p999_ns": 6636}


@pytest.mark.parametrize(("name", "needed"), TAILS.items())
def test_tails_need_enough_independent_samples(name: str, needed: int) -> None:
    percentile = {"latency_p90_ns": 90, "latency_p95_ns": 95, "latency_p99_ns": 99, "latency_p999_ns": 99.9}[name]
    for n in (needed - 1, needed):
        wall = np.random.default_rng(0).permutation(steady(2 * MS, n, spread=0.05))
        state = CaseState(prepared(), wall_ns=[wall], cpu_ns=[wall], runs=state_of([answer()]).runs)
        found = latency_metrics(state, profile("smoke"))[name]
        if n < needed:
            assert isinstance(found, Missing), n
        else:
            assert number(found) == pytest.approx(np.percentile(wall, percentile))
    clumps = np.repeat(np.random.default_rng(0).exponential(1.0, needed // 8 + 1), 12) * MS + MS
    state = CaseState(prepared(), wall_ns=[clumps.astype(np.int64)], cpu_ns=[clumps], runs=state_of([answer()]).runs)
    found = latency_metrics(state, profile("smoke"))[name]
    assert len(clumps) > needed
    assert "worth" in reason(found), "clumps of slow inferences are no independent samples"


def test_a_tail_that_is_missing_says_how_many_there_were(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ((record,), _) = records(monkeypatch, tmp_path, [prepared()], Answered(lambda _n: answer(steady(n=20))))
    row = record_table([record]).iloc[0]
    for name, needed in TAILS.items():
        assert reason(record.metrics[name]).startswith("n too small: ")
        if needed > 60:
            assert f"needs {needed} independent samples at 99 % confidence; there are 60" in record.metrics[name].reason
        assert pandas.isna(row[name])


def test_means_have_no_tails() -> None:
    walls = [steady(20 * US, 3000) for _ in range(3)]
    found = latency_metrics(
        state_of([answer(wall, calls_per_sample=3) for wall in walls], how="smoke"), profile("quick")
    )
    for name in TAILS:
        assert "timed 3 at a time" in reason(found[name])
    one = latency_metrics(state_of([answer(wall) for wall in walls], how="smoke"), profile("quick"))
    assert isinstance(one["latency_p90_ns"], Value)


# --- Verdicts ---------------------------------------------------------------------------------------------------------


def spread(name: str, share: float) -> CaseState:
    """Processes whose interval is `share` times as wide as the profile asks."""
    how = profile(name)
    n = how.max_processes
    pattern = np.linspace(-1, 1, n)[np.random.default_rng(0).permutation(n)]
    level = LEVELS.get(n, 0.95) if how.max_processes > how.processes else 0.95
    unit = plain_width([2 * MS * (1 + 0.001 * each) for each in pattern], level) / 0.001
    size = share * how.half_width / unit
    return state_of([answer(np.full(12, round(2e9 * (1 + size * each)))) for each in pattern], how=name)


@pytest.mark.parametrize(("name", "width"), [("quick", 0.05), ("standard", 0.02), ("full", 0.01)])
def test_verdict_precise(name: str, width: float) -> None:
    assert profile(name).half_width == width
    verdict = judged(spread(name, 0.97), name)
    assert verdict.status == "precise"
    assert verdict.reason.startswith("median within")
    assert verdict.trusted


@pytest.mark.parametrize("name", ["quick", "standard", "full"])
def test_verdict_imprecise(name: str) -> None:
    verdict = judged(spread(name, 1.04), name)
    assert verdict.status == "imprecise"
    assert f"profile '{name}' asks {profile(name).half_width:.0%}" in verdict.reason
    assert judged(state_of([answer(steady(2 * MS, 500))]), name).status == "imprecise"


def test_verdict_contended() -> None:
    verdict = judged(state_of([answer(cpu_share=0.5)] * 3))
    assert verdict.status == "contended"
    assert not verdict.trusted
    assert verdict.remedy
    assert judged(state_of([answer()] * 3)).status == "precise"


def settling(restless: int, of: int = 4) -> CaseState:
    """A case in which some processes get slower to the end."""
    trend = np.linspace(1, 2, 400)
    calm = steady(2 * MS, 400)
    return state_of([answer((calm * trend).astype(np.int64) if n < restless else calm) for n in range(of)])


def test_verdict_no_steady_state() -> None:
    for restless, of in ((3, 4), (2, 3), (1, 1)):
        verdict = judged(settling(restless, of))
        assert verdict.status == "no-steady-state"
        assert f"{restless} of {of} processes never settled" in verdict.reason
    for restless, of in ((2, 4), (1, 3)):
        assert judged(settling(restless, of)).status != "no-steady-state"
    paced = Case("m", "fp32", "null", scenario="paced", load=Load(rate_per_s=100))
    for done_s, status in ((0.951, "imprecise"), (0.949, "no-steady-state")):
        late = answer(np.full(100, 2 * MS), inferences=100, ended_ns=round(SECOND / done_s))
        late.arrays["busy_ns"] = np.array([200 * MS])
        verdict = judged(state_of([late], paced))
        assert verdict.status == status
    assert "cannot keep up" in verdict.reason


@pytest.mark.parametrize(("name", "allowed"), [("quick", 0.05), ("standard", 0.02), ("full", 0.01)])
def test_verdict_drifted(name: str, allowed: float) -> None:
    def drifting(*ratios: float) -> str:
        state = state_of([answer(np.full(12, 2 * MS), control_ratio=ratio) for ratio in ratios])
        return str(judged(state, name).status)

    for sign in (1, -1):
        assert drifting(*[1 + sign * 1.02 * allowed] * 3) == "drifted"
        assert drifting(*[1 + sign * 0.98 * allowed] * 3) == "precise"
        assert drifting(1 + sign * 0.9, 1.0, 1.0) == "precise"
        assert drifting(1 + sign * 0.9, 1 + sign * 0.9, 1.0) == "drifted"
    assert drifting(1.5, 0.5, 1.0) == "precise"
    if allowed < 0.011:
        narrow = dataclasses.replace(profile(name), half_width=0.001)
        state = state_of([answer(np.full(12, 2 * MS), control_ratio=1.009)] * 3)
        assert verdict_of(state, latency_metrics(state, narrow), narrow, None).status == "precise", "1 % at least"


@pytest.mark.parametrize(
    ("channel", "kind", "before", "after"),
    [("cpu-throttle/core", "counter", 4, 5), ("pi-throttled/bits", "instant", 0, 4), ("cooling/cpu", "instant", 0, 2)],
)
def test_verdict_throttled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, channel: str, kind: str, before: float, after: float
) -> None:
    for values, status in (((before, before, before, after), "throttled"), ((before,) * 6, "precise")):
        sensor = Sensor([], *values, *[values[-1]] * 2, name=channel, kind=kind)
        watch = ThrottleWatch([sensor], [channel])
        ((record,), _) = records(monkeypatch, tmp_path, [prepared()], throttle=watch)
        assert record.verdict.status == status
    assert ThrottleWatch([Sensor([], 0, 1, name=channel)], ["other/*"]).read() == {}, "the target names the sources"
    for name, was, now in (("pi-throttled/bits", 0x50000, 0x50000), ("cooling/pwm-fan", 0, 3)):
        watch = ThrottleWatch([Sensor([], was, now, name=name, kind="instant")], [name])
        assert watch.since(watch.read()) == ""


def test_verdict_emulated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from harness.host.checks import virtualization
    from harness.runs.session import machine_verdict

    monkeypatch.setattr(virtualization, "emulated", lambda _fs: "the CPU says QEMU")
    finding = virtualization.inspect_emulation(HostFs(tmp_path))
    machine = machine_verdict([Finding("governor", "fail", "powersave"), finding])
    assert machine is not None
    assert (machine.status, machine.reason) == ("emulated", "the CPU says QEMU")
    ((record,), _) = records(monkeypatch, tmp_path, [prepared()], machine=machine)
    assert record.verdict == machine
    assert machine_verdict([Finding("emulation", "ok", "none"), Finding("governor", "fail", "powersave")]) is None


def compared(
    patch: pytest.MonkeyPatch, scratch: Path, outputs: Any, setting: str = "int8-static", answers: Any = (), **how: Any
) -> Record:
    """The record of a case with these outputs, its fp32 net on the reference runtime giving PLAIN.

    `answers` are those of its latency processes, `how` fields of the block's setting.
    """
    reference = prepared(Case("m", "reference", "onnxruntime-cpu"))
    precision = how.pop("precision", setting)
    if setting == "as-is":  # a file of the user is its own reference
        reference = prepared(Case("m", "as-is", "onnxruntime-cpu"))
        reference = dataclasses.replace(
            reference,
            artifact=dataclasses.replace(reference.artifact, path=Path("m-reference.onnx")),
            runtime="harness.runtimes.null:other",
        )
    own = prepared(Case("m", setting, "null"), output_reference=reference, precision=precision)
    told = iter(answers)
    execution = how.pop("execution", {})

    def run(job: Job) -> Answer | WorkerFailure:
        if job.phase == "latency" and answers:
            return next(told)
        if job.phase == "probe":
            return probe_answer(PLAIN if "reference" in job.model else outputs, **execution)
        return usual(job)

    ((record,), _) = records(patch, scratch, [own], run, **how)
    return record


def test_verdict_wrong_output(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wrong = compared(monkeypatch, tmp_path, -PLAIN)
    assert wrong.verdict.status == "wrong-output"
    assert "cosine -1.00 to the fp32 reference" in wrong.verdict.reason
    assert not wrong.verdict.trusted
    assert isinstance(wrong.metrics["latency_p50_ns"], Value), "the figures stand, with the verdict beside them"
    assert compared(monkeypatch, tmp_path, PLAIN * 1.01).verdict.status == "precise"


def no_figures(patch: pytest.MonkeyPatch, scratch: Path, failure: Answer | WorkerFailure) -> None:
    """A case of which a process fails, be it the first or the third, has the verdict and no figures."""
    assert isinstance(failure, WorkerFailure)
    for good in (0, 2):
        told = Answered(lambda n, good=good: answer() if n < good else failure)
        ((record,), jobs) = records(patch, scratch, [scored()], told)
        assert [job.phase for job in jobs] == ["latency"] * (good + 1), "no pass follows"
        assert record.verdict == failure.verdict
        assert record.verdict.failed
        assert not record.verdict.trusted
        assert record.log == failure.log
        numbers = {name for name, found in record.metrics.items() if isinstance(found, Value)}
        assert numbers == {"artifact_bytes"}, "a file's size is true whatever became of the process"
        words = f"{failure.verdict.status}: {failure.verdict.reason}"
        assert record.missing("latency_p50_ns") == record.missing("top1") == words


def ended(
    patch: pytest.MonkeyPatch, folder: Path, status: int, log: bytes = b"", **result: Any
) -> Answer | WorkerFailure:
    """What becomes of a process that ends with this status, having printed `log` and written `result`, if any."""

    class Child:
        pid, returncode = 1, status

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


def test_verdict_crashed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for status, words in ((-11, "ended by SIGSEGV"), (-6, "ended by SIGABRT"), (7, "status 7 and no result")):
        failure = ended(monkeypatch, tmp_path, status)
        assert isinstance(failure, WorkerFailure)
        assert failure.verdict.status == "crashed"
        assert words in failure.verdict.reason
    failure = ended(monkeypatch, tmp_path, 1, error="crashed", message="RuntimeError: bad kernel")
    no_figures(monkeypatch, tmp_path, failure)


class Stopwatch:
    """A clock that the parent's pauses move, and nothing else."""

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


def test_verdict_timeout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    child: Any = Sleeping()
    with monkeypatch.context() as patch:
        watch = Stopwatch(patch)
        stopped = worker_process.supervise(child, 60.0, None)
        assert watch.now_s == 160.0
    with monkeypatch.context() as patch:
        Stopwatch(patch, ends_after_s=59.0)
        assert worker_process.supervise(child, 60.0, None) is None
    assert stopped is not None
    assert stopped.status == "timeout"
    assert "not finished after 60 s" in stopped.reason
    no_figures(monkeypatch, tmp_path, WorkerFailure(stopped, "log"))
    target = Target("x86-64", "PC", "generic", limits=TargetLimits(timeout_s=77.0))
    assert ResourceLimits.on(target).timeout_s == 77.0
    assert ResourceLimits.on(target, timeout_s=5.0).timeout_s == 5.0
    waited: list[float] = []
    (case,) = planned([Case("m", "fp32", "null")]).prepared
    assert case.timeout_s == 33.0
    monkeypatch.setattr(worker_process, "supervise", lambda _child, timeout_s, memory: waited.append(timeout_s))
    monkeypatch.setattr(latency, "run_worker", worker_process.run_worker)
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: SimpleNamespace(pid=1, returncode=1, kill=int, wait=int))
    list(latency.LatencyPass(profile("smoke"), Blobs(), tmp_path, 0).measure([CaseState(case)]))
    assert waited == [33.0]


def test_verdict_out_of_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    killed = ended(monkeypatch, tmp_path, -9)
    assert isinstance(killed, WorkerFailure)
    assert killed.verdict.status == "out-of-memory"
    machine = Machine()

    def refuse(_n: int) -> int:
        raise MemoryError("Unable to allocate 8 EiB")

    result, _ = in_process(monkeypatch, tmp_path / "out", machine, Scripted(machine, refuse))
    assert (result["error"], result["message"]) == ("out-of-memory", "Unable to allocate 8 EiB")
    failure = ended(monkeypatch, tmp_path, 1, **result)
    assert isinstance(failure, WorkerFailure)
    assert failure.verdict.status == "out-of-memory"
    no_figures(monkeypatch, tmp_path, failure)


def test_verdict_unsupported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = Machine()

    def refuse(_n: int) -> int:
        raise SessionError("operator Frobnicate is not supported", "export it anew")

    result, _ = in_process(monkeypatch, tmp_path / "out", machine, Scripted(machine, refuse))
    failure = ended(monkeypatch, tmp_path, 1, **result)
    assert isinstance(failure, WorkerFailure)
    assert failure.verdict == Verdict("unsupported", "operator Frobnicate is not supported", "export it anew")
    ((record,), _) = records(monkeypatch, tmp_path, [prepared()], Answered(lambda _n: failure))
    assert record.verdict == failure.verdict
    assert record.missing("latency_p50_ns") == "unsupported: operator Frobnicate is not supported"


def test_gravest_verdict_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A case with everything against it, from which one thing after the other is taken away."""
    trend = np.linspace(1, 2, 400)
    restless = [answer(np.rint(n * steady(2 * MS, 400) * trend), 0.5, control_ratio=2.0) for n in (1, 2, 3)]
    calm = [answer(np.rint(n * steady(2 * MS, 400)), 0.5, control_ratio=2.0) for n in (1, 2, 3)]
    alone = [answer(each.arrays["wall_ns"], control_ratio=2.0) for each in restless]
    settled = [answer(each.arrays["wall_ns"], control_ratio=2.0) for each in calm]
    wide = [answer(each.arrays["wall_ns"]) for each in calm]
    broken = [WorkerFailure(Verdict("crashed", "SIGSEGV"), "")] * 3
    emulated, hot = Verdict("emulated", "qemu"), {"throttle": True}
    steps: list[tuple[list[Any], Any, Any, dict[str, Any], str]] = [
        (broken, -PLAIN, emulated, hot, "crashed"),
        (restless, -PLAIN, emulated, hot, "emulated"),
        (restless, -PLAIN, None, hot, "wrong-output"),
        (restless, PLAIN, None, hot, "throttled"),
        (restless, PLAIN, None, {}, "contended"),
        (alone, PLAIN, None, {}, "no-steady-state"),
        (settled, PLAIN, None, {}, "drifted"),
        (wide, PLAIN, None, {}, "imprecise"),
    ]
    for answers, outputs, machine, heat, status in steps:
        watch = ThrottleWatch([Sensor([], *range(20))] if heat else [], ["cpu-throttle/*"])
        ruling = compared(monkeypatch, tmp_path, outputs, answers=answers, machine=machine, throttle=watch).verdict
        assert ruling.status == status, ruling


def test_fixed_work_frames_the_loop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = Machine()
    machine.fixed_work_ns = [1e6, 1.1e6]
    result, _ = in_process(monkeypatch, tmp_path, machine, Scripted(machine))
    assert result["control_ratio"] == pytest.approx(1.1), "after over before"
    order = [event for event in machine.events if event in ("loop", "end of loop", "fixed work")]
    assert order[2:6] == ["fixed work", "loop", "end of loop", "fixed work"]
    durations = [1, 2, 3, 40, 50, 60, 70, 31, 80, 90, 100, 110]  # the first three do not count
    ticks = iter([tick for n, each in enumerate(durations) for tick in (1000 * n, 1000 * n + each)])
    with monkeypatch.context() as patch:
        patch.setattr(control, "_STEPS", 1)
        patch.setattr(control.time, "thread_time_ns", lambda: next(ticks))
        assert control.control_ns() == 31.0
    assert next(ticks, None) is None


# --- Contended --------------------------------------------------------------------------------------------------------


def evidence(*answers: Answer, threads: int = 1) -> str:
    """Why the case is called contended; empty where it is not."""
    state = state_of(answers, Case("m", "fp32", "null", threads=threads))
    found = contended(state, latency_metrics(state, profile("quick")))
    return found.reason if found else ""


def slow(every: int, by_ns: int, n: int = 400, **facts: Any) -> Answer:
    """A process in which every so-many-th inference lost its core for a while."""
    wall = np.full(n, 2 * MS)
    wall[::every] += by_ns
    made = answer(wall, **facts)
    made.arrays["cpu_ns"][:] = 2 * MS
    return made


def test_all_evidence_of_contention_is_named() -> None:
    wall = np.full(400, 2 * MS)
    found = evidence(answer(wall, 0.5, involuntary_switches=9, cpu_pressure=0.3))
    assert "wall time is 2.00 times the CPU time" in found
    assert "50% of the loop's time went to others, in 9 involuntary context switches" in found
    assert "tasks waited for a CPU 30% of the time" in found
    assert evidence(answer(wall), answer(wall)) == ""


def test_wall_over_cpu_time_of_the_median() -> None:
    wall = np.full(40, 2 * MS)
    assert "wall time is 1.06 times" in evidence(answer(wall, 1 / 1.06))
    assert evidence(answer(wall, 1 / 1.04)) == ""
    assert evidence(answer(wall, 1 / 1.06), threads=2) == ""


def test_wall_over_cpu_time_of_the_loop() -> None:
    assert "involuntary context switches" in evidence(slow(10, 1_100_000, involuntary_switches=1))
    assert evidence(slow(10, 900_000, involuntary_switches=1)) == ""
    assert evidence(slow(10, 1_100_000, involuntary_switches=0)) == ""
    assert evidence(slow(10, 1_100_000, involuntary_switches=1), threads=2) == ""
    found = evidence(slow(10, 4 * MS, involuntary_switches=3), slow(10, 4 * MS, involuntary_switches=4))
    assert found.startswith("17% of the loop's time went to others, in 7 involuntary")


def test_cpu_pressure_of_the_machine() -> None:
    wall = np.full(400, 2 * MS)
    for threads in (1, 2, 4):
        assert "waited for a CPU 6% of the time" in evidence(answer(wall, cpu_pressure=0.06), threads=threads)
        assert evidence(answer(wall, cpu_pressure=0.04), threads=threads) == ""
        assert evidence(answer(wall, cpu_pressure=None), threads=threads) == ""
    assert evidence(answer(wall, cpu_pressure=0.09), answer(wall, cpu_pressure=0.0)) == ""
    assert evidence(answer(wall, cpu_pressure=0.11), answer(wall, cpu_pressure=0.0)) != ""


def test_pressure_counts_up_to_unused_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {1, 2})
    for used_s, waited_s, share in ((0.5, 0.3, 0.3), (1.9, 0.3, 0.1), (2.0, 0.3, 0.0), (2.5, 0.3, 0.0), (0.0, 3, 1.0)):
        before = os_counters.Snapshot(0, 0, 0, 0, 1_000_000, {})
        after = os_counters.Snapshot(SECOND, round(used_s * SECOND), 0, 0, 1_000_000 + round(waited_s * 1e6), {})
        assert os_counters.delta(before, after)["cpu_pressure"] == pytest.approx(share)


def test_waiting_for_a_device_is_no_contention() -> None:
    wall = np.full(400, 2 * MS)
    waiting = answer(wall, 0.2, involuntary_switches=9, voluntary_switches=400)
    assert evidence(waiting) == ""
    assert "held the core" in evidence(answer(wall, 0.2, voluntary_switches=399))
    found = evidence(answer(wall, 0.2, voluntary_switches=400, cpu_pressure=0.2))
    assert found.startswith("tasks waited")


def test_less_than_20_ms_prove_nothing() -> None:
    assert evidence(answer(np.full(40, 2 * MS), cpu_pressure=0.24)) == ""
    assert evidence(answer(np.full(40, 2 * MS), cpu_pressure=0.26)) != ""
    assert evidence(slow(10, 4_900_000, n=40, involuntary_switches=5)) == ""
    assert evidence(slow(10, 5_100_000, n=40, involuntary_switches=5)) != ""


# --- Comparison -------------------------------------------------------------------------------------------------------


def test_only_trusted_figures_are_compared() -> None:
    assert sorted(TRUSTED) == ["imprecise", "precise"]
    fast, slow_one, fair = (
        dataclasses.replace(plan, latency_ns=ns, top1=top1)
        for plan, ns, top1 in zip(factory.nets()[:3], (MS, 3 * MS, 2 * MS), (0.99, 0.95, 0.93), strict=False)
    )
    for status in get_args(Status):
        with tempfile.TemporaryDirectory() as folder:
            plans = [dataclasses.replace(fast, status=status), slow_one, dataclasses.replace(fair, status="imprecise")]
            run = factory.write_run(Path(folder), plans)
            best = {record.case_id for record in front(run.records())}
            data = gather([run])
            champion = str(verdict_section.render(data))
        assert (plans[0].case.id in best) == (status in TRUSTED), status
        assert slow_one.case.id in best or status in TRUSTED
        fastest = champion.partition("Fastest")[2].partition("</div>")[0]
        assert (fast.case.slug in fastest) == (status in TRUSTED), status


def test_untrusted_figures_are_hatched(tmp_path: Path) -> None:
    plan, *_ = factory.nets()
    for number_of_run, status in enumerate(get_args(Status)):
        run = factory.write_run(tmp_path / str(number_of_run), [dataclasses.replace(plan, status=status)])
        html = str(cases_section.render(gather([run])))
        assert ('class="untrusted"' in html) == (status not in ("precise", "imprecise")), status
    css = (ROOT / "reports" / "assets" / "report.css").read_text(encoding="utf-8")
    assert re.search(r"\.untrusted \{ background-image: repeating-linear-gradient", css)


# --- Accuracy ---------------------------------------------------------------------------------------------------------


def test_accuracy_is_a_pass_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    case = Case("m", "fp32", "null", threads=3, batch=4, dataset="fashion-mnist")
    options = Options(3, 4, {"x": (1, 4)}, {"key": "value"})
    own = scored(case, options=options)
    ((_,), jobs) = records(monkeypatch, tmp_path, [own])
    assert [job.phase for job in jobs] == ["latency"] * 3 + ["probe", "accuracy"]
    job = jobs[-1]
    assert job.options == dataclasses.replace(options, batch=1)
    assert (job.runtime, job.model, job.labelled) == (jobs[0].runtime, jobs[0].model, own.labelled)
    assert own.labelled.limit is None
    machine = Machine()
    session = Scripted(machine)
    session.inputs = (TensorSpec("x", (1, 1, 28, 28), "float32"),)
    labelled = dataclasses.replace(own.labelled, limit=30)
    result, arrays = in_process(monkeypatch, tmp_path / "job", machine, session, phase="accuracy", labelled=labelled)
    images = list(latency.open_dataset("idx", Path(labelled.path)).items(30))
    assert arrays["labels"].ravel().tolist() == [label for _, label in images]
    assert len(session.prepared) == len(arrays["outputs"]) == 30, "every image, one at a time"
    assert "wall_ns" not in arrays
    assert result["stop"] == {}


def accuracy_of(patch: pytest.MonkeyPatch, scratch: Path, right: int, n: int, **reference: Any) -> Record:
    """The record of a case that has `right` of `n` images right; and of its fp32 net where there is one."""
    outputs = np.zeros((n, 10))
    outputs[np.arange(n), [0 if place < right else 1 for place in range(n)]] = 1.0
    outputs[:, 2:6] = np.linspace(0.4, 0.1, 4)
    own = scored(Case("m", "int8-static", "null", dataset="fashion-mnist"))
    base = scored(Case("m", "fp32", "null", dataset="fashion-mnist"))
    theirs = reference.get("outputs")

    def run(job: Job) -> Answer | WorkerFailure:
        if job.phase != "accuracy":
            return usual(job)
        given = outputs if "int8-static" in job.model else theirs
        return accuracy_answer(given, [0] * n)

    references = {own.case: base} if theirs is not None else {}
    ((record,), _) = records(patch, scratch, [own], run, references=references)
    return record


def test_accuracy_has_wilsons_interval(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for right, n in ((90, 100), (0, 40), (40, 40)):
        top1 = accuracy_of(monkeypatch, tmp_path, right, n).metrics["top1"]
        z, p = 1.959964, right / n
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        assert isinstance(top1, Value)
        assert (top1.value, top1.n) == (p, n)
        assert (top1.lo, top1.hi) == (pytest.approx(middle - half, abs=1e-6), pytest.approx(middle + half, abs=1e-6))
    record = accuracy_of(monkeypatch, tmp_path, 30, 40)
    assert number(record.metrics["top5"]) == 0.75, "class 0 is among the five largest where it is the largest only"
    assert isinstance(record.metrics["top5"], Value)
    assert record.metrics["top5"].lo is not None
    assert number(record.metrics["n_images"]) == 40
    ranked = np.tile(np.arange(10.0, 0.0, -1.0), (10, 1))
    five = output_quality.accuracy(ranked.astype(np.float32), np.arange(10), 5)
    assert number(five) == 0.5, "labels 0 to 4 are among the best five, 5 to 9 are not"


def test_agreement_is_with_fp32_on_the_same_runtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    theirs = np.zeros((40, 10))
    theirs[np.arange(40), [0] * 10 + [1] * 30] = 1.0
    record = accuracy_of(monkeypatch, tmp_path, 20, 40, outputs=theirs)
    agreement = record.metrics["agreement"]
    assert number(agreement) == 30 / 40, "alike on the first ten and the last twenty, right or wrong"
    assert record.metrics["top1_difference"] != agreement
    assert number(record.metrics["top1_difference"]) == pytest.approx((20 - 10) / 40)
    alone = accuracy_of(monkeypatch, tmp_path, 20, 40)
    assert alone.missing("agreement") == "no fp32 net to compare with"
    folder = ROOT / "suites" / "data" / "fashion-mnist"
    cases = [
        Case("m", setting, runtime, dataset="fashion-mnist")
        for setting in ("fp32", "int8-static")
        for runtime in ("null", "litert-xnnpack")
    ]

    def find(case: Case, file_format: Any) -> Artifact:
        made = prepared(case).artifact
        return dataclasses.replace(made, format=file_format, preprocess=Preprocess(), weights="trained")

    data = {"fashion-mnist": EvaluationData("idx", folder)}
    plan = CasePreparer(find, data, ResourceLimits(60.0)).prepare_all(cases)
    assert len(plan.references) == 4
    for case, reference in plan.references.items():
        assert reference.case == dataclasses.replace(case, compression="fp32"), "the same model and runtime"


def test_sqnr_formula(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    theirs = np.random.default_rng(0).standard_normal((40, 10))
    record = accuracy_of(monkeypatch, tmp_path, 20, 40, outputs=theirs)
    own = np.zeros((40, 10))
    own[np.arange(40), [0] * 20 + [1] * 20] = 1.0
    own[:, 2:6] = np.linspace(0.4, 0.1, 4)
    expected = 10 * math.log10(float((theirs**2).sum()) / float(((theirs - own) ** 2).sum()))
    assert number(record.metrics["sqnr_db"]) == pytest.approx(expected, rel=1e-5)


def test_synthetic_weights_have_no_accuracy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def find(case: Case, file_format: Any) -> Artifact:
        made = prepared(case).artifact
        return dataclasses.replace(made, format=file_format, preprocess=Preprocess(), weights="synthetic")

    data = {"fashion-mnist": EvaluationData("idx", ROOT / "suites" / "data" / "fashion-mnist")}
    case = Case("m", "fp32", "null", dataset="fashion-mnist", weights="synthetic")
    (own,) = CasePreparer(find, data, ResourceLimits(60.0)).prepare_all([case]).prepared
    ((record,), jobs) = records(monkeypatch, tmp_path, [dataclasses.replace(own, output_reference=None)])
    assert "accuracy" not in {job.phase for job in jobs}
    for name in ("top1", "top5", "n_images", "agreement", "sqnr_db"):
        assert record.missing(name) == "not available: synthetic weights"


# --- Fidelity ---------------------------------------------------------------------------------------------------------


def test_fidelity_takes_the_same_inputs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reference = scored(Case("m", "reference", "onnxruntime-cpu", dataset="fashion-mnist"))
    own = scored(Case("m", "int8-static", "null", dataset="fashion-mnist"), output_reference=reference)
    _, jobs = records(monkeypatch, tmp_path, [own])
    probes = [job for job in jobs if job.phase == "probe"]
    assert [job.phase for job in jobs][3:5] == ["probe", "probe"], "after timing"
    assert {Path(job.model).stem for job in probes} == {"m-int8-static", "m-reference"}
    assert len({(job.seed, job.labelled) for job in probes}) == 1
    shape = {"float": TensorSpec("x", (1, 1, 28, 28), "float32"), "last": TensorSpec("y", (1, 28, 28, 1), "float32")}

    def fed(place: str, spec: TensorSpec, **job: Any) -> np.ndarray:
        machine = Machine()
        session = Scripted(machine)
        session.inputs = (spec,)
        in_process(monkeypatch, tmp_path / place, machine, session, phase="probe", seed=probes[0].seed, **job)
        return np.stack([array.reshape(28, 28) for array in session.arrays])

    images = fed("images", shape["float"], labelled=probes[0].labelled)
    assert images.shape == (64, 28, 28)
    assert images == pytest.approx(
        np.stack([np.asarray(image).reshape(28, 28) / 255 for image, _ in mnist(64)]), abs=1e-6
    )
    assert np.array_equal(fed("first", shape["float"]), fed("last", shape["last"])), "channels first or last"
    assert len(fed("again", shape["float"])) == 16


def mnist(n: int) -> Any:
    return latency.open_dataset("idx", ROOT / "suites" / "data" / "fashion-mnist").items(n)


@pytest.mark.parametrize(
    ("setting", "precision", "ran", "least_db"),
    [
        ("fp32", "fp32", "fp32", 50.0),
        ("fp32", "tf32", "tf32", 40.0),
        ("fp16", "fp16", "fp16", 30.0),
        ("fp32", "bf16", "bf16", 10.0),
        ("as-is", FROM_FILE, "fp32", 50.0),
    ],
)
def test_wrong_output_limits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, setting: str, precision: str, ran: str, least_db: float
) -> None:
    noise = np.random.default_rng(0).standard_normal(PLAIN.shape)
    noise *= math.sqrt(float((PLAIN**2).sum()) / float((noise**2).sum()))

    def status(db: float, setting: str = setting, precision: str = precision) -> str:
        outputs = PLAIN.astype(np.float64) + noise * 10 ** (-db / 20)
        how = {"setting": setting, "precision": precision, "execution": {"effective": ran}}
        return compared(monkeypatch, tmp_path, outputs, **how).verdict.status

    assert status(least_db - 0.2) == "wrong-output"
    assert status(least_db + 0.2) == "precise"
    assert status(5.0, "int8-static", "int8") == "precise", "a setting may cost accuracy"
    orthogonal = noise - PLAIN * float((noise * PLAIN).sum()) / float((PLAIN**2).sum())
    orthogonal *= math.sqrt(float((PLAIN**2).sum()) / float((orthogonal**2).sum()))
    for cosine, expected in ((0.69, "wrong-output"), (0.71, "precise")):
        outputs = cosine * PLAIN + math.sqrt(1 - cosine**2) * orthogonal
        assert compared(monkeypatch, tmp_path, outputs).verdict.status == expected
    broken = PLAIN.copy()
    broken[3, 3] = np.nan
    assert compared(monkeypatch, tmp_path, broken).verdict.status == "wrong-output"


# --- Energy -----------------------------------------------------------------------------------------------------------

RAIL = Channel("rail/power", "W", "rail")


class Powered:
    """A board of 2 W that draws `busy_w` more while a case runs, and its only clock."""

    def __init__(self, patch: pytest.MonkeyPatch, busy_w: dict[str, float]) -> None:
        self.events: list[str] = []
        self._now_ns, self._busy_w = 0, busy_w
        self._steps: list[tuple[int, float]] = []
        fake = SimpleNamespace(perf_counter_ns=lambda: self._now_ns, sleep=self._sleep)
        patch.setattr(energy, "time", fake)
        patch.setattr(energy, "Sampler", lambda _sensors: self)

    def _pass(self, duration_ns: int, power_w: float) -> None:
        self._now_ns += duration_ns
        self._steps.append((self._now_ns, power_w))

    def _sleep(self, seconds: float) -> None:
        self.events.append("idle")
        self._pass(round(seconds * SECOND), 2.0)

    def run(self, job: Job) -> Answer | WorkerFailure:
        if job.phase != "latency" or "energy" not in Path(job.out).name:
            return usual(job)
        assert job.loop
        self.events.append(Path(job.model).stem)
        started_ns = self._now_ns
        self._pass(job.loop.min_ns, 2.0 + self._busy_w[Path(job.model).stem])
        return answer(started_ns=started_ns, ended_ns=self._now_ns, inferences=1000)

    def start(self) -> Powered:
        self.events.append("start")
        return self

    def stop(self) -> Traces:
        self.events.append("stop")
        t_ns = np.arange(0, self._now_ns, 100 * MS, dtype=np.int64)
        ends = np.array([end for end, _ in self._steps])
        value = np.array([power for _, power in self._steps])[np.searchsorted(ends, t_ns, "right")]
        moving = value + 0.001 * np.sin(t_ns / 1e8)  # no real reading stands still
        return Traces({RAIL.name: Series(RAIL, t_ns, moving, 100 * MS)}, 0, self._now_ns)


def metered(patch: pytest.MonkeyPatch, scratch: Path) -> tuple[list[Record], Powered]:
    """The records of two cases on that board."""
    board = Powered(patch, {"m-a": 3.0, "m-b": 1.0})
    source = PowerSource(PowerTotal("rail", (RAIL.name,)), (RAIL,))
    block = [prepared(Case("m", setting, "null")) for setting in "ab"]
    found, _ = records(patch, scratch, block, board.run, energy=EnergyPass((), source))
    return found, board


def test_energy_is_idle_cases_idle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found, board = metered(monkeypatch, tmp_path)
    assert board.events == ["start", "idle", "m-a", "m-b", "idle", "stop"]
    details = found[0].details["energy"]
    assert details["idle_windows_ns"][0][1] <= details["window_ns"][0] < details["window_ns"][1]
    assert details["window_ns"][1] <= details["idle_windows_ns"][1][0]


def test_energy_gross_and_net(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found, _ = metered(monkeypatch, tmp_path)
    for record, busy_w in zip(found, (3.0, 1.0), strict=True):
        start_ns, end_ns = record.details["energy"]["window_ns"]
        seconds = (end_ns - start_ns) / SECOND
        assert seconds > 1
        gross, net = record.metrics["energy_gross_j"], record.metrics["energy_net_j"]
        assert number(gross) == pytest.approx((2.0 + busy_w) * seconds / 1000, rel=0.05)
        assert number(net) == pytest.approx(busy_w * seconds / 1000, rel=0.15)
        assert number(gross) - number(net) == pytest.approx(2.0 * seconds / 1000, rel=0.02)


def test_energy_without_a_sensor_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ((record,), jobs) = records(monkeypatch, tmp_path, [prepared()])
    assert record.missing("energy_gross_j") == record.missing("energy_net_j") == NO_SENSOR.reason
    assert not any("energy" in Path(job.out).name for job in jobs)
    assert "energy" not in record.details


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
        return 77

    monkeypatch.setattr(__main__, "peak_rss_bytes", peak)
    result, _ = in_process(monkeypatch, tmp_path / "job", machine, Scripted(machine))
    assert result["peak_rss_bytes"] == 77
    assert machine.events.index("peak") > [n for n, each in enumerate(machine.events) if each == "end of loop"][-1]
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
    assert record.missing("artifact_compressed_bytes") == "not looked at: run with --deep"
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
    counted = Answered(lambda _n: answer())
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
        pid, returncode = 1, -9

        def __init__(self, *_: Any, **__: Any) -> None: ...
        def kill(self) -> None:
            killed.append("kill")

        def wait(self) -> None:
            killed.append("wait")

    monkeypatch.setattr(subprocess, "Popen", Child)
    monkeypatch.setattr(
        worker_process, "supervise", lambda _child, _timeout_s, memory_bytes: stopped if memory_bytes == 5 else None
    )
    job = Job("latency", "m:A", "m", str(tmp_path / "job"), memory_bytes=5)
    assert worker_process.run_worker(job, 60) == broken
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
    assert "--shape x=1x3x224x224" in failure.verdict.reason
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


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran: list[str] = []

    def run(job: Job) -> Answer | WorkerFailure:
        if job.phase == "latency" and "second" in job.model:
            signal.raise_signal(signal.SIGINT)
            ran.append("finished")
        return usual(job)

    replace_workers(monkeypatch, run)
    monkeypatch.setattr(cli_run, "config_of", lambda _arguments: config_on_a_tree(tmp_path))
    monkeypatch.setattr(cli_run, "planned", lambda _config: plan_of(two_nets(), tmp_path / "run"))
    shown: list[Any] = []
    monkeypatch.setattr(_output, "show_report", lambda folders, silent: shown.append(folders))
    out = str(tmp_path / "run")
    how = {"resume": False, "out": out, "json": True, "no_report": False, "store": None, "compress": None}
    assert cli_run.run(argparse.Namespace(**how)) == 130
    assert ran == ["finished"], "the running process is finished, and no other is begun"
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
        patch.setattr(setup.ctypes, "CDLL", lambda *_, **__: library)
        setup.die_with_parent()
    assert asked == [(1, signal.SIGKILL)], "PR_SET_PDEATHSIG of <linux/prctl.h> is 1"
    machine = Machine()
    in_process(monkeypatch, tmp_path, machine, Scripted(machine))
    assert machine.events.index("die with parent") < machine.events.index("import")


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
