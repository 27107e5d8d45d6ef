"""Load of the machine by psutil: CPU time of all programs and of this one, memory available."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Reading, Sensor
from harness.sensors.base import SECOND_NS, import_optional

_CHANNELS = (
    Channel("system/cpu", "1", kind="mean", period_ns=SECOND_NS),
    Channel("system/own-cpu", "1", kind="mean", period_ns=SECOND_NS),
    Channel("system/memory-available", "B", period_ns=SECOND_NS),
)
_NO_EARLIER_READING = Missing("unavailable: a mean needs an earlier reading")


@dataclass(frozen=True)
class _Times:
    """Times since some start, in seconds.

    Attributes:
        wall: Wall-clock time.
        busy: Time that the CPUs were busy, over all CPUs.
        total: Time of all CPUs.
        process: CPU time of this process.
    """

    wall: float
    busy: float
    total: float
    process: float


class System:
    """'system/cpu' from 0 to 1, 'system/own-cpu' in cores, 'system/memory-available' in bytes.

    CPU shares are means since the last reading; the first reading has none.
    """

    name = "system"
    in_parent = True

    def __init__(self, fs: HostFs) -> None:
        psutil = import_optional(fs, "psutil", "")
        self.absent = psutil.reason if isinstance(psutil, Missing) else ""
        self.channels = () if self.absent else _CHANNELS
        self._psutil: Any = psutil
        self._before: _Times | None = None

    def read(self) -> list[Reading]:
        """Return one reading of every channel."""
        if self.absent:
            return []
        t_ns, now, before = time.perf_counter_ns(), self._times(), self._before
        self._before = now
        cpu: float | Missing = _NO_EARLIER_READING
        process: float | Missing = _NO_EARLIER_READING
        if before and now.total > before.total and now.wall > before.wall:
            share = (now.busy - before.busy) / (now.total - before.total)
            cpu = min(1.0, max(0.0, share))  # sums of hundredths of seconds round; iowait may even fall
            process = (now.process - before.process) / (now.wall - before.wall)
        memory = float(self._psutil.virtual_memory().available)
        values = (cpu, process, memory)
        return [Reading(channel.name, t_ns, value) for channel, value in zip(self.channels, values, strict=True)]

    def close(self) -> None:
        """Do nothing: nothing stays open."""

    def _times(self) -> _Times:
        cpu = self._psutil.cpu_times()
        # 'guest' is part of 'user' already; in 'steal' another guest had our CPU, so the CPU was not idle.
        total = sum(getattr(cpu, field) for field in cpu._fields if not field.startswith("guest"))
        idle = cpu.idle + getattr(cpu, "iowait", 0.0)
        return _Times(time.perf_counter(), total - idle, total, time.process_time())


PLUGINS: tuple[type[Sensor], ...] = (System,)
