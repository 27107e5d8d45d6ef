"""Sampling: what it keeps, and that it never asks faster than a sensor updates."""

from __future__ import annotations

import itertools
import os
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Reading
from harness.sensors import open_sensors
from harness.sensors.sampler import Sampler
from tests import trees

Threaded = partial(Sampler, separate_process=False)

HOUR_NS = 3_600_000_000_000


class Counting:
    """A sensor whose n-th reading is the n-th of `values`; it signals when it has been read often enough."""

    absent = ""

    def __init__(
        self, channel: Channel, values: list[float | Missing], enough: int = 1, sensor_clock: bool = False
    ) -> None:
        self.name = "counting"
        self.channels = (channel,)
        self.enough = threading.Event()
        self.calls = 0
        self._values = itertools.cycle(values)
        self._needed = enough
        self._sensor_clock = sensor_clock

    def read(self) -> list[Reading]:
        self.calls += 1
        if self.calls >= self._needed:
            self.enough.set()
        t_ns = 1_000 * (self.calls // 2) if self._sensor_clock else time.perf_counter_ns()
        return [Reading(self.channels[0].name, t_ns, next(self._values))]

    def close(self) -> None:
        pass


def test_every_sensor_is_read_at_the_start_and_at_the_end() -> None:
    sensor = Counting(Channel("x", "W", period_ns=HOUR_NS), [1.0, 2.0])

    sampler = Threaded([sensor]).start()
    sensor.enough.wait()
    traces = sampler.stop()

    assert sensor.calls == 2
    assert list(traces.series["x"].value) == [1.0, 2.0]
    assert traces.series["x"].n_updates == 2
    assert traces.series["x"].period_ns == HOUR_NS


def test_the_period_is_the_slower_of_the_wish_and_the_sensor() -> None:
    slow = Counting(Channel("slow", "W", period_ns=HOUR_NS), [1.0])
    fast = Counting(Channel("fast", "W", period_ns=1_000), [1.0], enough=5)

    sampler = Threaded([slow, fast], period_ns=1_000_000).start()
    fast.enough.wait()
    traces = sampler.stop()

    assert slow.calls == 2
    assert fast.calls >= 6
    assert traces.series["fast"].period_ns == 1_000_000
    assert (traces.series["fast"].t_ns[1:] > traces.series["fast"].t_ns[:-1]).all()


def test_missing_readings_are_counted_by_reason_and_not_in_the_trace() -> None:
    gated = Missing("unavailable: gated or asleep: /sys/x")
    sensor = Counting(Channel("x", "degC", period_ns=1_000), [1.0, gated, gated, 2.0], enough=8)

    sampler = Threaded([sensor], period_ns=100_000).start()
    sensor.enough.wait()
    series = sampler.stop().series["x"]

    assert set(series.value) == {1.0, 2.0}
    assert series.missing[gated.reason] == sensor.calls - len(series.value)


def test_a_repeated_reading_counts_once() -> None:
    sensor = Counting(Channel("x", "J", period_ns=1_000), [1.0, 2.0], enough=8, sensor_clock=True)

    sampler = Threaded([sensor], period_ns=100_000).start()
    sensor.enough.wait()
    series = sampler.stop().series["x"]

    assert len(series.t_ns) == len(set(series.t_ns))
    assert len(series.t_ns) < sensor.calls


def test_a_channel_too_dear_for_the_window_is_left_out() -> None:
    sensor = Counting(Channel("x", "W", in_window=False), [1.0])

    traces = Threaded([sensor]).start().stop()

    assert traces.series == {}
    assert sensor.calls == 0


def test_the_sampler_measures_its_cost() -> None:
    sensor = Counting(Channel("x", "W", period_ns=1_000), [1.0], enough=50)

    sampler = Threaded([sensor], period_ns=10_000).start()
    sensor.enough.wait()
    traces = sampler.stop()

    assert 0 < traces.cpu_ns < traces.wall_ns


def test_a_forked_process_gives_the_same_readings(tmp_path: Path) -> None:
    root = trees.write(tmp_path, trees.raspberry_pi_5())
    sensors = open_sensors(HostFs(root), ["thermal", "pmic", "rpi-volt"])
    (root / "sys/class/hwmon/hwmon3/in0_lcrit_alarm").write_text("\n")

    sampler = Sampler(sensors, separate_process=True).start()
    traces = sampler.stop()

    assert traces.separate_process
    assert traces.cpu_ns > 0
    assert set(traces.series["thermal/cpu-thermal"].value) == {48.85}
    assert traces.series["pmic/EXT5V"].value[0] == 5.11478
    assert traces.series["rpi-volt/under-voltage"].missing == {
        "not a number: an empty text in /sys/class/hwmon/hwmon3/in0_lcrit_alarm": 2
    }


def test_what_lives_in_this_process_is_sampled_here() -> None:
    sensor = Counting(Channel("x", "W", period_ns=HOUR_NS), [1.0])
    sensor.in_parent = True  # type: ignore[attr-defined]

    traces = Sampler([sensor], separate_process=True).start().stop()

    assert not traces.separate_process
    assert sensor.calls == 2


def test_channels_of_a_sampling_process_that_dies_are_missing() -> None:
    class Deadly(Counting):
        def read(self) -> list[Reading]:
            os._exit(1)

    sampler = Sampler([Deadly(Channel("x", "W"), [1.0])], separate_process=True).start()

    assert sampler.stop().series["x"].missing == {"the process that sampled it died": 1}


@pytest.mark.parametrize(("cores", "apart"), [({0}, True), ({0, 1}, False)])
def test_a_single_core_gets_a_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cores: set[int], apart: bool
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: cores)
    sensors = open_sensors(HostFs(trees.write(tmp_path, trees.raspberry_pi_5())), ["thermal"])

    assert Sampler(sensors).start().stop().separate_process is apart
