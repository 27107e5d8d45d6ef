"""The example of docs/add-a-sensor.md is a sensor."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from harness.core.hostfs import HostFs
from tests import trees

PAGE = Path(__file__).parents[3] / "docs" / "add-a-sensor.md"


def test_the_example_reads_a_fan(tmp_path: Path) -> None:
    lines = PAGE.read_text("utf-8").splitlines()
    start = lines.index("    # my_sensors/fan.py")
    end = next(number for number, line in enumerate(lines) if "its pyproject.toml" in line)
    names: dict[str, Any] = {}
    exec(re.sub(r"(?m)^    ", "", "\n".join(lines[start:end])), names)

    sensor = names["Fan"](HostFs(trees.write(tmp_path, trees.raspberry_pi_5())))

    assert [(reading.channel, reading.value) for reading in sensor.read()] == [("fan/pwmfan", 50.9)]
    assert names["Fan"](HostFs(tmp_path / "nowhere")).absent.startswith("no fan")
