"""Work in a process of its own, split off without starting a new Python: for boards with a single core.

On one core a thread of the parent and the parent's own work take turns under Python's lock, and a thread that has the
lock is not asked to give it up for five milliseconds. A forked process has a lock of its own, shares the open files and
all memory it does not write to, and is the scheduler's to place.

Read the sensors beside a measurement, never in the measured child: each sensor at its own pace, never faster.

Times are `perf_counter_ns`, which on Linux is the same CLOCK_MONOTONIC in every process of a boot, so a worker's
window and the parent's samples lie on one axis.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from harness.core.quantity import Missing
from harness.core.sensing import Channel, Reading, Sensor

from .registry import read_safely

Wait = Callable[[float], bool]
"""Wait so many seconds; True as soon as the work is to end."""


class ForkedTask:
    """Runs `work(wait)` in a forked process at once; `stop` ends it and gives what it returned, by way of JSON.

    The process ends with the parent too, however that ends: then the pipe it waits on is closed.
    """

    def __init__(self, work: Callable[[Wait], Any]) -> None:
        stop_read, self._stop = os.pipe()
        self._told, told_write = os.pipe()
        with warnings.catch_warnings():
            # Python 3.12 warns where other threads exist: their locks may be held for ever in the child. The child
            # reads files and ends by os._exit: it takes none.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._pid = os.fork()
        if self._pid == 0:
            os.close(self._stop)
            os.close(self._told)
            _child(work, stop_read, told_write)
        os.close(stop_read)
        os.close(told_write)

    def stop(self) -> Any:
        """End the work and return its result; None when the process died."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._stop, b".")
        os.close(self._stop)
        with open(self._told, encoding="utf-8") as told:  # noqa: PTH123 - a descriptor
            text = told.read()
        os.waitpid(self._pid, 0)
        try:
            return json.loads(text)
        except ValueError:
            return None


def _child(work: Callable[[Wait], Any], stop: int, told: int) -> NoReturn:
    """Never returns: nothing of the parent's (exit handlers, buffers, `finally`) may run twice."""
    status = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends us by the pipe
        result = work(lambda seconds: bool(select.select([stop], [], [], seconds)[0]))
        with open(told, "w", encoding="utf-8") as file:
            json.dump(result, file)
        status = 0
    finally:
        os._exit(status)


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
    """All channels over one sampling, and what the sampling itself cost: its CPU time over `wall_ns`.

    `separate_process` tells that a process of its own did it, not a thread of the parent.
    """

    series: Mapping[str, Series]
    cpu_ns: int
    wall_ns: int
    separate_process: bool = False


@dataclass
class _Feed:
    """One sensor with its own period and what it has said so far."""

    sensor: Sensor
    period_ns: int
    due_ns: int
    readings: list[Reading]


class Sampler:
    """Samples sensors between `start` and `stop`: in a thread, or on a single core in a process of its own.

    `separate_process` True or False decides that instead. A sensor with a true `in_parent` works through a library of
    this process, so it stays in the thread.
    """

    def __init__(
        self, sensors: Iterable[Sensor], period_ns: int = DEFAULT_PERIOD_NS, separate_process: bool | None = None
    ) -> None:
        sampled = [(sensor, sampled_channels(sensor)) for sensor in sensors]
        self._feeds = [
            _Feed(sensor, max([period_ns, *(each.period_ns for each in channels)]), 0, [])
            for sensor, channels in sampled
            if channels
        ]
        apart = len(os.sched_getaffinity(0)) == 1 if separate_process is None else separate_process
        self._forked = [feed for feed in self._feeds if apart and not getattr(feed.sensor, "in_parent", False)]
        self._threaded = [feed for feed in self._feeds if feed not in self._forked]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="edgebench-sampler", daemon=True)
        self._process: ForkedTask | None = None
        self._cpu_ns = 0
        self._started_ns = 0

    def start(self) -> Sampler:
        """Begin; the first sample of every sensor is taken at once. A sampler runs once."""
        self._started_ns = time.perf_counter_ns()
        if self._forked:
            self._process = ForkedTask(partial(_sample_apart, self._forked))
        if self._threaded:
            self._thread.start()
        return self

    def stop(self) -> Traces:
        """Take one last sample of every sensor, end thread and process and hand over what they saw."""
        if self._threaded:
            self._stop.set()
            self._thread.join()
        if self._process:
            self._cpu_ns += _brought(self._process.stop(), self._forked)
        series = {each.channel.name: each for feed in self._feeds for each in _series(feed)}
        return Traces(series, self._cpu_ns, time.perf_counter_ns() - self._started_ns, bool(self._forked))

    def _run(self) -> None:
        self._cpu_ns = _sample(self._threaded, self._stop.wait)


def _sample(feeds: Sequence[_Feed], wait: Wait) -> int:
    """Read every feed at its own pace until `wait` says so, and once more then; the CPU time it took."""
    while True:
        now = time.perf_counter_ns()
        for feed in feeds:
            if feed.due_ns <= now:
                feed.readings.extend(read_safely(feed.sensor))
                feed.due_ns = now + feed.period_ns
        soonest = min(feed.due_ns for feed in feeds)
        if wait(max(0, soonest - time.perf_counter_ns()) / 1e9):
            break
    for feed in feeds:
        feed.readings.extend(read_safely(feed.sensor))
    return time.thread_time_ns()


def _sample_apart(feeds: Sequence[_Feed], wait: Wait) -> dict[str, Any]:
    """`_sample` in the forked process: what it read, as JSON has it."""
    cpu_ns = _sample(feeds, wait)
    return {"cpu_ns": cpu_ns, "readings": [[_told(reading) for reading in feed.readings] for feed in feeds]}


def _told(reading: Reading) -> tuple[str, int, float | None, str]:
    if isinstance(reading.value, Missing):
        return reading.channel, reading.t_ns, None, reading.value.reason
    return reading.channel, reading.t_ns, reading.value, ""


def _brought(answer: Any, feeds: Sequence[_Feed]) -> int:
    """Give the feeds what the forked process read; its CPU time. A process that died leaves its reason."""
    if answer is None:
        died, now = Missing("the process that sampled it died"), time.perf_counter_ns()
        for feed in feeds:
            feed.readings = [Reading(channel.name, now, died) for channel in feed.sensor.channels]
        return 0
    for feed, told in zip(feeds, answer["readings"], strict=True):
        feed.readings = [
            Reading(name, t_ns, Missing(reason) if value is None else value) for name, t_ns, value, reason in told
        ]
    return int(answer["cpu_ns"])


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
