"""The promises of docs/protocol.md on how fast the machine is against its usual."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from harness.core.case import Case
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing, Value
from harness.core.verdict import Verdict
from harness.host.machine_speed import MachineSpeed, SpeedHistory, UsualTime
from harness.measure import machine_speed as speed_module
from harness.measure.machine_speed import PROCESSES, machine_speed, software
from harness.measure.passes.memory_control import MemoryControl
from harness.measure.passes.worker_process import Answer, WorkerFailure
from harness.measure.protocol import Interpreter, Job
from harness.measure.reference_net import REFERENCE, ReferenceSession
from harness.measure.samples import CaseState, MemoryReference
from harness.measure.verdicts import on_this_machine
from harness.measure.worker.setup import adapter
from harness.runs.session import RunSession
from harness.stats.distributions import t_quantile
from harness.store.comparison import compare_records
from reports.terminal.table import final_table
from tests import factory
from tests.fakes.plans import plan_of
from tests.protocol.protocol_helpers import config_on_a_tree
from tests.protocol.scripted import MS, answer, judged, prepared, replace_workers, state_of, usual

QUIET = {"run_delay": 0.0, "cpu_pressure": 0.0}


class Reference:
    """In the place of the reference net's processes: each takes the next of these times."""

    def __init__(self, patch: pytest.MonkeyPatch, *reference_ns: float, company: float | None = 0.0, **facts: Any):
        self.jobs: list[Job] = []
        self._times, self._facts = iter(reference_ns), {**QUIET, **facts}
        patch.setattr(speed_module, "run_worker", self)
        patch.setattr(speed_module, "handover_ns", lambda _cpus: None)
        patch.setattr(speed_module, "OtherPrograms", lambda _fs: SimpleNamespace(cpus=lambda: company))

    def __call__(self, job: Job, _timeout_s: float) -> Answer:
        self.jobs.append(job)
        return answer(np.full(30, round(next(self._times))), control_ns=1e6 + len(self.jobs), **self._facts)


def memory_of(patch: pytest.MonkeyPatch, folder: Path, *memory_ns: float) -> MemoryControl:
    control, times = MemoryControl(HostFs(folder)), iter(memory_ns)
    patch.setattr(control, "ns", lambda _cpus: next(times))
    return control


def kept(folder: Path, unit: str = "unit") -> list[dict[str, float]]:
    path = SpeedHistory(unit, "any", folder).path
    return [json.loads(line)["now_ns"] for line in path.read_text().splitlines()] if path.exists() else []


def test_fixed_work_is_timed_and_kept_for_each_unit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reference = Reference(monkeypatch, 5 * MS, 2 * MS, 3 * MS)
    memory = memory_of(monkeypatch, tmp_path, 70.0, 90.0, 80.0)
    history = SpeedHistory("unit", software(), tmp_path)
    trips = iter((300.0, None, 500.0))
    monkeypatch.setattr(speed_module, "handover_ns", lambda cpus: next(trips) if cpus == (3, 1) else None)
    speed = machine_speed(history, memory, (3, 1), tmp_path)
    times = {"control": 1e6 + 2, "memory": 80.0, "reference": 3.0 * MS, "handover": 400.0}
    assert speed.now_ns == times
    assert kept(tmp_path) == [times]
    assert kept(tmp_path, "twin") == []
    assert len(reference.jobs) == PROCESSES == 3
    assert {(job.phase, job.affinity) for job in reference.jobs} == {("latency", (3,))}
    assert adapter(reference.jobs[0]) is REFERENCE
    session = ReferenceSession()
    outputs = []
    for _ in range(2):
        session.prepare({"x": np.ones((1, 16, 32, 32), np.float32)})
        session.infer()
        outputs.append(session.fetch()["y"])
    assert np.array_equal(*outputs), "the work is always the same"
    assert 0 < outputs[0].std() < 10


def test_a_busy_machine_is_neither_judged_nor_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    history = SpeedHistory("unit", software(), tmp_path)
    for busy in ({"run_delay": 0.06}, {"cpu_pressure": 0.06}, {"company": 0.3}, {"calm": True}):
        calm = busy.pop("calm", False)
        Reference(monkeypatch, *[2 * MS] * 3, **busy)
        speed = machine_speed(history, memory_of(monkeypatch, tmp_path, 1.0, 1.0, 1.0), (), tmp_path)
        assert (speed.unknown == "") is calm, busy
        assert len(kept(tmp_path)) == calm
    for handover_ns in (700.0, 300.0, 500.0, 600.0):
        history.add({"control": 1e6, "memory": 2.0, "reference": 2.0 * MS, "handover": handover_ns})
    Reference(monkeypatch, *[2 * MS] * 3, company=0.3)
    speed = machine_speed(history, memory_of(monkeypatch, tmp_path, 1.0, 1.0, 1.0), (), tmp_path)
    assert speed.usual["memory"].ns == 2.0, "what it usually takes is known all the same"
    assert speed.handover_ns == 300.0, "of earlier runs the fastest"
    assert speed.words() == ""
    broken = WorkerFailure(Verdict("crashed", "SIGSEGV"), "")
    monkeypatch.setattr(speed_module, "run_worker", lambda _job, _timeout_s: broken)
    speed = machine_speed(history, memory_of(monkeypatch, tmp_path, 1.0), (), tmp_path)
    assert "crashed: SIGSEGV" in speed.finding.found
    assert machine_speed(Missing("no id"), memory_of(monkeypatch, tmp_path), (), tmp_path).unknown == "no id"


def session_of(patch: pytest.MonkeyPatch, folder: Path, earlier_ms: Sequence[float], now_ms: float) -> Any:
    """A whole run on a unit with these earlier times of the reference net; its header and records."""
    replace_workers(patch, usual)
    history = SpeedHistory("unit", software(), folder / "history")
    for ms in earlier_ms:
        history.add({"control": 1e6, "reference": ms * MS})
    patch.setattr("harness.runs.session.history_of", lambda _machine, _software: history)
    Reference(patch, *[now_ms * MS] * 3)
    plan = plan_of([prepared()], folder / "run")
    with RunSession(config_on_a_tree(folder), plan) as made:
        list(made.run())
    return made.header, made.folder.records()


def test_handovers_are_timed_between_the_cpus_of_the_case_with_the_most(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Sequence[int]] = []
    monkeypatch.setattr("harness.runs.session.history_of", lambda *_: Missing("no id"))
    monkeypatch.setattr(
        "harness.runs.session.machine_speed",
        lambda _history, _memory, cpus, _scratch: asked.append(cpus) or MachineSpeed(),
    )
    replace_workers(monkeypatch, usual)
    cases = [prepared(cpus=(3,)), prepared(Case("m", "fp32", "null", threads=2), cpus=(3, 1))]
    with RunSession(config_on_a_tree(tmp_path), plan_of(cases, tmp_path / "run")):
        pass
    assert asked == [(3, 1)]


def test_the_first_runs_say_that_nothing_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for earlier, known in ((0, False), (4, False), (5, True)):
        header, (record,) = session_of(monkeypatch, tmp_path / str(earlier), [2.0] * earlier, 2.0)
        (finding,) = [each for each in header.findings if each.check == "machine_speed"]
        assert finding in record.findings
        assert record.details["machine_speed"]["earlier_runs"] == earlier
        words = f"nothing is known yet of this machine's usual speed ({earlier} of 5 earlier runs)"
        assert finding.found.startswith("as usual: the reference net took 2 ms" if known else words)
        assert finding.status == ("ok" if known else "unknown")
        assert record.verdict.status == "precise", "which is no reason for doubt"


RUNS = (2.0, 2.01, 1.99, 2.0, 2.02, 1.98)


def test_a_machine_not_as_usual_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for now_ms, words in ((2.16, "machine 8 % slower than its usual"), (1.84, "machine 8 % faster than its usual")):
        header, (record,) = session_of(monkeypatch, tmp_path / str(now_ms), RUNS, now_ms)
        (finding,) = [each for each in header.findings if each.check == "machine_speed"]
        assert (finding.status, finding.found.partition(":")[0]) == ("warn", words)
        assert record.verdict.status == "imprecise"
        assert words in record.verdict.reason
        assert any(words in line for line in lines(header, [record]))
    for earlier, now_ms in (((2.0, 2.2, 1.8, 2.1, 1.9, 2.0), 2.16), (RUNS, 2.05)):
        header, (record,) = session_of(monkeypatch, tmp_path / f"{len(set(earlier))}-{now_ms}", earlier, now_ms)
        assert record.verdict.status == "precise", "its runs differ by as much, or it is little"


def lines(header: Any, found: Any) -> list[str]:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(final_table(found, header))
    return console.export_text().splitlines()


def speed_of(spread: float = 0.01, **now_ns: float) -> MachineSpeed:
    """A machine that usually takes 1 ms for the control and 2 ms for the net."""
    usual = {"control": UsualTime(1e6, spread, 9), "reference": UsualTime(2e6, spread, 9)}
    return MachineSpeed({"control": 1e6, "reference": 2e6, **now_ns}, usual, 9, unknown="")


def test_a_case_is_judged_by_the_fixed_work_in_its_own_processes() -> None:
    for control_ns, status in ((1e6, "precise"), (1.1e6, "imprecise"), (0.9e6, "imprecise")):
        state = state_of([answer(control_ns=control_ns) for _ in range(3)])
        state.speed = speed_of()
        assert judged(state).status == status
        assert ("than its usual: a fixed piece of integer work took" in judged(state).reason) == (status != "precise")
    state.prepared = dataclasses.replace(state.prepared, interpreter=Interpreter("/python3.9", ""))
    assert judged(state).status == "precise", "another Python takes another time"
    before = state_of([answer() for _ in range(3)])
    before.speed = speed_of(control=1.2e6)
    assert judged(before).status == "precise", "what it took before the first case counts for no later one"


def test_a_reason_says_what_its_interval_covers() -> None:
    walls = [np.full(40, round(each * MS)) for each in (1.99, 2.0, 2.01)]
    state = state_of([answer(wall) for wall in walls])
    within = judged(state)
    assert within.status == "precise"
    assert within.reason == "median within 1.2% at 95 % within this run"
    state.speed = speed_of(0.02)
    state.memory = MemoryReference(None, False, 32 << 20)
    reach = t_quantile(0.975, 8) * 0.02 * math.sqrt(1 + 1 / 9)
    wider = math.expm1(math.hypot(math.log1p(0.01248), reach))
    assert judged(state).reason == f"median within 1.2% at 95 % within this run, {wider:.1%} on this machine"
    assert wider == pytest.approx(0.051, abs=0.001)


def test_the_history_tells_of_cases_like_its_net() -> None:
    def wider(size: int, cache: int | None = 32 << 20, threads: int = 1) -> float | None:
        case = prepared(Case("m", "fp32", "null", threads=threads))
        state = CaseState(dataclasses.replace(case, artifact=dataclasses.replace(case.artifact, size_bytes=size)))
        state.speed, state.memory = speed_of(0.02), MemoryReference(None, False, cache)
        return on_this_machine(state, 0.01)

    assert wider((4 << 20) - 1) == speed_of(0.02).on_this_machine(0.01)
    assert wider(4 << 20) is None, "it does not fit"
    assert wider(1, threads=2) is None, "its threads wait for each other"
    assert wider(1, cache=None) is None, "nobody knows"


def test_comparisons_widen_by_the_spread_between_runs(tmp_path: Path) -> None:
    (record,) = factory.write_run(tmp_path / "one", factory.nets()[:1]).records()
    first = dataclasses.replace(record, processes=tuple(record.processes), run_id="a")
    slower = tuple(dataclasses.replace(run, median_ns=round(1.08 * run.median_ns)) for run in record.processes)
    second = dataclasses.replace(record, processes=slower, run_id="b")
    plain = compare_records(first, second)
    assert plain.change == "slower"
    assert isinstance(plain.latency, Value)
    told = [
        dataclasses.replace(each, details={"machine_speed": speed_of(spread).to_json()})
        for each, spread in ((first, 0.02), (second, 0.03))
    ]
    wide = compare_records(*told)
    assert isinstance(wide.latency, Value)
    assert plain.latency.hi is not None
    assert wide.latency.hi is not None
    reaches = [UsualTime(2e6, spread, 9).reach for spread in (0.02, 0.03)]
    half = math.hypot(math.log(plain.latency.hi / plain.latency.value), *reaches)
    assert wide.latency.hi == pytest.approx(wide.latency.value * math.exp(half))
    assert wide.latency.value == plain.latency.value
    assert wide.change == "undecided"
    assert f"runs of the same machine differ by {math.expm1(math.hypot(*reaches)):.1%}" in wide.reason
    same_run = [dataclasses.replace(each, run_id="a") for each in told]
    assert compare_records(*same_run).latency == plain.latency, "cases of one run met one machine"
    half_known = compare_records(first, told[1]).latency
    assert isinstance(half_known, Value)
    assert half_known.hi is not None
    assert plain.latency.hi < half_known.hi < wide.latency.hi
