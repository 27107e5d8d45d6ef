"""Sample sensors beside a measurement, never in the measured process: each at its own period, never faster.

Times are those of `perf_counter_ns`, which on Linux is the same CLOCK_MONOTONIC in every process of a boot: a worker's
window and the parent's samples lie on one time axis.
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

DEFAULT_PERIOD_NS = 100_000_000

Wait = Callable[[float], bool]
"""Wait so many seconds; return True as soon as the work is to end."""


@dataclass(frozen=True)
class Series:
    """The readings of one channel over time.

    Attributes:
        channel: The channel.
        t_ns: Times of the readings, shape (n,), int64.
        value: Values in the channel's unit, shape (n,), float64.
        period_ns: Period that was requested.
        missing: Number of readings without a value, by reason; they are not in the arrays.
    """

    channel: Channel
    t_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    period_ns: int
    missing: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_updates(self) -> int:
        """Number of consecutive different readings: a sensor that repeats a value gives no new information."""
        return int(np.count_nonzero(np.diff(self.value))) + 1 if len(self.value) else 0

    @property
    def achieved_period_ns(self) -> int:
        """Median time between two samples; 0 with fewer than two."""
        return int(np.median(np.diff(self.t_ns))) if len(self.t_ns) > 1 else 0


@dataclass(frozen=True)
class Traces:
    """All channels over one sampling, and the cost of the sampling itself.

    Attributes:
        series: Readings by channel name.
        cpu_ns: CPU time that the sampling took.
        wall_ns: Time that the sampling lasted.
        separate_process: Whether a process of its own sampled, not a thread of the parent.
    """

    series: Mapping[str, Series]
    cpu_ns: int
    wall_ns: int
    separate_process: bool = False


@dataclass
class _SampledSensor:
    """A sensor with its period and its readings so far."""

    sensor: Sensor
    period_ns: int
    due_ns: int
    readings: list[Reading]


class Sampler:
    """Sample sensors between `start` and `stop`.

    A sensor whose `in_parent` is true works through a library of this process, so a thread reads it in any case.

    Args:
        sensors: The sensors.
        period_ns: Shortest period; a sensor that updates more slowly is read at its own period.
        separate_process: Whether a forked process samples, not a thread; by default it does on a single core.
    """

    def __init__(
        self, sensors: Iterable[Sensor], period_ns: int = DEFAULT_PERIOD_NS, separate_process: bool | None = None
    ) -> None:
        sampled = [(sensor, sampled_channels(sensor)) for sensor in sensors]
        self._sampled = [
            _SampledSensor(sensor, max([period_ns, *(each.period_ns for each in channels)]), 0, [])
            for sensor, channels in sampled
            if channels
        ]
        if separate_process is None:
            separate_process = len(os.sched_getaffinity(0)) == 1
        self._forked = [s for s in self._sampled if separate_process and not getattr(s.sensor, "in_parent", False)]
        self._threaded = [s for s in self._sampled if s not in self._forked]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="edgebench-sampler", daemon=True)
        self._process: ForkedTask | None = None
        self._cpu_ns = 0
        self._started_ns = 0

    def start(self) -> Sampler:
        """Start sampling; every sensor is read at once. A sampler runs only once."""
        self._started_ns = time.perf_counter_ns()
        if self._forked:
            self._process = ForkedTask(partial(_sample_in_fork, self._forked))
        if self._threaded:
            self._thread.start()
        return self

    def stop(self) -> Traces:
        """Read every sensor a last time, end thread and process, and return what they read."""
        if self._threaded:
            self._stop.set()
            self._thread.join()
        if self._process:
            self._cpu_ns += _add_forked(self._process.stop(), self._forked)
        series = {each.channel.name: each for sampled in self._sampled for each in _series(sampled)}
        return Traces(series, self._cpu_ns, time.perf_counter_ns() - self._started_ns, bool(self._forked))

    def _run(self) -> None:
        self._cpu_ns = _sample(self._threaded, self._stop.wait)


def _sample(sensors: Sequence[_SampledSensor], wait: Wait) -> int:
    """Read every sensor at its period until `wait` returns True, then once more; return the CPU time in nanoseconds."""
    while True:
        now = time.perf_counter_ns()
        for sampled in sensors:
            if sampled.due_ns <= now:
                sampled.readings.extend(read_safely(sampled.sensor))
                sampled.due_ns = now + sampled.period_ns
        next_ns = min(sampled.due_ns for sampled in sensors)
        if wait(max(0, next_ns - time.perf_counter_ns()) / 1e9):
            break
    for sampled in sensors:
        sampled.readings.extend(read_safely(sampled.sensor))
    return time.thread_time_ns()


def _sample_in_fork(sensors: Sequence[_SampledSensor], wait: Wait) -> dict[str, Any]:
    """Sample in the forked process and return the readings for JSON."""
    cpu_ns = _sample(sensors, wait)
    return {"cpu_ns": cpu_ns, "readings": [[_to_json(reading) for reading in each.readings] for each in sensors]}


def _to_json(reading: Reading) -> tuple[str, int, float | None, str]:
    if isinstance(reading.value, Missing):
        return reading.channel, reading.t_ns, None, reading.value.reason
    return reading.channel, reading.t_ns, reading.value, ""


def _add_forked(result: Any, sensors: Sequence[_SampledSensor]) -> int:
    """Add the readings of the forked process to the sensors and return its CPU time in nanoseconds.

    Where the process died, its channels are Missing with that reason.
    """
    if result is None:
        died, now = Missing("the process that sampled it died"), time.perf_counter_ns()
        for sampled in sensors:
            sampled.readings = [Reading(channel.name, now, died) for channel in sampled.sensor.channels]
        return 0
    for sampled, readings in zip(sensors, result["readings"], strict=True):
        sampled.readings = [
            Reading(name, t_ns, Missing(reason) if value is None else value) for name, t_ns, value, reason in readings
        ]
    return int(result["cpu_ns"])


def sampled_channels(sensor: Sensor) -> Sequence[Channel]:
    """Return the channels that are cheap enough to read within a measured window."""
    return [channel for channel in sensor.channels if channel.in_window]


def _series(sampled: _SampledSensor) -> Iterable[Series]:
    by_name: dict[str, list[Reading]] = {channel.name: [] for channel in sampled.sensor.channels}
    for reading in sampled.readings:
        by_name[reading.channel].append(reading)
    for channel in sampled.sensor.channels:
        yield _channel_series(channel, by_name[channel.name], sampled.period_ns)


def _channel_series(channel: Channel, readings: Sequence[Reading], period_ns: int) -> Series:
    missing: dict[str, int] = {}
    samples: list[tuple[int, float]] = []
    for reading in readings:
        if isinstance(reading.value, Missing):
            missing[reading.value.reason] = missing.get(reading.value.reason, 0) + 1
        elif not samples or reading.t_ns > samples[-1][0]:  # a sensor with its own times may repeat a reading
            samples.append((reading.t_ns, reading.value))
    t_ns = np.array([t for t, _ in samples], dtype=np.int64)
    value = np.array([v for _, v in samples], dtype=np.float64)
    return Series(channel, t_ns, value, period_ns, missing)


class ForkedTask:
    """A function that runs in a forked process, which starts no new Python.

    On a single core, a thread and the parent's own work alternate under Python's lock, and a thread that has the lock
    keeps it for up to five milliseconds. A forked process has a lock of its own, shares open files and unmodified
    memory, and is scheduled by the kernel. It ends with the parent, however that ends: the pipe that it waits on is
    closed then.

    Args:
        work: The function, which starts at once and returns what JSON can hold.
    """

    def __init__(self, work: Callable[[Wait], Any]) -> None:
        stop_read, self._stop = os.pipe()
        self._result, result_write = os.pipe()
        with warnings.catch_warnings():
            # Python 3.12 warns where other threads exist, since their locks may stay locked in the child for ever. The
            # child reads files and ends by os._exit: it takes no lock.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._pid = os.fork()
        if self._pid == 0:
            os.close(self._stop)
            os.close(self._result)
            _run_child(work, stop_read, result_write)
        os.close(stop_read)
        os.close(result_write)

    def stop(self) -> Any:
        """End the work and return its result; None when the process died."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._stop, b".")
        os.close(self._stop)
        with open(self._result, encoding="utf-8") as pipe:  # noqa: PTH123 - a descriptor
            text = pipe.read()
        os.waitpid(self._pid, 0)
        try:
            return json.loads(text)
        except ValueError:
            return None


def _run_child(work: Callable[[Wait], Any], stop: int, result: int) -> NoReturn:
    """Run the work and exit. Never return: exit handlers, buffers and `finally` of the parent must not run twice."""
    status = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends this process by the pipe
        document = work(lambda seconds: bool(select.select([stop], [], [], seconds)[0]))
        with open(result, "w", encoding="utf-8") as file:
            json.dump(document, file)
        status = 0
    finally:
        os._exit(status)
