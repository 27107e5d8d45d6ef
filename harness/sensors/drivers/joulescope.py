"""A Joulescope in the board's supply line (extra 'joulescope'), for targets with `meter = "joulescope"`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Reading, Sensor
from harness.sensors.base import import_optional

_PERIOD_NS = 500_000_000  # the instrument reports twice a second
_CHANNELS = (
    Channel("joulescope/energy", "J", "board", "counter", _PERIOD_NS),
    Channel("joulescope/power", "W", "board", "mean", _PERIOD_NS),
)
_NO_REPORT = Missing("unavailable: the instrument has not reported yet")


class Joulescope:
    """An external meter: 'joulescope/energy' in joules since it was opened, counted by the instrument, and '/power'.

    Power passes through the instrument: its current range is set to 'auto' and stays so when it is closed, or the board
    would lose its supply.
    """

    name = "joulescope"
    in_parent = True
    external = True

    def __init__(self, fs: HostFs) -> None:
        self.channels: tuple[Channel, ...] = ()
        self.absent = ""
        self._device: Any = None
        self._latest: tuple[int, float | Missing, float | Missing] | None = None
        driver = import_optional(fs, "joulescope", "joulescope")
        if isinstance(driver, Missing):
            self.absent = driver.reason
            return
        devices = driver.scan(config="off")
        if not devices:
            self.absent = "no Joulescope is connected"
            return
        self._device = devices[0]
        self._device.statistics_callback_register(self._report)
        self._device.open()
        self._device.parameter_set("i_range", "auto")
        self._device.parameter_set("v_range", "15V")
        self.channels = _CHANNELS

    def read(self) -> list[Reading]:
        """Return the latest report with the time it arrived; the sampler drops a report that it has already."""
        latest = self._latest or (time.perf_counter_ns(), _NO_REPORT, _NO_REPORT)
        t_ns, *values = latest
        return [Reading(channel.name, t_ns, value) for channel, value in zip(self.channels, values, strict=False)]

    def close(self) -> None:
        """Close the instrument; the board stays supplied."""
        if self._device:
            self._device.statistics_callback_unregister(self._report)
            self._device.close()
            self._device = None

    def _report(self, report: Mapping[str, Any]) -> None:
        """Store a report. The driver's own thread calls this; one assignment, so a reader never sees half a report."""
        energy = float(report["accumulators"]["energy"]["value"])
        power = float(report["signals"]["power"]["µ"]["value"])
        self._latest = (time.perf_counter_ns(), energy, power)


PLUGINS: tuple[type[Sensor], ...] = (Joulescope,)
