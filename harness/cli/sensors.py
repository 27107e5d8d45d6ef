"""`edgebench sensors`: every channel of this machine, with its value or the reason why there is none."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from harness.core.errors import EXIT_OK
from harness.core.quantity import Missing

from ._options import host_of, target_of

if TYPE_CHECKING:
    from harness.sensors.board_power import BoardPower
    from harness.sensors.registry import Overview

HELP = "read every sensor once, and the board's power"
GROUP = "boards"
EXAMPLE = "edgebench sensors"

_POWER_KEYS = (
    "board_power_w",
    "board_power_sum_w",
    "board_power_scope",
    "board_power_estimate",
    "board_power_reason",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--target", default="auto", help="whose power rule to use (default: the board this machine is)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Read once and print."""
    from harness.sensors import open_sensors
    from harness.sensors.registry import overview

    fs = host_of(arguments)
    target = target_of(arguments.target, fs, arguments)
    sensors = open_sensors(fs, meter=target.power.meter)
    try:
        seen = overview(sensors, target.power)
    finally:
        for sensor in sensors:
            sensor.close()
    print(json.dumps(document(target.name, seen), indent=2) if arguments.json else text(target.name, seen))
    return EXIT_OK


def document(target: str, seen: Overview) -> dict[str, Any]:
    """The JSON of the command: a value is null where there is none, and then its reason is not."""
    return {
        "target": target,
        **_power(seen.power),
        "board_power_channels": seen.power_channels,
        "channels": [
            {
                "name": each.channel.name,
                "sensor": each.sensor,
                "value": None if isinstance(each.value, Missing) else each.value,
                "reason": each.value.reason if isinstance(each.value, Missing) else None,
                "unit": each.channel.unit,
                "scope": each.channel.scope,
                "kind": each.channel.kind,
                "period_ns": each.channel.period_ns,
                "samples": each.channel.samples,
            }
            for each in seen.channels
        ],
        "absent": [{"sensor": name, "reason": reason} for name, reason in seen.absent.items()],
    }


def _power(power: BoardPower | Missing) -> dict[str, float | str | None]:
    if isinstance(power, Missing):
        return {**dict.fromkeys(_POWER_KEYS), "board_power_reason": power.reason}
    values = (power.power_w, power.sum_w, power.scope, power.estimate or None, None)
    return dict(zip(_POWER_KEYS, values, strict=True))


def text(target: str, seen: Overview) -> str:
    """The same for people."""
    power = seen.power
    if isinstance(power, Missing):
        first = f"{target}: no board power: {power.reason}"
    else:
        first = f"{target}: {power.power_w:.3f} W ({power.scope})"
        first += f", an estimate from {power.sum_w:.3f} W: {power.estimate}" if power.estimate else ""
    lines = [first, ""]
    for each in seen.channels:
        found = each.value.reason if isinstance(each.value, Missing) else f"{each.value:.9g} {each.channel.unit}"
        lines.append(f"  {each.channel.name:<36} {found}")
    lines += [f"  {name:<36} - {reason}" for name, reason in seen.absent.items()]
    return "\n".join(lines)
