"""The board's power, by its target's rule: which channels make the total, and how much of the machine that covers.

'Total' is a rule per board and never the sum of all rails: rails overlap (VDD_IN feeds the others), counters nest
(a package holds its cores), and some meters watch what another already counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.core.quantity import Missing
from harness.core.sensing import Channel, Reading, Scope, Sensor
from harness.core.target import Power, PowerTotal


@dataclass(frozen=True)
class PowerSource:
    """The channels whose sum is the power of `scope`; power = scale x sum + offset_w (see `PowerTotal`)."""

    rule: PowerTotal
    channels: tuple[Channel, ...]

    @property
    def scope(self) -> Scope:
        """How much of the machine the figure covers."""
        return self.rule.scope

    @property
    def counters(self) -> bool:
        """True when the channels count joules, False when they tell watts."""
        return self.channels[0].unit == "J"

    def total_w(self, sum_w: float) -> float:
        """The rule's figure for a sum over the channels."""
        return self.rule.scale * sum_w + self.rule.offset_w


@dataclass(frozen=True)
class BoardPower:
    """The board's power now: `power_w` by the rule, `sum_w` the plain sum of its channels."""

    power_w: float
    sum_w: float
    scope: Scope
    estimate: str


def power_source(power: Power, sensors: Iterable[Sensor]) -> PowerSource | Missing:
    """The first rule of the target whose channels are all there; else why not, in the sensors' own words."""
    sensors = list(sensors)
    channels = [channel for sensor in sensors for channel in sensor.channels if channel.unit in {"W", "J"}]
    for rule in power.total:
        found = _applied(rule, channels)
        if found:
            return PowerSource(rule, found)
    if not power.total:
        return Missing(power.none or "the target names no power sensor")
    wanted = " + ".join(power.total[0].channels)
    absent = [f"{sensor.name}: {sensor.absent}" for sensor in sensors if sensor.absent and _of(sensor, power.total)]
    return Missing(f"no channel {wanted}" + (f" ({'; '.join(absent)})" if absent else ""))


def board_power(source: PowerSource, now: Mapping[str, Reading], before: Mapping[str, Reading]) -> BoardPower | Missing:
    """The power at one moment. Counters need an earlier reading too: watts are joules over the time between the two."""
    watts = [_watts(channel, now[channel.name], before.get(channel.name)) for channel in source.channels]
    for value in watts:
        if isinstance(value, Missing):
            return value
    sum_w = sum(value for value in watts if not isinstance(value, Missing))
    return BoardPower(source.total_w(sum_w), sum_w, source.scope, source.rule.estimate)


def matches(pattern: str, name: str) -> bool:
    """`fnmatch` part by part: '*' does not reach over '/', so 'powercap/package-*' is no 'powercap/package-0/core'."""
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _applied(rule: PowerTotal, channels: Sequence[Channel]) -> tuple[Channel, ...]:
    """The rule's channels in the sensors' order; none when one of its patterns matches nothing or units differ."""
    if not all(any(matches(pattern, channel.name) for channel in channels) for pattern in rule.channels):
        return ()
    patterns = (*rule.channels, *rule.optional)
    found = tuple(channel for channel in channels if any(matches(pattern, channel.name) for pattern in patterns))
    return found if len({channel.unit for channel in found}) == 1 else ()


def _of(sensor: Sensor, rules: Sequence[PowerTotal]) -> bool:
    """True when a rule's patterns begin with this sensor's name."""
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
