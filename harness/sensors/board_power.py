"""The board's power by its target's rule: which channels make up the total, and how much of the machine it covers.

The total is a rule per board and never the sum of all rails: rails overlap (VDD_IN feeds the others), counters nest (a
package includes its cores), and some meters measure what another one already does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.core.quantity import Missing
from harness.core.sensing import Channel, Reading, Scope, Sensor, matches
from harness.core.target import Power, PowerTotal


@dataclass(frozen=True)
class PowerSource:
    """Where a board's power comes from: power = scale x sum of the channels + offset_w.

    Attributes:
        rule: Rule of the target.
        channels: Channels that the rule matches, all in watts or all in joules.
    """

    rule: PowerTotal
    channels: tuple[Channel, ...]

    @property
    def scope(self) -> Scope:
        """How much of the machine the power covers."""
        return self.rule.scope

    @property
    def counters(self) -> bool:
        """Whether the channels count joules; otherwise they are in watts."""
        return self.channels[0].unit == "J"

    def total_w(self, sum_w: float) -> float:
        """Return the power by the rule for a sum over the channels, in watts."""
        return self.rule.scale * sum_w + self.rule.offset_w


@dataclass(frozen=True)
class BoardPower:
    """The board's power at one moment.

    Attributes:
        power_w: Power by the rule.
        sum_w: Plain sum of the channels.
        scope: How much of the machine it covers.
        estimate: How the rule estimates the power, '' where it is measured.
    """

    power_w: float
    sum_w: float
    scope: Scope
    estimate: str


def power_source(power: Power, sensors: Iterable[Sensor]) -> PowerSource | Missing:
    """Return the first rule of the target whose channels all exist, else the reasons that the sensors give."""
    sensors = list(sensors)
    channels = [channel for sensor in sensors for channel in sensor.channels if channel.unit in {"W", "J"}]
    for rule in power.total:
        if matched := _matched(rule, channels):
            return PowerSource(rule, matched)
    if not power.total:
        return Missing(power.none or "the target names no power sensor")
    patterns = " + ".join(power.total[0].channels)
    absent = [f"{sensor.name}: {sensor.absent}" for sensor in sensors if sensor.absent and _used(sensor, power.total)]
    return Missing(f"no channel {patterns}" + (f" ({'; '.join(absent)})" if absent else ""))


def board_power(source: PowerSource, now: Mapping[str, Reading], before: Mapping[str, Reading]) -> BoardPower | Missing:
    """Return the power at one moment.

    Args:
        source: The channels and their rule.
        now: Readings by channel name.
        before: Earlier readings. Counters need them: watts are joules over the time between the two.
    """
    watts = [_watts(channel, now[channel.name], before.get(channel.name)) for channel in source.channels]
    for value in watts:
        if isinstance(value, Missing):
            return value
    sum_w = sum(value for value in watts if not isinstance(value, Missing))
    return BoardPower(source.total_w(sum_w), sum_w, source.scope, source.rule.estimate)


def _matched(rule: PowerTotal, channels: Sequence[Channel]) -> tuple[Channel, ...]:
    """Return the rule's channels in the sensors' order; none when a pattern matches nothing or units differ."""
    if not all(any(matches(pattern, channel.name) for channel in channels) for pattern in rule.channels):
        return ()
    patterns = (*rule.channels, *rule.optional)
    matched = tuple(channel for channel in channels if any(matches(pattern, channel.name) for pattern in patterns))
    return matched if len({channel.unit for channel in matched}) == 1 else ()


def _used(sensor: Sensor, rules: Sequence[PowerTotal]) -> bool:
    """Return whether a pattern of a rule begins with this sensor's name."""
    return any(fnmatchcase(sensor.name, pattern.split("/")[0]) for rule in rules for pattern in rule.channels)


def _watts(channel: Channel, now: Reading, before: Reading | None) -> float | Missing:
    if isinstance(now.value, Missing) or channel.unit == "W":
        return now.value
    if before is None or isinstance(before.value, Missing):
        return Missing(f"{channel.name} counts joules: power needs two readings")
    joules, seconds = now.value - before.value, (now.t_ns - before.t_ns) / 1e9
    if joules < 0 and channel.wrap is not None:
        joules += channel.wrap
    if joules <= 0 or seconds <= 0:
        return Missing(f"{channel.name} did not move within {seconds:.2f} s")
    return joules / seconds
