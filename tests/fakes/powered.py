"""A board whose power is known at every nanosecond, and an energy pass over it on a scripted clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.core.case import Case
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Reading, Sensor
from harness.core.target import PowerTotal
from harness.measure.passes import energy
from harness.measure.passes.energy import EnergyPass, EnergyResult
from harness.measure.passes.latency import CaseState
from harness.measure.passes.worker_process import Answer, WorkerFailure
from harness.measure.presets import Profile
from harness.measure.protocol import PHASES, Job
from harness.sensors import sampler
from harness.sensors.board_power import PowerSource
from tests.fakes.scripted import MS, SECOND, Blobs

SCRATCH = Path("scratch")


class Board:
    """A clock that moves when something is done, and what the board draws meanwhile.

    A worker loads for 1 s, warms up for 1 s and infers in steps of 10 ms; while it does, and idle before and after it,
    the board draws `watts[...]`.
    """

    def __init__(self, **watts: float) -> None:
        self.ns = 5 * SECOND
        self.watts = {"before": 2.0, "load": 9.0, "warm_up": 7.0, "measure": 5.0, "after": 2.0, **watts}
        self.jobs: list[Job] = []
        self.sampled: list[Sequence[Sensor]] = []
        self.blobs = Blobs()
        self.happened: list[str] = []
        self._from: list[int] = [0]
        self._draws: list[float] = [self.watts["before"]]

    def now(self) -> int:
        return self.ns

    def sleep(self, seconds: float) -> None:
        self.happened.append("idle")
        self.ns += round(seconds * 1e9)

    def draw(self, watts: float) -> None:
        """From now on."""
        self._from.append(self.ns)
        self._draws.append(watts)

    def watts_at(self, t_ns: int) -> float:
        return self._draws[int(np.searchsorted(self._from, t_ns, side="right")) - 1]

    def joules_at(self, t_ns: int) -> float:
        """Since the clock's 0."""
        lengths = np.clip(t_ns - np.array(self._from), 0, np.diff([*self._from, max(t_ns, self._from[-1])]))
        return float(np.dot(lengths, self._draws)) / 1e9

    def work(self, job: Job, timeout_s: float) -> Answer:
        """In the place of `run_worker`."""
        self.jobs.append(job)
        self.happened.append(f"case {len(self.jobs)}")
        assert job.loop is not None
        imported = self.ns
        self.draw(self.watts["load"])
        self.ns += SECOND
        loaded = self.ns
        self.draw(self.watts["warm_up"])
        self.ns += SECOND
        started, inferences = self.ns, -(-job.loop.min_ns // (10 * MS))
        self.draw(self.watts["measure"])
        self.ns += inferences * 10 * MS
        ended = self.ns
        self.draw(self.watts["after"])
        return Answer(result(imported, loaded, started, ended, inferences), {})

    def measure(
        self,
        monkeypatch: pytest.MonkeyPatch,
        states: Sequence[CaseState],
        profile: Profile,
        sensors: Sequence[Sensor],
        work: Callable[[Job, float], Answer | WorkerFailure] | None = None,
        source: PowerSource | None = None,
    ) -> dict[Case, EnergyResult]:
        """The energy pass on this clock; without a `source` the sum of all channels is the board's power."""
        clock = SimpleNamespace(perf_counter_ns=self.now, sleep=self.sleep, thread_time_ns=time.thread_time_ns)
        monkeypatch.setattr(energy, "time", clock)
        monkeypatch.setattr(sampler, "time", clock)
        monkeypatch.setattr(energy, "run_worker", work or self.work)
        monkeypatch.setattr(energy, "Sampler", lambda sensors: Replaying(self, sensors))
        channels = tuple(channel for sensor in sensors for channel in sensor.channels)
        every = PowerSource(PowerTotal("board", tuple(each.name for each in channels)), channels)
        return EnergyPass(sensors, source or every).measure(states, profile, self.blobs, SCRATCH)


def result(imported: int, loaded: int, started: int, ended: int, inferences: int) -> dict[str, Any]:
    """What the energy pass reads of a worker's answer."""
    at = {"after_import": imported, "after_load": loaded, "after_first": loaded, "after_steady": ended}
    assert set(at) == {f"after_{name}" for name in PHASES}
    marks: dict[str, Any] = {name: {"at_ns": ns, "peak_rss_bytes": 1} for name, ns in at.items()}
    return {**marks, "started_ns": started, "ended_ns": ended, "inferences": inferences}


class Meter:
    """A sensor of one channel on a board: watts with a ripple of 10 mW to and fro, or joules that wrap.

    Watts of kind 'mean' are those of the last period that is over. `share` of the board's power goes through it; the
    readings whose numbers are in `failing`, from 1, fail.
    """

    absent = ""
    name = "meter"

    def __init__(self, board: Board, channel: Channel, share: float = 1.0, failing: Container[int] = ()) -> None:
        self.channels = (channel,)
        self.reads = 0
        self._board = board
        self._share = share
        self._failing = failing

    def read(self) -> list[Reading]:
        self.reads += 1
        channel, t_ns = self.channels[0], self._board.ns
        if channel.unit == "W":
            over_ns = t_ns - t_ns % channel.period_ns
            joules = self._board.joules_at(over_ns) - self._board.joules_at(over_ns - channel.period_ns)
            watts = joules * 1e9 / channel.period_ns if channel.kind == "mean" else self._board.watts_at(t_ns)
            value = watts * self._share + 0.01 * (-1) ** self.reads
        else:
            value = round(self._board.joules_at(t_ns) * self._share, 6) % (channel.wrap or float("inf"))
        if self.reads in self._failing:
            return [Reading(channel.name, t_ns, Missing("unavailable: gated"))]
        return [Reading(channel.name, t_ns, value)]

    def close(self) -> None:
        pass


class Replaying(sampler.Sampler):
    """The sampler itself, its clock set back to its start once all is over: readings come at its own pace."""

    def __init__(self, board: Board, sensors: Sequence[Sensor]) -> None:
        super().__init__(sensors, separate_process=False)
        board.sampled.append(sensors)
        self._board = board
        self._from_ns = board.ns

    def start(self) -> Replaying:
        self._board.happened.append("sampling")
        self._from_ns = self._board.ns
        return self

    def stop(self) -> sampler.Traces:
        board, until_ns = self._board, self._board.ns
        board.happened.append("sampled")
        board.ns = self._from_ns
        self._stop = Until(board, until_ns)  # type: ignore[assignment]
        super().start()
        return super().stop()


class Until:
    """An event that is set at a moment of the board's clock; waiting for it moves the clock."""

    def __init__(self, board: Board, ns: int) -> None:
        self._board = board
        self._ns = ns

    def wait(self, seconds: float) -> bool:
        self._board.ns = min(self._ns, self._board.ns + max(1, round(seconds * 1e9)))
        return self._board.ns == self._ns

    def set(self) -> None:
        pass
