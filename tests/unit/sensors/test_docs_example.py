"""The example of docs/add-a-sensor.md is a sensor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.core.hostfs import HostFs
from tests import outside, trees


def test_the_example_reads_a_fan(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    exec(outside.shown("add-a-sensor.md")["my_sensors/fan.py"], names)

    sensor = names["Fan"](HostFs(trees.write(tmp_path, trees.raspberry_pi_5())))

    assert [(reading.channel, reading.value) for reading in sensor.read()] == [("fan/pwmfan", 50.9)]
    assert names["Fan"](HostFs(tmp_path / "nowhere")).absent.startswith("no fan")
