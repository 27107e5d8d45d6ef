"""Everything the sensors say at one moment, and the board's power where the target has a rule for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.core.power import Power
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Sensor

from .board_power import BoardPower, board_power, power_source
from .registry import read_all

_COUNTER_WAIT_S = 0.5


@dataclass(frozen=True)
class ChannelNow:
    """One channel of one sensor, with its value in the channel's unit or the reason why there is none."""

    sensor: str
    channel: Channel
    value: float | Missing


@dataclass(frozen=True)
class Overview:
    """All channels, the sensors this machine does not have with the reason, and the board's power.

    `power_channels` names what makes the power up, empty where the target's rule finds no channels.
    """

    channels: tuple[ChannelNow, ...]
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
        tuple(ChannelNow(each.name, channel, now[channel.name].value) for each in sensors for channel in each.channels),
        {sensor.name: sensor.absent for sensor in sensors if sensor.absent},
        source if isinstance(source, Missing) else board_power(source, now, before),
        () if isinstance(source, Missing) else tuple(channel.name for channel in source.channels),
    )
