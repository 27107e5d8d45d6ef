"""How hot the chip is, and how far from where it throttles."""

from __future__ import annotations

from harness.core.hostfs import HostFs
from harness.core.verdict import Finding
from harness.host.thermal import hottest_zone

_MARGIN_C = 15.0


def inspect(fs: HostFs) -> Finding:
    """Warn within 15 degrees of the zone's lowest throttling trip point, fail at it."""
    zone = hottest_zone(fs)
    if zone is None:
        return Finding("temperature", "unknown", "no temperature of the processor can be read")
    found = f"{zone.name} {zone.temperature_c:.1f} C"
    if zone.trip_c is None:
        return Finding("temperature", "ok", found)
    found += f", throttles at {zone.trip_c:.0f} C"
    if zone.temperature_c >= zone.trip_c:
        return Finding("temperature", "fail", found, "let it cool, better cooling")
    if zone.temperature_c >= zone.trip_c - _MARGIN_C:
        return Finding("temperature", "warn", found, "let it cool before measuring")
    return Finding("temperature", "ok", found)
