"""The promises of docs/protocol.md on median, interval, tails and verdicts."""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas
import pytest

from harness.core.case import Case
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing, Value
from harness.core.scenario import Load
from harness.core.target import Target, TargetLimits
from harness.core.verdict import TIMED, Finding, Verdict, trust_of
from harness.host import cpu_time
from harness.host.machine_speed import UsualTime
from harness.host.resource_limits import ResourceLimits
from harness.measure.metrics import latency_metrics
from harness.measure.passes import handover, latency, memory_control, surroundings, worker_process
from harness.measure.passes.latency import CaseState
from harness.measure.passes.memory_control import MemoryControl
from harness.measure.passes.surroundings import SurroundingsWatch
from harness.measure.passes.thermal import ThrottleWatch
from harness.measure.passes.worker_process import Answer, WorkerFailure
from harness.measure.presets import profile
from harness.measure.protocol import Job
from harness.measure.samples import MemoryReference, Surroundings
from harness.measure.verdicts import verdict as verdict_of
from harness.measure.witnesses import WITNESSES, contended
from harness.measure.worker import control, os_counters, timed_part
from harness.measure.worker.time_limit import TimeLimit
from harness.runtimes.base import SessionError
from harness.runtimes.null import NullSession
from harness.store.frame import record_table
from tests import trees
from tests.protocol.protocol_helpers import (
    LEVELS,
    ROOT,
    ScriptedLatency,
    Sensor,
    Sleeping,
    Stopwatch,
    compared,
    ended,
    number,
    plain_width,
    planned,
    reason,
    scored,
)
from tests.protocol.scripted import (
    MS,
    NO_PROCESS,
    PLAIN,
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
    ((record,), _) = records(monkeypatch, tmp_path, [prepared()], ScriptedLatency(lambda _n: answer(steady(n=20))))
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
    assert trust_of(verdict.status, TIMED) == "full"


@pytest.mark.parametrize("name", ["quick", "standard", "full"])
def test_verdict_imprecise(name: str) -> None:
    verdict = judged(spread(name, 1.04), name)
    assert verdict.status == "imprecise"
    assert f"profile '{name}' asks {profile(name).half_width:.0%}" in verdict.reason
    assert judged(state_of([answer(steady(2 * MS, 500))]), name).status == "imprecise"
    assert trust_of(verdict.status, TIMED) == "caution"


@pytest.mark.parametrize("processes", [1, 3])
def test_verdict_untimed(processes: int) -> None:
    verdict = judged(state_of([answer(steady(2 * MS, 5))] * processes, how="smoke"), "smoke")
    assert verdict.status == "untimed"
    assert verdict.reason.startswith(f"not measured for latency: {5 * processes} inferences")
    assert "--profile quick" in verdict.remedy
    assert trust_of(verdict.status, TIMED) == "none"
    assert judged(state_of([answer(steady(2 * MS, 5))] * processes)).status != "untimed"


def test_verdict_contended() -> None:
    verdict = judged(state_of([answer(cpu_share=0.5)] * 3))
    assert verdict.status == "contended"
    assert trust_of(verdict.status, TIMED) == "none"
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
    rng = np.random.default_rng(4)
    for until, status in ((1.16, "no-steady-state"), (1.0, "precise")):  # what each process alone hides in its noise
        climbs = [2 * MS * np.linspace(1.0, until, 18) * np.exp(0.02 * rng.standard_normal(18)) for _ in range(3)]
        ruling = judged(state_of([answer(np.rint(wall)) for wall in climbs]))
        assert ruling.status == status
        assert ("alike in all processes" in ruling.reason) == (until > 1)


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


def test_verdict_wrong_output(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wrong = compared(monkeypatch, tmp_path, -PLAIN)
    assert wrong.verdict.status == "wrong-output"
    assert "cosine -1.00 to the fp32 reference" in wrong.verdict.reason
    assert not wrong.trusts(TIMED)
    assert isinstance(wrong.metrics["latency_p50_ns"], Value), "the figures stand, with the verdict beside them"
    assert compared(monkeypatch, tmp_path, PLAIN * 1.01).verdict.status == "precise"


def no_figures(patch: pytest.MonkeyPatch, scratch: Path, failure: Answer | WorkerFailure) -> None:
    """A case of which a process fails, be it the first or the third, has the verdict and no figures."""
    assert isinstance(failure, WorkerFailure)
    for good in (0, 2):
        told = ScriptedLatency(lambda n, good=good: answer() if n < good else failure)
        ((record,), jobs) = records(patch, scratch, [scored()], told)
        assert [job.phase for job in jobs] == ["latency"] * (good + 1), "no pass follows"
        before = "; 2 processes before it had a median of 2, 2 ms" if good else ""
        assert record.verdict == dataclasses.replace(failure.verdict, reason=failure.verdict.reason + before)
        assert record.verdict.failed
        assert not record.trusts(TIMED)
        assert record.log == failure.log
        numbers = {name for name, found in record.metrics.items() if isinstance(found, Value)}
        assert numbers == {"artifact_bytes"}, "a file's size is true whatever became of the process"
        words = f"{record.verdict.status}: {record.verdict.reason}"
        assert record.missing("latency_p50_ns") == record.missing("top1") == words


def test_verdict_crashed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ends = {-11: "ended by SIGSEGV", -6: "ended by SIGABRT", -40: "ended by signal 40", 7: "status 7 and no result"}
    for status, words in ends.items():
        failure = ended(monkeypatch, tmp_path, status)
        assert isinstance(failure, WorkerFailure)
        assert failure.verdict.status == "crashed"
        assert words in failure.verdict.reason
    failure = ended(monkeypatch, tmp_path, 1, error="crashed", message="RuntimeError: bad kernel")
    no_figures(monkeypatch, tmp_path, failure)


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
    monkeypatch.setattr(
        subprocess, "Popen", lambda *_, **__: SimpleNamespace(pid=NO_PROCESS, returncode=1, kill=int, wait=int)
    )
    list(latency.LatencyPass(profile("smoke"), Blobs(), tmp_path, 0).measure([CaseState(case)]))
    assert waited == [33.0]


def test_verdict_out_of_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for counted, status in (((4, 5), "out-of-memory"), ((4, 4), "crashed"), ((None, None), "crashed")):
        kills = iter(counted)
        monkeypatch.setattr(worker_process.out_of_memory, "kills", lambda _fs, kills=kills: next(kills))
        killed = ended(monkeypatch, tmp_path, -9)
        assert isinstance(killed, WorkerFailure)
        assert killed.verdict.status == status, "for memory only where the kernel counted a kill"
    monkeypatch.setattr(worker_process.out_of_memory, "kills", lambda _fs: 4)
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
    ((record,), _) = records(monkeypatch, tmp_path, [prepared()], ScriptedLatency(lambda _n: failure))
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
    untimed = [Answer({**each.result, "new_input_ratio": 0.1}, each.arrays) for each in restless]
    broken = [WorkerFailure(Verdict("crashed", "SIGSEGV"), "")] * 3
    emulated, hot = Verdict("emulated", "qemu"), {"throttle": True}
    steps: list[tuple[list[Any], Any, Any, dict[str, Any], str]] = [
        (broken, -PLAIN, emulated, hot, "crashed"),
        (restless, -PLAIN, emulated, hot, "emulated"),
        (restless, -PLAIN, None, hot, "wrong-output"),
        (untimed, PLAIN, None, hot, "mistimed"),
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


# --- Mistimed ---------------------------------------------------------------------------------------------------------


def measured_by(patch: pytest.MonkeyPatch, folder: Path, case: Case | None = None, **session: Any) -> Any:
    """A case after three processes of such a session."""
    answers = []
    for number_of_process in range(3):
        machine = Machine()
        how = {"takes_ns": lambda _n: 2 * MS, **session}
        job = {"scenario": case.scenario, "load": case.load} if case else {}
        out = folder / str(number_of_process)
        result, arrays = in_process(patch, out, machine, Scripted(machine, **how), **job)
        quiet = {name: answer().result[name] for name in os_counters.Delta.__annotations__}
        answers.append(Answer({**result, **quiet}, arrays))
    return state_of(answers, case)


def test_verdict_mistimed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    honest = measured_by(monkeypatch, tmp_path / "honest", prepare_ns=50 * US, fetch_ns=50 * US)
    assert judged(honest).status == "precise"
    lazy = measured_by(monkeypatch, tmp_path / "lazy", takes_ns=lambda _n: US, fetch_ns=2 * MS)
    found = judged(lazy)
    assert (found.status, trust_of(found.status, TIMED)) == ("mistimed", "none")
    assert found.reason.startswith("fetch takes 2 ms beside an inference of 0.001 ms")
    assert "add-a-runtime.md" in found.remedy
    assert number(latency_metrics(lazy, profile("quick"))["latency_p50_ns"]) == US, (
        "the figure stands beside the verdict"
    )


def cycling(prepare: int = 0, infer: int = 1000, fetch: int = 0, allowed: tuple[int, int] = (0, 0)) -> dict[str, int]:
    copying = {"prepare_allowed": allowed[0], "fetch_allowed": allowed[1]}
    return {"prepare": prepare, "infer": infer, "fetch": fetch, **copying}


def test_work_left_out_is_mistimed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for cycle, mistimed in (
        (cycling(prepare=112), True),
        (cycling(prepare=110), False),
        (cycling(fetch=112), True),
        (cycling(fetch=110), False),
        (cycling(prepare=70, fetch=70), True),
        (cycling(prepare=500, fetch=900, allowed=(450, 850)), False),
        (cycling(prepare=500, allowed=(250, 0)), True),
    ):
        status = judged(state_of([answer(cycle_ns=cycle) for _ in range(3)])).status
        assert (status == "mistimed") is mistimed, cycle
    early = measured_by(monkeypatch, tmp_path / "early", takes_ns=lambda _n: 100 * US, prepare_ns=2 * MS)
    assert judged(early).reason.startswith("prepare takes 2 ms beside an inference of 0.1 ms")


def cycle(infer: int, cpu: int, again: int = 40, fetch: int = 30) -> timed_part._Cycle:
    return timed_part._Cycle(10, infer, cpu, fetch, again, 5, 7)


def test_what_copying_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(itertools.accumulate([0, 10, 20, 30, 40, 5, 7]))
    empty = NullSession()
    cpu = iter((100, 118))
    monkeypatch.setattr(timed_part.time, "perf_counter_ns", lambda: next(ticks))
    monkeypatch.setattr(timed_part.time, "process_time_ns", lambda: next(cpu))
    assert timed_part._cycle(empty, {"input": np.zeros(1, np.float32)}) == (10, 20, 18, 30, 40, 5, 7)
    monkeypatch.undo()
    for again, allowed in ((300, 240 + 4 * 7), (20, 240 + 20)):
        with monkeypatch.context() as patch:
            patch.setattr(timed_part, "_cycle", lambda *_, again=again: cycle(20, 18, again=again))
            patch.setattr(timed_part, "_call_ns", lambda: 4)
            told = timed_part._cycles(empty, [{"input": np.zeros(1, np.float32)}], 3, TimeLimit())["cycle_ns"]
        assert (told["prepare_allowed"], told["fetch_allowed"]) == (240 + 4 * 5, allowed)


def test_remembered_outputs_are_mistimed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    caching = judged(measured_by(monkeypatch, tmp_path, caches=True))
    assert caching.status == "mistimed"
    assert "inputs seen before take 0.0005 times as long as new ones" in caching.reason
    for ratio, status in ((0.89, "mistimed"), (0.91, "precise"), (1.3, "precise"), (None, "precise")):
        assert judged(state_of([answer(new_input_ratio=ratio) for _ in range(3)])).status == status
    for seen_cpu, expected in ((100, 300 / 400), (390, 390 / 400)):
        seen, new = itertools.cycle((700, 300, 500)), itertools.cycle((1000, 400, 700))
        monkeypatch.setattr(timed_part.NewInputs, "like", lambda _self, _batch: {"new": np.zeros(1)})
        monkeypatch.setattr(
            timed_part,
            "_cycle",
            lambda _s, batch, seen=seen, new=new, cpu=seen_cpu: (
                cycle(next(new), 400) if "new" in batch else cycle(next(seen), cpu)
            ),
        )
        ratio = timed_part._cycles(NullSession(), [{"input": np.zeros(1)}], 3, TimeLimit())["new_input_ratio"]
        assert ratio == expected, "the least of the first over the least of the second, in wall or in CPU time"


def test_doubtful_cycles_are_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timed_part.NewInputs, "like", lambda _self, _batch: {"new": np.zeros(1)})
    monkeypatch.setattr(timed_part, "_call_ns", lambda: 0)

    def pairs(
        seen: Sequence[int], new: Sequence[int], limit: TimeLimit | None = None, fetch: int = 0
    ) -> tuple[int, float]:
        """Return the number of pairs and their ratio where inferences take so long, the last value from then on."""
        took: dict[bool, list[int]] = {False: [], True: []}

        def one(_session: object, batch: Any) -> timed_part._Cycle:
            known, times = took["new" in batch], new if "new" in batch else seen
            known.append(times[min(len(known), len(times) - 1)])
            return cycle(known[-1], known[-1], fetch=fetch)

        monkeypatch.setattr(timed_part, "_cycle", one)
        told = timed_part._cycles(NullSession(), [{"input": np.zeros(1)}], 3, limit or TimeLimit())
        assert len(took[False]) == len(took[True])
        return len(took[False]), told["new_input_ratio"]

    assert pairs([100], [100]) == (3, 1.0), "nothing speaks against the adapter"
    assert pairs([100], [200, 200, 200, 101, 200]) == (6, 100 / 101), "another program took the CPU from all new ones"
    assert pairs([100], [200]) == (24, 0.5), "it stays so"
    assert pairs([100], [100], fetch=50) == (24, 1.0), "the work in fetch is looked at in the same way"
    assert pairs([100], [200], TimeLimit(time.perf_counter_ns())) == (3, 0.5), "the time limit leaves no time for more"


def test_samples_of_one_remembered_input_are_mistimed() -> None:
    for calls, ratio, status in ((3, 0.5, "mistimed"), (3, 0.95, "precise"), (1, 0.5, "precise")):
        state = state_of([answer(calls_per_sample=calls, same_input_ratio=ratio) for _ in range(3)])
        assert judged(state).status == status


def test_prepare_counts_where_it_is_not_timed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    several = Case("m", "fp32", "null", scenario="MultiStream", load=Load(samples_per_query=4))
    state = measured_by(monkeypatch, tmp_path / "prepare", several, prepare_ns=MS)
    assert state.runs[0].median_ns == 4 * (2 + 1) * MS, "the query holds it"
    assert judged(state).status == "precise"
    late = measured_by(monkeypatch, tmp_path / "fetch", several, fetch_ns=MS)
    assert judged(late).status == "mistimed"


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


def test_run_delay_of_its_threads() -> None:
    wall = np.full(400, 2 * MS)
    for threads in (1, 2, 4):
        found = evidence(answer(wall, run_delay=0.06, cpu_pressure=None), threads=threads)
        assert found == "its threads waited for a CPU 6% of the time (schedstat)"
        assert evidence(answer(wall, run_delay=0.04, cpu_pressure=None), threads=threads) == ""
    assert evidence(answer(wall, run_delay=0.09), answer(wall, run_delay=0.0), threads=2) == ""
    assert evidence(answer(wall, run_delay=0.11), answer(wall, run_delay=0.0), threads=2) != ""


def test_more_threads_than_cpus() -> None:
    wall = np.full(400, 2 * MS)
    for cpus, threads, words in (
        ([3], 2, "2 threads on 1 CPU (affinity or cpuset)"),
        ([2, 3], 4, "4 threads on 2 CPUs (affinity or cpuset)"),
        ([2, 3], 2, ""),
        ([0, 1, 2, 3], 2, ""),
    ):
        assert evidence(answer(wall, affinity=cpus), threads=threads) == words
    assert evidence(answer(wall, affinity=[0, 1]), answer(wall, affinity=[0]), threads=2) != "", "CPUs were taken away"
    streams = Case("m", "fp32", "null", threads=2, scenario="Offline", load=Load(streams=2))
    assert CaseState(prepared(streams)).prepared.concurrency == 4
    for quota, words in ((0.5, "1 thread within a quota of 0.5 CPUs (cpu.max)"), (1.0, ""), (None, "")):
        state = CaseState(prepared(cpu_quota=quota))
        state.add(answer(wall), 0, Blobs(), profile("quick"))
        found = contended(state, latency_metrics(state, profile("quick")))
        assert (found.reason if found else "") == words


def test_pressure_counts_up_to_unused_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {1, 2})
    for used_s, waited_s, share in ((0.5, 0.3, 0.3), (1.9, 0.3, 0.1), (2.0, 0.3, 0.0), (2.5, 0.3, 0.0), (0.0, 3, 1.0)):
        threads = {n: os_counters.ThreadTimes(SECOND, round(waited_s * SECOND / 2)) for n in (1, 2)}
        before = os_counters.Snapshot(0, 0, 0, 0, 1_000_000, {})
        after = os_counters.Snapshot(SECOND, round(used_s * SECOND), 0, 0, 1_000_000 + round(waited_s * 1e6), threads)
        found = os_counters.delta(before, after)
        assert found["cpu_pressure"] == pytest.approx(share)
        assert found["run_delay"] == pytest.approx(share)


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


# --- Witnesses --------------------------------------------------------------------------------------------------------


def test_the_table_of_witnesses_is_that_of_the_code() -> None:
    page = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    table = page.partition("| witness | sees | needs | instead |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    evidence = {"trust": "`contended`", "precision": "not `precise`"}
    assert rows == [[w.name, w.sees, w.needs, w.instead, evidence[w.forbids]] for w in WITNESSES]
    first = [witness.name for witness in WITNESSES if witness.of_waiting]
    assert first == [witness.name for witness in WITNESSES[:3]]


def unwatched(**facts: Any) -> Any:
    """Three processes of two threads on a kernel that keeps neither schedstat nor PSI, with these facts instead."""
    kernel = {"run_delay": None, "cpu_pressure": None, "busy_threads": None, **facts}
    return state_of([answer(**kernel) for _ in range(3)], Case("m", "fp32", "null", threads=2))


def test_no_witness_no_precise() -> None:
    found = judged(unwatched())
    assert found.status == "imprecise"
    for needed in ("schedstat", "/proc/pressure/cpu"):
        assert needed in found.reason
    assert judged(unwatched(run_delay=0.0)).status == "precise"
    assert judged(unwatched(cpu_pressure=0.0)).status == "precise"
    lone = {"run_delay": None, "cpu_pressure": None}
    assert judged(state_of([answer(**lone) for _ in range(3)])).status == "precise", "wall against CPU time watches"
    waiting = [answer(**lone, voluntary_switches=12) for _ in range(3)]
    assert judged(state_of(waiting)).status == "imprecise", "a thread that waits for a device is not watched by it"


def accompanied(*cpus: float | None) -> Any:
    state = CaseState(prepared())
    for place, each in enumerate(cpus):
        state.add(answer(), place, Blobs(), profile("quick"), Surroundings(others_cpus=each))
    return state


def test_other_programs_forbid_precise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = judged(accompanied(0.3, 0.9, 0.0))
    assert found.status == "imprecise"
    assert "other programs used 0.3 CPUs meanwhile (/proc/stat)" in found.reason
    for cpus in ((0.1, 0.9, 0.0), (None, None, None), (0.2, 0.2, 0.2)):
        assert judged(accompanied(*cpus)).status == "precise", cpus
    stat, clock = tmp_path / "proc/stat", iter((0, SECOND))
    stat.parent.mkdir()
    monkeypatch.setattr(cpu_time, "own_ns", iter((3 * SECOND, 3 * SECOND + 600 * MS)).__next__)
    monkeypatch.setattr(cpu_time.time, "perf_counter_ns", clock.__next__)
    stat.write_text("cpu  100 10 50 7000 900 80 70 60 5 0\ncpu0 1 2 3\n")
    others = cpu_time.OtherPrograms(HostFs(tmp_path))
    stat.write_text("cpu  170 20 70 7900 990 99 99 99 5 0\ncpu0 1 2 3\n")
    ticks_per_s = os.sysconf("SC_CLK_TCK")
    assert others.cpus() == pytest.approx(100 / ticks_per_s - 0.6), "what computed, less what was this program's own"


MIB = 1 << 20


def control_on(folder: Path, cache: str = "", memory_kib: int = 8 << 20, takes_ns: Any = ()) -> MemoryControl:
    """The memory control of a machine with such a cache and memory, whose copies take so long."""
    tree: trees.Tree = {"proc/meminfo": f"MemTotal: {memory_kib} kB\n"}
    if cache:
        tree["sys/devices/system/cpu/cpu0/cache/index3/size"] = cache
    ticks = iter([tick for n, ns in enumerate(takes_ns) for tick in (1000 * n, 1000 * n + ns)])
    return MemoryControl(HostFs(trees.write(folder, tree)), lambda: next(ticks))


def test_the_memory_control_streams_from_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(memory_control.np, "ones", lambda n, _type: sizes.append(n) or bytearray(8))
    copied: list[tuple[int, int]] = []
    monkeypatch.setattr(memory_control.np, "copyto", lambda to, of: copied.append((len(to), len(of))))
    takes = [999, 40, 50, 60, 70, 31, 80, 90, 45, 55]  # the first does not count
    for name, cache, memory_kib in (("big", "16384K", 8 << 20), ("small", "1M", 8 << 20), ("tight", "32M", 480 << 10)):
        control = control_on(tmp_path / name, cache, memory_kib, takes)
        assert control.ns() == 55.0
        assert control.times_ns == [55.0]
    assert sizes == [64 * MIB, 32 * MIB, 20 * MIB]
    assert set(copied) == {(4, 4)}
    assert len(copied) == 3 * 10
    assert control_on(tmp_path / "untold").cache_bytes is None
    assert control_on(tmp_path / "again", "2M").cache_bytes == 2 * MIB


def test_the_memory_control_frames_the_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine = Machine()
    on_cpus(monkeypatch, machine, {0, 1, 2})
    control = control_on(tmp_path)
    monkeypatch.setattr(control, "_array", np.ones(2, np.uint8))
    monkeypatch.setattr(control, "_copy", lambda _array: len(machine.events))

    def run(_job: Job) -> Answer:
        machine.events.append("process")
        return answer()

    case = prepared(cpus=(2, 1))
    ((state,), _) = measure(
        monkeypatch, [case], profile("smoke"), run, scratch=tmp_path, surroundings=SurroundingsWatch(None, control)
    )
    assert machine.events == ["pin [2]", "pin [0, 1, 2]", "process", "pin [2]", "pin [0, 1, 2]"]
    assert state.runs[0].memory_control_ns == (1.0, 4.0)
    assert state.memory == MemoryReference(None, False, None), "two times are too few to compare with"


def usually(ns: float, spread: float = 0.0) -> UsualTime:
    return UsualTime(ns, spread, 5)


def streamed(
    *processes: tuple[float, ...], size: int = MIB, usual: UsualTime | None = None, cache: int | None = MIB
) -> Any:
    """The verdict where the memory control took so long before and after each process, on a net of this size."""
    case = prepared()
    state = CaseState(dataclasses.replace(case, artifact=dataclasses.replace(case.artifact, size_bytes=size)))
    for place, memory_ns in enumerate(processes):
        state.add(answer(), place, Blobs(), profile("quick"), Surroundings(memory_ns=memory_ns))
    in_this_run = UsualTime.of([ns for each in processes for ns in each])
    state.memory = MemoryReference(usual or in_this_run, usual is not None, cache)
    return judged(state)


def test_a_slower_memory_forbids_precise(tmp_path: Path) -> None:
    calm = (100.0, 100.0)
    for processes, status in (
        ((calm, calm, calm), "precise"),
        ((calm, (100.0, 112.0), (112.0, 100.0)), "imprecise"),
        ((calm, (100.0, 109.0), (109.0, 100.0)), "precise"),
        ((calm, calm, (150.0, 150.0)), "precise"),  # one of several is what the interval is for
        (((), (), ()), "precise"),
    ):
        assert streamed(*processes).status == status, processes
    slow = ((117.0, 117.0),) * 3
    assert streamed(*slow).status == "precise", "the whole run was like that: only the usual time can tell"
    found = streamed(*slow, usual=usually(100.0))
    assert found.status == "imprecise"
    assert "a fixed stream from memory took 17% longer than usual" in found.reason
    assert streamed(*slow, usual=usually(100.0, spread=0.1)).status == "precise", "its runs differ by that anyway"
    assert streamed(*((60.0, 60.0),) * 3, usual=usually(100.0)).status == "precise", "it is faster than usual"
    watch = SurroundingsWatch(None, control_on(tmp_path, takes_ns=[7] * 10), usual_memory=usually(5.0))
    watch.begin()
    assert watch.memory_reference == MemoryReference(usually(5.0), True, None)
    watch = SurroundingsWatch(None, control_on(tmp_path, takes_ns=[7] * 60))
    for _ in range(3):
        watch.begin()()
    assert watch.memory_reference == MemoryReference(UsualTime.of([7.0] * 6), False, None)


def test_a_net_that_fills_little_of_the_cache_does_not_notice_the_memory() -> None:
    slow = ((117.0, 117.0),) * 3
    for size, cache, status in (
        (MIB, 8 * MIB, "imprecise"),
        (MIB - 1, 8 * MIB, "precise"),
        (1, None, "imprecise"),  # nobody knows
    ):
        assert streamed(*slow, usual=usually(100.0), size=size, cache=cache).status == status


def handed_over(*processes: tuple[float, ...], earlier: float | None = None) -> Any:
    """The verdict where a trip between its CPUs took so long before and after each process."""
    state = CaseState(prepared(Case("m", "fp32", "null", threads=2)))
    for place, trips in enumerate(processes):
        state.add(answer(), place, Blobs(), profile("quick"), Surroundings(handover_ns=trips))
    state.speed = dataclasses.replace(state.speed, handover_ns=earlier)
    return judged(state)


def test_cpus_far_apart_forbid_precise() -> None:
    near, far = (250.0, 260.0), (600.0, 610.0)
    for processes, earlier, status in (
        ((near, near, near), None, "precise"),
        ((near, far, far), None, "imprecise"),
        ((near, near, far), None, "precise"),  # one of several is what the interval is for
        ((near, (250.0, 380.0), (380.0, 250.0)), None, "imprecise"),
        ((near, (250.0, 370.0), (370.0, 250.0)), None, "precise"),
        ((far, far, far), None, "precise"),  # the whole run was like that: only earlier ones can tell
        ((far, far, far), 250.0, "imprecise"),
        ((far, far, far), 500.0, "precise"),
        (((), (), ()), 250.0, "precise"),
    ):
        assert handed_over(*processes, earlier=earlier).status == status, (processes, earlier)
    reason = handed_over(far, far, far, earlier=250.0).reason
    assert "its CPUs answered each other in 610 ns, 250 ns at best" in reason


def test_the_handover_control_frames_a_process_of_several_threads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    events: list[str] = []
    monkeypatch.setattr(surroundings, "handover_ns", lambda cpus: events.append(f"trip {cpus}") or 5.0 * len(events))
    control = control_on(tmp_path)
    monkeypatch.setattr(control, "ns", lambda _cpus: 1.0)

    def run(_job: Job) -> Answer:
        events.append("process")
        return answer()

    for threads, expected in ((1, ()), (2, (5.0, 15.0))):
        events.clear()
        case = prepared(Case("m", "fp32", "null", threads=threads), cpus=(2, 1))
        watch = SurroundingsWatch(None, control)
        ((state,), _) = measure(monkeypatch, [case], profile("smoke"), run, scratch=tmp_path, surroundings=watch)
        assert state.runs[0].handover_ns == expected
    assert events == ["trip (2, 1)", "process", "trip (2, 1)"]


def full_disk() -> Any:
    raise OSError(28, "No space left on device")


def test_the_handover_control_waits_for_the_answer_of_another_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    cpus = sorted(os.sched_getaffinity(0))
    before = os.sched_getaffinity(0)
    assert handover.handover_ns(cpus[:1]) is None
    assert handover.handover_ns([cpus[0], 100_000]) is None, "no such CPU"
    with monkeypatch.context() as patch:
        patch.setattr("tempfile.TemporaryFile", full_disk)
        assert handover.handover_ns([0, 1]) is None, "which costs this figure alone"
    if len(cpus) > 1:
        trip_ns = handover.handover_ns(cpus)
        assert trip_ns is not None
        assert trip_ns > 10
    assert os.sched_getaffinity(0) == before
    times = {1: 300.0, 2: 700.0, 3: 200.0, 4: 900.0}
    monkeypatch.setattr(handover, "_trip_ns", lambda here, there: times[there] if here == 0 else None)
    assert handover.handover_ns([0, 1, 2, 3, 4]) == 700.0, "the slowest of the first four"
    times[2] = None  # type: ignore[assignment]
    assert handover.handover_ns([0, 1, 2, 3]) is None


def test_a_memory_bound_net_is_contended() -> None:
    slow = ((117.0, 117.0),) * 3
    found = streamed(*slow, usual=usually(100.0), size=3 * MIB)
    assert found.status == "contended"
    assert "the 3 MiB of this net do not fit the cache" in found.reason
    assert streamed(*slow, usual=usually(110.0), size=3 * MIB).status == "precise"
    assert streamed(*slow, usual=usually(100.0), size=MIB).status == "imprecise"
    assert streamed(*slow, usual=usually(100.0), size=3 * MIB, cache=None).status == "imprecise", "nobody knows"


def test_witnesses_are_recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    case = prepared(Case("m", "fp32", "null", threads=2))
    ((record,), _) = records(monkeypatch, tmp_path, [case], ScriptedLatency(lambda _n: answer(cpu_pressure=None)))
    told = record.details["witnesses"]
    assert list(told) == [witness.name for witness in WITNESSES]
    assert told["run delay"] == told["CPUs for its threads"] == "present"
    assert told["CPU pressure"].startswith("missing: needs /proc/pressure/cpu")
    assert told["wall over CPU time"].startswith("missing: needs one thread per core")
    (run,) = state_of([answer(run_delay=0.02, cpu_pressure=0.01)]).runs
    assert (run.run_delay, run.cpu_pressure, run.others_cpus) == (0.02, 0.01, None)
    assert [run.others_cpus for run in accompanied(0.25, None).runs] == [0.25, None]
