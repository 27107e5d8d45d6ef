"""Throttling and heat: whether the machine was throttled, and speed, temperature and clock minute by minute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.core.hardware.processor_temperature import processor_channels
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Sensor, matches
from harness.measure.metrics import minutes_of
from harness.measure.samples import CaseState
from harness.sensors.registry import read_safely
from harness.sensors.sampler import Sampler, Series, Traces

_PI_NOW = 0b1111
_PI_WORD = "pi-throttled/bits"


class ThrottleWatch:
    """Reads the channels that a target names as its throttle sources, before and after a process, never within."""

    def __init__(self, sensors: Sequence[Sensor], patterns: Sequence[str]) -> None:
        self._channels = {
            channel.name: channel
            for sensor in sensors
            for channel in sensor.channels
            if any(matches(pattern, channel.name) for pattern in patterns)
        }
        self._sensors = [s for s in sensors if any(channel.name in self._channels for channel in s.channels)]

    def read(self) -> dict[str, float]:
        """Read the sources; one that cannot be read is left out."""
        return {
            reading.channel: reading.value
            for sensor in self._sensors
            for reading in read_safely(sensor)
            if reading.channel in self._channels and not isinstance(reading.value, Missing)
        }

    def since(self, before: Mapping[str, float]) -> str:
        """Return why the time since `before` counts as throttled, '' when it does not."""
        now = self.read()
        return "; ".join(
            reason
            for name, value in now.items()
            if name in before and (reason := _throttled(self._channels[name], before[name], value))
        )


def _throttled(channel: Channel, before: float, after: float) -> str:
    """Return why a channel's change counts as throttling, '' when it does not.

    A turning fan is no throttling. The Raspberry Pi's word has the present state in its low bits,
    the state since boot above.
    """
    if channel.kind == "counter":
        return f"{channel.name} rose by {after - before:g}" if after > before else ""
    if channel.name == _PI_WORD:
        bits = int(after) & ~int(before) | int(after) & _PI_NOW
        return f"throttle bits 0x{int(after):x}, before 0x{int(before):x}" if bits else ""
    if "fan" in channel.name.lower():
        return ""
    return f"{channel.name} is {after:g}" if after > 0 else ""


PERIOD_NS = 2_000_000_000
"""Heat is slow: a few file reads every two seconds cost the timed loop less than a thousandth."""

_UNITS = ("degC", "Hz")


@dataclass
class ThermalWatch:
    """Reads temperatures and clocks while a process runs; `traces` afterwards."""

    sensors: Sequence[Sensor]
    traces: Traces | None = None

    @contextmanager
    def of(self, pid: int) -> Iterator[None]:
        """Sample within the `with` block, whichever process it is: heat belongs to the machine."""
        sampler = Sampler([each for each in self.sensors if any(c.unit in _UNITS for c in each.channels)], PERIOD_NS)
        sampler.start()
        try:
            yield
        finally:
            self.traces = _thermal(sampler.stop())


def _thermal(traces: Traces) -> Traces:
    """Temperatures and clocks alone: a sensor may tell more."""
    kept = {name: series for name, series in traces.series.items() if series.channel.unit in _UNITS}
    return Traces(kept, traces.cpu_ns, traces.wall_ns)


def minute_rows(state: CaseState, zones: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return one row per minute: minute (from 1), p50_ns, n, temperature_c, temperature_channel, clock_hz.

    The temperature is that of the processor's hottest sensor, the clock the mean of the cores. A value without a sensor
    is None, with the reason under '<name>_missing'. Empty for other scenarios.

    Args:
        state: What was measured.
        zones: Names of the processor's temperatures by the board's descriptor.
    """
    if state.prepared.case.scenario != "sustained" or not state.runs:
        return []
    more = state.more[0]
    windows = zip(more["minute_started_ns"], more["minute_ended_ns"], strict=True)
    samples = minutes_of(state.wall_ns[0], more)
    return [
        {
            "minute": number,
            "p50_ns": float(np.median(part)),
            "n": len(part),
            **_thermal_figures(state.thermal_traces, window, zones),
        }
        for number, (part, window) in enumerate(zip(samples, windows, strict=True), 1)
    ]


def _thermal_figures(traces: Traces | None, window: tuple[int, int], zones: Sequence[str]) -> dict[str, Any]:
    series = traces.series if traces else {}
    temperatures = _means({name: series[name] for name in processor_channels(series, zones)}, window)
    clocks = _means({name: each for name, each in series.items() if name.startswith("cpufreq/")}, window)
    hottest = max(temperatures, key=temperatures.__getitem__, default=None)
    return {
        **_figure("temperature_c", temperatures.get(hottest or ""), _no_temperature(series)),
        "temperature_channel": hottest,
        **_figure("clock_hz", float(np.mean([*clocks.values()])) if clocks else None, _NO_CLOCK),
    }


_NO_CLOCK = "cpufreq reports no clock on this machine"


def _figure(name: str, value: float | None, reason: str) -> dict[str, float | str | None]:
    return {name: value} if value is not None else {name: None, f"{name}_missing": reason}


def _no_temperature(series: Mapping[str, Series]) -> str:
    others = [name for name, each in series.items() if each.channel.unit == "degC"]
    return "no temperature sensor of the processor gave a reading" + (
        f" (not the processor's: {', '.join(others)})" if others else ""
    )


def _means(series: Mapping[str, Series], window: tuple[int, int]) -> dict[str, float]:
    """Return the mean of each series within the window, of those that have readings there."""
    inside = {name: each.value[(each.t_ns >= window[0]) & (each.t_ns <= window[1])] for name, each in series.items()}
    return {name: float(np.mean(values)) for name, values in inside.items() if len(values)}
