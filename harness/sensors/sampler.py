"""Read the sensors beside a measurement: one thread of the parent, each sensor at its own pace, never faster.

Times are `perf_counter_ns`, which on Linux is the same CLOCK_MONOTONIC in every process of a boot, so a worker's
window and the parent's samples lie on one axis.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.core.quantity import Missing
from harness.core.sensing import Channel, Reading, Sensor

from .opening import read_safely

DEFAULT_PERIOD_NS = 100_000_000


@dataclass(frozen=True)
class Series:
    """What one channel said over time. Readings without a value are not in the arrays but in `missing`, by reason.

    t_ns (n,) int64 and value (n,) float64 in the channel's unit; `period_ns` is the period aimed at.
    """

    channel: Channel
    t_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    period_ns: int
    missing: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_updates(self) -> int:
        """How many different readings in a row there were: a sensor that repeats itself gives no new knowledge."""
        return int(np.count_nonzero(np.diff(self.value))) + 1 if len(self.value) else 0

    @property
    def achieved_period_ns(self) -> int:
        """Median distance of two samples; 0 with fewer than two."""
        return int(np.median(np.diff(self.t_ns))) if len(self.t_ns) > 1 else 0


@dataclass(frozen=True)
class Traces:
    """All channels over one sampling, and what the sampling itself cost: CPU time of its thread over `wall_ns`."""

    series: Mapping[str, Series]
    cpu_ns: int
    wall_ns: int


@dataclass
class _Feed:
    """One sensor with its own period and what it has said so far."""

    sensor: Sensor
    period_ns: int
    due_ns: int
    readings: list[Reading]


class Sampler:
    """Samples sensors in a thread between `start` and `stop`, or as a context manager."""

    def __init__(self, sensors: Iterable[Sensor], period_ns: int = DEFAULT_PERIOD_NS) -> None:
        sampled = [(sensor, sampled_channels(sensor)) for sensor in sensors]
        self._feeds = [
            _Feed(sensor, max([period_ns, *(each.period_ns for each in channels)]), 0, [])
            for sensor, channels in sampled
            if channels
        ]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="edgebench-sampler", daemon=True)
        self._cpu_ns = 0
        self._started_ns = 0

    def start(self) -> Sampler:
        """Begin; the first sample of every sensor is taken at once. A sampler runs once."""
        self._started_ns = time.perf_counter_ns()
        self._thread.start()
        return self

    def stop(self) -> Traces:
        """Take one last sample of every sensor, end the thread and hand over what it saw."""
        self._stop.set()
        self._thread.join()
        series = {each.channel.name: each for feed in self._feeds for each in _series(feed)}
        return Traces(series, self._cpu_ns, time.perf_counter_ns() - self._started_ns)

    def _run(self) -> None:
        while True:
            now = time.perf_counter_ns()
            for feed in self._feeds:
                if feed.due_ns <= now:
                    feed.readings.extend(read_safely(feed.sensor))
                    feed.due_ns = now + feed.period_ns
            soonest = min((feed.due_ns for feed in self._feeds), default=now + DEFAULT_PERIOD_NS)
            if self._stop.wait(max(0, soonest - time.perf_counter_ns()) / 1e9):
                break
        for feed in self._feeds:
            feed.readings.extend(read_safely(feed.sensor))
        self._cpu_ns = time.thread_time_ns()


def sampled_channels(sensor: Sensor) -> Sequence[Channel]:
    """The channels cheap enough for a measured window."""
    return [channel for channel in sensor.channels if channel.in_window]


def _series(feed: _Feed) -> Iterable[Series]:
    by_name: dict[str, list[Reading]] = {channel.name: [] for channel in feed.sensor.channels}
    for reading in feed.readings:
        by_name[reading.channel].append(reading)
    for channel in feed.sensor.channels:
        yield _one_series(channel, by_name[channel.name], feed.period_ns)


def _one_series(channel: Channel, readings: Sequence[Reading], period_ns: int) -> Series:
    missing: dict[str, int] = {}
    good: list[tuple[int, float]] = []
    for reading in readings:
        if isinstance(reading.value, Missing):
            missing[reading.value.reason] = missing.get(reading.value.reason, 0) + 1
        elif not good or reading.t_ns > good[-1][0]:  # a sensor with its own times may tell one reading twice
            good.append((reading.t_ns, reading.value))
    t_ns = np.array([t for t, _ in good], dtype=np.int64)
    value = np.array([v for _, v in good], dtype=np.float64)
    return Series(channel, t_ns, value, period_ns, missing)
