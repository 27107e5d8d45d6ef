"""Throttling between two readings: what counts, and what does not."""

from __future__ import annotations

import pytest

from harness.core.quantity import Missing
from harness.core.sensing import Channel, Kind, Reading
from harness.measure.passes.thermal import ThrottleWatch


class Scripted:
    """A sensor of one channel that says one value after the other."""

    absent = ""

    def __init__(self, name: str, kind: Kind, *values: float | Missing) -> None:
        self.name = name.partition("/")[0]
        self.channels = (Channel(name, "1", kind=kind),)
        self._values = iter(values)

    def read(self) -> list[Reading]:
        return [Reading(self.channels[0].name, 0, next(self._values))]

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("name", "kind", "before", "after", "reason"),
    [
        ("cpu-throttle/core", "counter", 4, 4, ""),
        ("cpu-throttle/core", "counter", 4, 7, "rose by 3"),
        ("pi-throttled/bits", "instant", 0x50000, 0x50000, ""),
        ("pi-throttled/bits", "instant", 0x50000, 0x50005, "0x50005"),
        ("pi-throttled/bits", "instant", 0, 0x20000, "0x20000"),
        ("pi-throttled/bits", "instant", 0x50005, 0x50005, "0x50005"),  # still is
        ("pi-throttled/bits", "instant", 0x80008, 0x80008, "0x80008"),  # the soft limit on temperature
        ("cooling/cpu-throttle-alert", "instant", 0, 1, "is 1"),
        ("cooling/pwm-fan", "instant", 0, 3, ""),
        ("cpu-throttle/core", "counter", 4, Missing("absent"), ""),
    ],
)
def test_what_counts_as_throttled(name: str, kind: Kind, before: float, after: float, reason: str) -> None:
    watch = ThrottleWatch([Scripted(name, kind, before, after)], ["cpu-throttle/*", "pi-throttled/bits", "cooling/*"])
    said = watch.since(watch.read())
    assert reason in said
    assert bool(said) == bool(reason)


def test_only_the_targets_sources_are_watched() -> None:
    watch = ThrottleWatch([Scripted("cpu-throttle/core", "counter", 1, 2)], ["pi-throttled/bits"])
    assert watch.read() == {}
