"""Sensor channels and readings. A reading is a value or the reason why there is none: never 0 for 'unknown'."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, Protocol

from .quantity import Missing

Unit = Literal["W", "J", "degC", "Hz", "B", "V", "A", "1"]
Scope = Literal["wall", "board", "module", "package", "rail", "none"]
Kind = Literal["instant", "mean", "counter"]

RAPL_REMEDY = (
    "root alone may read it since kernel 5.10 (CVE-2020-8694); grant it until the next boot: "
    "sudo chmod a+r /sys/class/powercap/*/energy_uj; for good, in /etc/tmpfiles.d/edgebench.conf: "
    "z /sys/class/powercap/*/energy_uj 0444 - - -"
)
"""Said by the sensor that is denied and by the check that looks for such."""


@dataclass(frozen=True)
class Channel:
    """One quantity a sensor delivers.

    `scope` says how much of the machine a power or energy figure covers; scopes are never compared.
    `kind`: an instant value, a mean over the sensor's own window, or a counter that only grows and wraps at `wrap`.
    `period_ns` is the sensor's own update period: sampling faster only repeats values.
    `resolution` is one step of the sensor, in `unit`; `samples` how many of its own a mean is over, where it tells.
    `in_window` is False where reading costs too much beside a
    measurement (a fork, a slow bus): such a channel is read before and after, never during.
    """

    name: str
    unit: Unit
    scope: Scope = "none"
    kind: Kind = "instant"
    period_ns: int = 1_000_000_000
    wrap: float | None = None
    resolution: float | None = None
    in_window: bool = True
    samples: int | None = None


@dataclass(frozen=True)
class Reading:
    """One value of one channel at `t_ns` of the monotonic clock, in the channel's unit."""

    channel: str
    t_ns: int
    value: float | Missing


class Sensor(Protocol):
    """A source of channels. `read` never raises for an absent, denied or gated file: that is a Missing value."""

    name: str

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels this machine has; empty when the sensor is absent (see `absent`)."""
        ...

    @property
    def absent(self) -> str:
        """Why there are no channels; empty when there are."""
        ...

    def read(self) -> list[Reading]:
        """One reading of every channel."""
        ...

    def close(self) -> None:
        """Release descriptors."""
        ...


def matches(pattern: str, name: str) -> bool:
    """Match a channel name part by part: 'powercap/package-*' does not match 'powercap/package-0/core'."""
    parts, patterns = name.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))
