"""All sensors of a machine, and everything they say at one moment; one that fails never takes others along."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.core import plugins
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Reading, Sensor
from harness.core.target import Power

from .board_power import BoardPower, board_power, power_source

_log = logging.getLogger(__name__)


class AbsentSensor:
    """A sensor that could not be opened at all: no channels, and why."""

    channels = ()

    def __init__(self, name: str, absent: str) -> None:
        self.name = name
        self.absent = absent

    def read(self) -> list[Reading]:
        """Nothing."""
        return []

    def close(self) -> None:
        """Nothing to release."""


def open_sensors(fs: HostFs, names: Sequence[str] | None = None, meter: str = "") -> list[Sensor]:
    """Every registered sensor (or those in `names`), opened on `fs`; those absent here say why in `absent`.

    A plug-in with a true `external` is an instrument that may be there for another purpose: it is opened only when it
    is the target's `meter`, or named. Raises UnknownName for a name that nothing is registered under.
    """
    asked = [*(names or ()), *([meter] if meter else ())]
    named = {name: plugins.load("sensors", name) for name in asked}
    wanted = plugins.load_all("sensors") | named if names is None else named
    return [_open(name, plugin, fs, name in named) for name, plugin in wanted.items()]


def _open(name: str, plugin: type[Sensor], fs: HostFs, asked: bool) -> Sensor:
    if getattr(plugin, "external", False) and not asked:
        return AbsentSensor(name, f"an external meter: opened where the target says power.meter = '{name}'")
    try:
        return plugin(fs)  # type: ignore[call-arg]
    except Exception as error:  # a plug-in may fail in any way; the others must not
        _log.debug("sensor %s does not open", name, exc_info=True)
        return AbsentSensor(name, f"does not open: {type(error).__name__}: {error}")


def read_safely(sensor: Sensor) -> list[Reading]:
    """One reading of every channel; a sensor that breaks its promise and raises becomes Missing readings."""
    try:
        return sensor.read()
    except Exception as error:
        _log.debug("sensor %s does not read", sensor.name, exc_info=True)
        now = time.perf_counter_ns()
        reason = Missing(f"the sensor failed: {type(error).__name__}: {error}")
        return [Reading(channel.name, now, reason) for channel in sensor.channels]


def read_all(sensors: Iterable[Sensor]) -> dict[str, Reading]:
    """The latest reading of every channel by channel name."""
    return {reading.channel: reading for sensor in sensors for reading in read_safely(sensor)}


_COUNTER_WAIT_S = 0.5


@dataclass(frozen=True)
class ChannelValue:
    """One channel of one sensor, with its value in the channel's unit or the reason why there is none."""

    sensor: str
    channel: Channel
    value: float | Missing


@dataclass(frozen=True)
class Overview:
    """All channels, the sensors this machine does not have with the reason, and the board's power.

    `power_channels` names what makes the power up, empty where the target's rule finds no channels.
    """

    channels: tuple[ChannelValue, ...]
    absent: dict[str, str]
    power: BoardPower | Missing
    power_channels: tuple[str, ...]


def overview(sensors: Sequence[Sensor], power: Power, sleep: Callable[[float], None] = time.sleep) -> Overview:
    """Read every channel. Where the board's power comes from counters, that takes half a second for the difference."""
    source = power_source(power, sensors)
    before = read_all(sensors)
    now = before
    if not isinstance(source, Missing) and source.counters:
        sleep(_COUNTER_WAIT_S)
        now = read_all(sensors)
    return Overview(
        tuple(
            ChannelValue(each.name, channel, now[channel.name].value) for each in sensors for channel in each.channels
        ),
        {sensor.name: sensor.absent for sensor in sensors if sensor.absent},
        source if isinstance(source, Missing) else board_power(source, now, before),
        () if isinstance(source, Missing) else tuple(channel.name for channel in source.channels),
    )
