"""`edgebench sensors`: read every sensor channel of this machine once."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from harness.core.errors import EXIT_OK
from harness.core.quantity import Missing

from ._options import add_on_option, host_of, target_of

if TYPE_CHECKING:
    from harness.host.thermal import ProcessorTemperature
    from harness.sensors.board_power import BoardPower
    from harness.sensors.registry import Overview

HELP = "read every sensor once, with the board's power and temperature"
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
    parser.add_argument(
        "--target", default="auto", help="use this board's rule for board power (default: detect this board)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_on_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read once and print."""
    from harness.host.thermal import processor_temperature
    from harness.sensors import open_sensors
    from harness.sensors.registry import overview

    fs = host_of(arguments)
    target = target_of(arguments.target, fs, arguments)
    sensors = open_sensors(fs, meter=target.power.meter)
    try:
        readings = overview(sensors, target.power)
    finally:
        for sensor in sensors:
            sensor.close()
    heat = processor_temperature(fs, target.thermal.zones)
    if arguments.json:
        print(json.dumps(document(target.name, readings, heat), indent=2))
    else:
        print(text(target.name, readings, heat))
    return EXIT_OK


def document(target: str, readings: Overview, heat: ProcessorTemperature | Missing) -> dict[str, Any]:
    """Return the JSON document: a missing value is null and has a reason."""
    return {
        "target": target,
        **_power(readings.power),
        "board_power_channels": readings.power_channels,
        **_temperature(heat),
        "channels": [
            {
                "name": item.channel.name,
                "sensor": item.sensor,
                "value": None if isinstance(item.value, Missing) else item.value,
                "reason": item.value.reason if isinstance(item.value, Missing) else None,
                "unit": item.channel.unit,
                "scope": item.channel.scope,
                "kind": item.channel.kind,
                "period_ns": item.channel.period_ns,
                "samples": item.channel.samples,
            }
            for item in readings.channels
        ],
        "absent": [{"sensor": name, "reason": reason} for name, reason in readings.absent.items()],
    }


def _power(power: BoardPower | Missing) -> dict[str, float | str | None]:
    if isinstance(power, Missing):
        return {**dict.fromkeys(_POWER_KEYS), "board_power_reason": power.reason}
    values = (power.power_w, power.sum_w, power.scope, power.estimate or None, None)
    return dict(zip(_POWER_KEYS, values, strict=True))


def _temperature(heat: ProcessorTemperature | Missing) -> dict[str, float | str | list[str] | None]:
    if isinstance(heat, Missing):
        return {
            "processor_temperature_c": None,
            "processor_temperature_channel": None,
            "processor_temperature_channels": [],
            "processor_temperature_reason": heat.reason,
        }
    return {
        "processor_temperature_c": heat.hottest.temperature_c,
        "processor_temperature_channel": heat.hottest.channel,
        "processor_temperature_channels": [sensor.channel for sensor in heat.sensors],
        "processor_temperature_reason": None,
    }


def text(target: str, readings: Overview, heat: ProcessorTemperature | Missing) -> str:
    """Return the text for the terminal."""
    power = readings.power
    if isinstance(power, Missing):
        first = f"{target}: no board power: {power.reason}"
    else:
        first = f"{target}: {power.power_w:.3f} W ({power.scope})"
        first += f", an estimate from {power.sum_w:.3f} W: {power.estimate}" if power.estimate else ""
    processor = heat.reason if isinstance(heat, Missing) else heat.describe(heat.hottest)
    lines = [first, f"processor: {processor}", ""]
    for item in readings.channels:
        value = item.value.reason if isinstance(item.value, Missing) else f"{item.value:.9g} {item.channel.unit}"
        lines.append(f"  {item.channel.name:<36} {value}")
    lines += [f"  {name:<36} - {reason}" for name, reason in readings.absent.items()]
    return "\n".join(lines)
