"""Open and read all sensors of a machine; one that fails is absent with the reason and does not affect the others."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.core import plugins
from harness.core.hardware.physical_limits import check_reading
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Reading, Sensor
from harness.core.target import Power

from .board_power import BoardPower, board_power, power_source

_log = logging.getLogger(__name__)


class AbsentSensor:
    """A sensor without channels, which was not or could not be opened.

    Args:
        name: Name of the sensor.
        absent: The reason.
    """

    channels = ()

    def __init__(self, name: str, absent: str) -> None:
        self.name = name
        self.absent = absent

    def read(self) -> list[Reading]:
        """Return no readings."""
        return []

    def close(self) -> None:
        """Do nothing: nothing is open."""


def open_sensors(fs: HostFs, names: Sequence[str] | None = None, meter: str = "") -> list[Sensor]:
    """Open sensors on `fs`; one that this machine does not have gives the reason in `absent`.

    Args:
        fs: The machine.
        names: Names of the sensors; None for every registered one.
        meter: The target's external meter, '' without one. A sensor whose `external` is true is an instrument that may
            be connected for another purpose: it is opened only as `meter`, or when named.

    Raises:
        UnknownName: No sensor is registered under a name.
    """
    named = {name: plugins.load("sensors", name) for name in [*(names or ()), *([meter] if meter else ())]}
    selected = plugins.load_all("sensors") | named if names is None else named
    return [_open(name, plugin, fs, name in named) for name, plugin in selected.items()]


def _open(name: str, plugin: type[Sensor], fs: HostFs, named: bool) -> Sensor:
    if getattr(plugin, "external", False) and not named:
        return AbsentSensor(name, f"an external meter: opened where the target says power.meter = '{name}'")
    try:
        return plugin(fs)  # type: ignore[call-arg]
    except Exception as error:  # a plug-in may fail in any way and must not affect the others
        _log.debug("sensor %s does not open", name, exc_info=True)
        return AbsentSensor(name, f"does not open: {type(error).__name__}: {error}")


def read_safely(sensor: Sensor) -> list[Reading]:
    """Return one reading of every channel; one that is physically impossible is Missing.

    Where the sensor raises, all are Missing with the error.
    """
    try:
        return [_checked(sensor, index, reading) for index, reading in enumerate(sensor.read())]
    except Exception as error:
        _log.debug("sensor %s does not read", sensor.name, exc_info=True)
        now = time.perf_counter_ns()
        reason = Missing(f"the sensor failed: {type(error).__name__}: {error}")
        return [Reading(channel.name, now, reason) for channel in sensor.channels]


def _checked(sensor: Sensor, index: int, reading: Reading) -> Reading:
    """Return a reading, Missing where it is impossible; most sensors give their channels in order."""
    channels, name = sensor.channels, reading.channel
    channel = channels[index] if index < len(channels) else None
    if channel is None or channel.name != name:
        channel = next((each for each in channels if each.name == name), None)
    value = reading.value if channel is None else check_reading(channel, reading.value)
    return reading if value is reading.value else Reading(name, reading.t_ns, value)


def read_all(sensors: Iterable[Sensor]) -> dict[str, Reading]:
    """Return one reading of every channel by channel name."""
    return {reading.channel: reading for sensor in sensors for reading in read_safely(sensor)}


_COUNTER_WAIT_S = 0.5


@dataclass(frozen=True)
class ChannelValue:
    """The value of a channel.

    Attributes:
        sensor: Name of the sensor.
        channel: The channel.
        value: Value in the channel's unit, or the reason why there is none.
    """

    sensor: str
    channel: Channel
    value: float | Missing


@dataclass(frozen=True)
class Overview:
    """What all sensors show at one moment.

    Attributes:
        channels: Value of every channel.
        absent: Reason by name of each sensor that this machine does not have.
        power: The board's power by the target's rule, or the reason why there is none.
        power_channels: Names of the channels that make up the power, empty where no rule applies.
    """

    channels: tuple[ChannelValue, ...]
    absent: dict[str, str]
    power: BoardPower | Missing
    power_channels: tuple[str, ...]


def overview(sensors: Sequence[Sensor], power: Power, sleep: Callable[[float], None] = time.sleep) -> Overview:
    """Read every channel once.

    Args:
        sensors: The sensors.
        power: Power rules of the target.
        sleep: Sleeps so many seconds. Where the board's power comes from counters, it takes two readings half a second
            apart.
    """
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
