"""The processor's hottest zone, and waiting until it has cooled down."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.hostfs import HostFs
from harness.host.thermal import hottest_zone, wait_until_cool
from tests import trees


def test_the_hottest_zone_is_the_processors(tmp_path: Path) -> None:
    zones = [("iwlwifi_1", 90_000), ("x86_pkg_temp", 60_000), ("acpitz", 70_000)]
    files = {
        f"{trees.THERMAL}/thermal_zone{n}/{key}": value
        for n, (kind, temp) in enumerate(zones)
        for key, value in (("type", kind), ("temp", temp))
    }

    zone = hottest_zone(HostFs(trees.write(tmp_path, files)))

    assert zone is not None
    assert (zone.name, zone.temperature_c) == ("x86_pkg_temp", 60.0)


def test_cooling_down_ends_when_it_gets_no_cooler(tmp_path: Path) -> None:
    root = trees.write(tmp_path, trees.raspberry_pi_5())
    (root / "sys/class/thermal/thermal_zone0/temp").write_text("65000\n")
    waits: list[float] = []

    found = wait_until_cool(HostFs(root), limit_c=60.0, sleep=waits.append)

    assert found.status == "warn"
    assert sum(waits) == 30.0
    assert "65.0 C after 30 s, limit 60 C" in found.found


def test_cooling_down_waits_until_it_is_cool(tmp_path: Path) -> None:
    root = trees.write(tmp_path, trees.raspberry_pi_5())
    temp = root / "sys/class/thermal/thermal_zone0/temp"
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        temp.write_text(f"{70_000 - 5_000 * len(waits)}\n")

    temp.write_text("70000\n")
    found = wait_until_cool(HostFs(root), limit_c=60.0, sleep=sleep)

    assert (found.status, len(waits)) == ("ok", 2)
    assert "60.0 C" in found.found


def test_cooling_down_gives_up(tmp_path: Path) -> None:
    fs = HostFs(trees.write(tmp_path, trees.raspberry_pi_5()))

    found = wait_until_cool(fs, limit_c=40.0, timeout_s=10, sleep=lambda seconds: None)

    assert found.status == "warn"
    assert "after 10 s" in found.found


def test_cooling_down_without_a_thermometer_does_not_wait(tmp_path: Path) -> None:
    assert (
        wait_until_cool(HostFs(tmp_path), limit_c=40.0, sleep=lambda seconds: pytest.fail("waited")).status == "unknown"
    )
