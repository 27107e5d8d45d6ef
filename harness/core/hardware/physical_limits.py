"""What a reading can be at all: a value outside these limits is a fault of the sensor, so it is Missing.

The limits are wide: they hold what a working board, PC or server can show, and exclude what drivers return for a chip
that is off, gated, left the bus or is computed with the wrong width (-274 C, 4,294,948 C, all bits set). Docs:
docs/boards.md.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from harness.core.quantity import Missing
from harness.core.sensing import Channel, Unit


@dataclass(frozen=True)
class PhysicalLimits:
    """The range of values that a quantity can have.

    Attributes:
        low: Lowest possible value.
        high: Highest possible value.
        reason: Why nothing lies outside.
    """

    low: float
    high: float
    reason: str


_LARGEST = sys.float_info.max
_ANY = PhysicalLimits(-_LARGEST, _LARGEST, "it is not a finite number")
_COUNT = PhysicalLimits(0, _LARGEST, "a count is finite and never negative")

LIMITS: Mapping[Unit, PhysicalLimits] = {
    "degC": PhysicalLimits(-40, 150, "boards are specified from -40 C, and silicon has failed by 150 C"),
    "W": PhysicalLimits(-50, 2000, "no rail, package or card takes more than 2 kW or gives back more than 50 W"),
    "V": PhysicalLimits(-1, 100, "no rail is a volt below ground or above 100 V"),
    "A": PhysicalLimits(-200, 1000, "no rail carries more than 1000 A or takes back more than 200 A"),
    "Hz": PhysicalLimits(0, 10e9, "no clock is negative or above 10 GHz"),
    "B": PhysicalLimits(0, 2.0**50, "no memory is negative or above 1 PiB"),
    "J": _ANY,
    "1": _ANY,
}
"""By unit of a channel. Counters have limits of their own."""

_CPU_CLOCK = PhysicalLimits(1e6, 10e9, "a CPU that runs this program has a clock between 1 MHz and 10 GHz")


def check_reading(channel: Channel, value: float | Missing) -> float | Missing:
    """Return the value of a channel, or Missing where it is physically impossible."""
    if isinstance(value, Missing):
        return value
    return check(_limits(channel), value, channel.unit, channel.name)


def check(limits: PhysicalLimits, value: float | Missing, unit: str, name: str) -> float | Missing:
    """Return a value, or Missing where it lies outside the limits.

    Args:
        limits: The limits.
        value: The value, or the reason why there is none.
        unit: Unit for the reason, '1' for a plain number.
        name: What was read, for the reason.
    """
    if isinstance(value, Missing) or limits.low <= value <= limits.high:
        return value
    shown = f"{value:,.10g} {'C' if unit == 'degC' else unit}".removesuffix(" 1")
    return Missing(f"impossible: {name} reads {shown}: {limits.reason}")


def _limits(channel: Channel) -> PhysicalLimits:
    if channel.kind != "counter":
        return _CPU_CLOCK if channel.name.startswith("cpufreq/") else LIMITS[channel.unit]
    if channel.wrap is None:
        return _COUNT if channel.unit == "1" else _ANY
    return _below_wrap(channel.wrap, channel.unit)


@cache
def _below_wrap(wrap: float, unit: str) -> PhysicalLimits:
    return PhysicalLimits(0, wrap, f"its counter starts again at {wrap:,.10g} {unit}")
