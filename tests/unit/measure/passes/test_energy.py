"""The energy pass under a scripted meter and clock: what runs under it, and what of its readings becomes joules."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.core.quantity import Missing, Quantity, Value
from harness.core.sensing import Channel, Reading
from harness.core.target import PowerTotal
from harness.measure.passes.energy import EnergyPass
from harness.measure.passes.worker_process import Answer, WorkerFailure
from harness.measure.prepared import PreparedCase
from harness.measure.presets import profile
from harness.measure.protocol import Job
from harness.measure.samples import CaseState
from harness.runtimes.base import Options
from harness.sensors.board_power import PowerSource
from harness.sensors.sampler import Sampler, Series, Traces
from tests.fakes.worker import CRASH, FakeWorkers, timed

SECOND = 1_000_000_000
PERIOD_NS = 100_000_000
IDLE_W, BUSY_W = 2.0, 5.0
METER = Channel("meter/board", "W", "board", period_ns=PERIOD_NS)
SMOKE = profile("smoke")


class Clock:
    """Time that passes only when something waits or works; remembers when the worker was busy."""

    def __init__(self) -> None:
        self.now_ns = SECOND
        self.busy: list[tuple[int, int]] = []

    def perf_counter_ns(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)

    def work(self, job: Job) -> Answer:
        """A worker that loops for as long as its job says: an inference every 10 ms."""
        assert job.loop is not None
        start = self.now_ns
        self.now_ns += job.loop.min_ns
        self.busy.append((start, self.now_ns))
        marks = {"after_import": start, "after_load": start}
        phases: dict[str, Any] = {name: {"at_ns": at, "peak_rss_bytes": 0} for name, at in marks.items()}
        inferences = job.loop.min_ns // 10_000_000
        return timed(started_ns=start, ended_ns=self.now_ns, inferences=inferences, **phases)


@dataclass
class Meter:
    """A sensor whose readings `ScriptedSampler` makes up; what breaks at `breaks_ns` says nothing more."""

    clock: Clock
    breaks_ns: int | None = None
    name: str = "meter"
    absent: str = ""
    channels: tuple[Channel, ...] = (METER,)

    def read(self) -> list[Reading]:
        raise AssertionError("the sampler is scripted")

    def close(self) -> None:
        """Nothing to release."""

    def series(self, from_ns: int) -> Series:
        t_ns = np.arange(from_ns, self.clock.now_ns + 1, PERIOD_NS)
        watts = np.full(len(t_ns), IDLE_W)
        for start, end in self.clock.busy:
            watts[(t_ns >= start) & (t_ns <= end)] = BUSY_W
        watts += np.where(np.arange(len(t_ns)) % 2, 0.01, -0.01)  # a sensor that stands still is not believed
        said = t_ns < (self.breaks_ns or t_ns[-1] + 1)
        missing = {} if said.all() else {"the sensor failed: OSError: gone": int((~said).sum())}
        return Series(METER, t_ns[said], watts[said], PERIOD_NS, missing)


@dataclass
class ScriptedSampler:
    """In the place of `Sampler`."""

    meters: Sequence[Meter]
    started_ns: int = 0
    stopped: list[bool] = field(default_factory=list)

    def start(self) -> ScriptedSampler:
        self.started_ns = self.meters[0].clock.now_ns
        return self

    def stop(self) -> Traces:
        self.stopped.append(True)
        series = [meter.series(self.started_ns) for meter in self.meters]
        return Traces({each.channel.name: each for each in series}, 1, self.meters[0].clock.now_ns - self.started_ns)


class Sink:
    """Keeps the blobs it is given."""

    def __init__(self) -> None:
        self.kept: list[Mapping[str, NDArray[Any]]] = []

    def put_blob(self, arrays: Mapping[str, NDArray[Any]]) -> tuple[str, int]:
        self.kept.append(arrays)
        return f"{len(self.kept):064x}", len(next(iter(arrays.values())))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "sleep", made.sleep)
    monkeypatch.setattr(time, "perf_counter_ns", made.perf_counter_ns)
    monkeypatch.setattr("harness.measure.passes.energy.Sampler", ScriptedSampler)
    return made


def states(*settings: str) -> list[CaseState]:
    """A case for each setting whose latency is known."""
    found = []
    for name in settings:
        artifact = Artifact(Path(f"{name}.onnx"), "onnx", "0" * 64, 1)
        prepared = PreparedCase(Case("net", name, "null"), artifact, "harness.runtimes.null:null", Options(), None)
        found.append(CaseState(prepared))
    return found


def measured(
    meter: Meter,
    cases: Sequence[CaseState],
    work: Callable[[Job], Answer | WorkerFailure],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> tuple[dict[str, tuple[Quantity, Quantity]], FakeWorkers]:
    """Gross and net of each setting, and the jobs that were run."""
    fake = FakeWorkers({"latency": work})
    monkeypatch.setattr("harness.measure.passes.energy.run_worker", fake)
    source = PowerSource(PowerTotal("board", (METER.name,)), (METER,))
    found = EnergyPass([meter], source).measure(cases, SMOKE, Sink(), tmp_path)
    joules = {
        case.compression: (each.metrics["energy_gross_j"], each.metrics["energy_net_j"]) for case, each in found.items()
    }
    return joules, fake


def test_each_case_has_its_own_window_and_idle_is_taken_off(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found, fake = measured(Meter(clock), states("fp32", "int8"), clock.work, monkeypatch, tmp_path)
    for gross, net in found.values():
        assert isinstance(gross, Value)
        assert isinstance(net, Value)
        assert gross.value == pytest.approx(BUSY_W * 0.01, rel=0.02)
        assert net.value == pytest.approx((BUSY_W - IDLE_W) * 0.01, rel=0.04)
    assert [job.loop for job in fake.jobs] == [dataclasses.replace(SMOKE.loop, min_ns=14 * PERIOD_NS)] * 2
    assert len({job.out for job in fake.jobs}) == 2


def test_a_window_is_long_enough_for_the_slowest_channel(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slow = Channel("meter/board", "W", "board", kind="mean", period_ns=SECOND)
    fake = FakeWorkers({"latency": clock.work})
    monkeypatch.setattr("harness.measure.passes.energy.run_worker", fake)
    source = PowerSource(PowerTotal("board", (slow.name,)), (slow,))
    EnergyPass([Meter(clock)], source).measure(states("fp32"), SMOKE, Sink(), tmp_path)
    assert fake.jobs[0].loop is not None
    assert fake.jobs[0].loop.min_ns == (2 + 14) * SECOND  # a mean of a period, read up to a period later


def test_a_case_that_fails_under_the_meter_costs_itself_alone(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def work(job: Job) -> Answer | WorkerFailure:
        return CRASH if "int8" in job.model else clock.work(job)

    found, _ = measured(Meter(clock), states("int8", "fp32"), work, monkeypatch, tmp_path)
    reason = Missing("the energy pass ended as crashed: the process was ended by SIGSEGV")
    assert found["int8"] == (reason, reason)
    assert all(isinstance(each, Value) for each in found["fp32"])


def test_a_meter_that_breaks_off_leaves_the_energy_of_the_cases_before(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    window_ns = 14 * PERIOD_NS
    second_begins_ns = clock.now_ns + 2 * window_ns
    meter = Meter(clock, breaks_ns=second_begins_ns + window_ns // 2)
    found, _ = measured(meter, states("fp32", "int8"), clock.work, monkeypatch, tmp_path)
    gross, net = found["fp32"]
    assert isinstance(gross, Value)
    assert isinstance(net, Missing)  # there is no idle after it to compare with
    assert all(isinstance(each, Missing) for each in found["int8"])


def test_a_meter_that_never_says_anything_is_the_reason(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found, _ = measured(Meter(clock, breaks_ns=1), states("fp32"), clock.work, monkeypatch, tmp_path)
    assert found["fp32"][0] == Missing("the power could not be read: the sensor failed: OSError: gone")


def test_the_sampler_is_stopped_when_a_worker_cannot_be_started(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: list[ScriptedSampler] = []

    def sampler(meters: Sequence[Meter]) -> ScriptedSampler:
        made.append(ScriptedSampler(meters))
        return made[-1]

    def full(_: Job) -> Answer:
        raise OSError("no space left on device")

    monkeypatch.setattr("harness.measure.passes.energy.Sampler", sampler)
    with pytest.raises(OSError, match="no space left"):
        measured(Meter(clock), states("fp32"), full, monkeypatch, tmp_path)
    assert made[0].stopped == [True]


def test_no_case_is_left_no_time_is_spent(clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = clock.now_ns
    found, fake = measured(Meter(clock), [], clock.work, monkeypatch, tmp_path)
    assert (found, fake.jobs, clock.now_ns) == ({}, [], before)


def test_the_fake_sampler_is_called_as_the_real_one_is() -> None:
    assert {"start", "stop"} <= set(vars(Sampler)) & set(vars(ScriptedSampler))
