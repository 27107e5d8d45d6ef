"""Sensor channels and readings. A reading is a value or the reason why it is missing, never 0 for 'unknown'."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, Protocol

from .quantity import Missing

Unit = Literal["W", "J", "degC", "Hz", "B", "V", "A", "1"]
Scope = Literal["wall", "board", "module", "package", "rail", "none"]
Kind = Literal["instant", "mean", "counter"]


@dataclass(frozen=True)
class Channel:
    """One quantity that a sensor delivers.

    Attributes:
        name: Name of the channel.
        unit: Unit of its values.
        scope: How much of the machine a power or energy covers; different scopes are never compared.
        kind: An instant value, a mean over the sensor's own window, or a counter that only grows.
        period_ns: The sensor's own update period; sampling faster repeats values.
        wrap: Value at which a counter wraps, None if it does not.
        resolution: One step of the sensor, in `unit`, None if unknown.
        in_window: False if reading costs too much during a measurement (a fork, a slow bus); such a channel is read
            before and after.
        samples: Number of the sensor's samples in a mean, None if unknown.

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
    """One value of a channel.

    Attributes:
        channel: Name of the channel.
        t_ns: Time on the monotonic clock.
        value: The value in the channel's unit, or why there is none.

    """

    channel: str
    t_ns: int
    value: float | Missing


class Sensor(Protocol):
    """A source of channels. `read` does not raise for an absent or unreadable file; the value is then Missing."""

    name: str

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels on this machine; empty if the sensor is absent, see `absent`."""
        ...

    @property
    def absent(self) -> str:
        """Why there are no channels; '' if there are."""
        ...

    def read(self) -> list[Reading]:
        """Return a reading of each channel."""
        ...

    def close(self) -> None:
        """Close all descriptors."""
        ...


def matches(pattern: str, name: str) -> bool:
    """Match a channel name part by part: 'powercap/package-*' does not match 'powercap/package-0/core'."""
    parts, patterns = name.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def unique_names(names: Iterable[str]) -> Iterator[str]:
    """Yield names made unique: two zones of the type 'acpitz' become 'acpitz' and 'acpitz#2'."""
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        yield name if counts[name] == 1 else f"{name}#{counts[name]}"
