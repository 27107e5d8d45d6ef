"""Was the machine throttled while a process ran: counters that rose, bits and cooling devices that were on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.core.quantity import Missing
from harness.core.sensing import Channel, Sensor
from harness.sensors.board_power import matches
from harness.sensors.registry import read_safely

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
        """What the sources say now; one that cannot be read is left out."""
        return {
            reading.channel: reading.value
            for sensor in self._sensors
            for reading in read_safely(sensor)
            if reading.channel in self._channels and not isinstance(reading.value, Missing)
        }

    def since(self, before: Mapping[str, float]) -> str:
        """Why the time since `before` counts as throttled; empty when it does not."""
        now = self.read()
        return "; ".join(
            reason
            for name, value in now.items()
            if name in before and (reason := _throttled(self._channels[name], before[name], value))
        )


def _throttled(channel: Channel, before: float, after: float) -> str:
    """A fan that turns is no throttling; the Raspberry Pi's word has what is on now below what was on since boot."""
    if channel.kind == "counter":
        return f"{channel.name} rose by {after - before:g}" if after > before else ""
    if channel.name == _PI_WORD:
        bits = int(after) & ~int(before) | int(after) & _PI_NOW
        return f"throttle bits 0x{int(after):x}, before 0x{int(before):x}" if bits else ""
    if "fan" in channel.name.lower():
        return ""
    return f"{channel.name} is {after:g}" if after > 0 else ""
