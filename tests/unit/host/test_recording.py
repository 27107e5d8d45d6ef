"""A recording replays as the machine it was taken from: files, links, failures, and what changed over time."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

import targets
from harness.core.errors import UsageError
from harness.core.hardware import rapl
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.host.checks import inspect_all
from harness.host.recording import JOURNAL, RecordingFs
from harness.host.replay import ReplayFs, open_host
from harness.sensors import open_sensors, read_all
from tests import trees

SECOND = 1_000_000_000
TEMP = "/sys/class/thermal/thermal_zone0/temp"


class Clock:
    """A clock that stands where the test puts it."""

    def __init__(self) -> None:
        self.now_ns = 5_000 * SECOND

    def __call__(self) -> int:
        return self.now_ns

    def at(self, seconds: float) -> None:
        self.now_ns = 5_000 * SECOND + int(seconds * SECOND)


def playing(root: Path, end: dict[str, Any]) -> tuple[ReplayFs, Clock]:
    """A zone that reads 40000 at first, 50000 from 2 s, 60000 from 4 s on; the recording ends at 6 s."""
    events = [{"t_ns": 2 * n * SECOND, "name": TEMP, "text": f"{40 + 10 * n}000\n"} for n in range(3)]
    lines = [json.dumps(event) for event in [*events, {"t_ns": 6 * SECOND, "end": True, **end}]]
    trees.write(root, {JOURNAL: "\n".join(lines), "sys/class/thermal/thermal_zone0/type": "cpu-thermal"})
    clock = Clock()
    return ReplayFs(root, clock), clock


@pytest.mark.parametrize("name", trees.STATIC)
def test_a_recorded_board_is_the_same_board(tmp_path: Path, name: str) -> None:
    original = trees.write(tmp_path / "board", trees.STATIC[name]())
    recorder = RecordingFs(tmp_path / "recording", original)
    seen = targets.detect(recorder), inspect_all(recorder), _values(recorder)
    recorder.close()

    replayed = open_host(tmp_path / "recording")

    assert isinstance(replayed, ReplayFs)
    assert (targets.detect(replayed), inspect_all(replayed), _values(replayed)) == seen


def _values(fs: HostFs) -> dict[str, float | str]:
    sensors = open_sensors(fs)
    values = {name: reading.value for name, reading in read_all(sensors).items()}
    for sensor in sensors:
        sensor.close()
    return {name: value.reason if isinstance(value, Missing) else value for name, value in values.items()}


def test_a_recording_is_a_tree_to_look_into(tmp_path: Path) -> None:
    original = trees.write(tmp_path / "board", trees.jetson_orin_nano())
    recorder = RecordingFs(tmp_path / "recording", original)
    _values(recorder)
    recorder.close()

    assert (tmp_path / "recording/sys/class/hwmon/hwmon1").is_symlink()
    assert "VDD_IN" in (tmp_path / "recording/sys/class/hwmon/hwmon1/in1_label").read_text()
    (tmp_path / "recording" / JOURNAL).unlink()
    assert _values(open_host(tmp_path / "recording"))["ina3221/1-0040/VDD_IN"] == pytest.approx(9.250304)


def test_a_link_that_leads_nowhere_does_so_in_the_recording(tmp_path: Path) -> None:
    zone = f"{trees.RAPL}/intel-rapl:0"
    files: trees.Tree = {zone: trees.Link("../../devices/virtual/powercap/intel-rapl:0"), "proc/cpuinfo": ""}
    fs = RecordingFs(tmp_path / "recording", trees.write(tmp_path / "tree", files))

    assert rapl.hidden(fs)
    fs.close()
    assert rapl.hidden(HostFs(tmp_path / "recording"))


def test_a_recording_that_does_not_fit_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if path.name == "cpuinfo":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return real(path, data)

    fs = RecordingFs(tmp_path / "recording", trees.write(tmp_path / "tree", {"proc/cpuinfo": "x", "proc/swaps": "y"}))
    monkeypatch.setattr(Path, "write_bytes", full)

    assert fs.read("/proc/cpuinfo") == "x"
    assert fs.read("/proc/swaps") == "y"
    with pytest.raises(UsageError, match=r"No space left on device: .*recording/proc/cpuinfo") as raised:
        fs.close()
    assert "the recording is not complete" in raised.value.remedy


def test_a_failing_file_fails_in_the_replay_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = trees.write(tmp_path / "board", trees.intel_laptop())
    real_open = os.open

    def open_(path: Any, *rest: Any, **named: Any) -> int:
        if str(path).endswith("energy_uj") and "board" in str(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real_open(path, *rest, **named)

    monkeypatch.setattr(os, "open", open_)
    recorder = RecordingFs(tmp_path / "recording", original)
    seen = _values(recorder)
    recorder.close()
    monkeypatch.undo()

    replayed = _values(open_host(tmp_path / "recording"))

    assert replayed == seen
    assert str(replayed["powercap/package-0"]).startswith("denied")


def test_changes_are_recorded_with_their_time(tmp_path: Path) -> None:
    original = trees.write(tmp_path / "board", trees.raspberry_pi_5())
    recorder = RecordingFs(tmp_path / "recording", original)
    for millidegrees in (48850, 48850, 50000, 51000, 51000):
        (original / TEMP.lstrip("/")).write_text(f"{millidegrees}\n")
        recorder.read(TEMP)
    recorder.close()

    events = [json.loads(line) for line in (tmp_path / "recording" / JOURNAL).read_text().splitlines()]

    assert [event.get("text") for event in events] == ["48850\n", "50000\n", "51000\n", None]
    assert events == sorted(events, key=lambda event: event["t_ns"])
    assert events[-1]["end"] is True


def test_a_recording_never_mixes_with_another(tmp_path: Path) -> None:
    trees.write(tmp_path / "full", {"a": 1})

    with pytest.raises(UsageError, match="is not empty"):
        RecordingFs(tmp_path / "full")


@pytest.mark.parametrize(("seconds", "millidegrees"), [(0, 40000), (1.9, 40000), (2, 50000), (3.9, 50000), (5, 60000)])
def test_time_passes_in_a_replay(tmp_path: Path, seconds: float, millidegrees: int) -> None:
    fs, clock = playing(tmp_path, {})

    clock.at(seconds)

    assert fs.read_int(TEMP) == millidegrees
    assert fs.open(TEMP).read_int() == millidegrees


def test_after_its_end_a_changing_file_is_missing(tmp_path: Path) -> None:
    fs, clock = playing(tmp_path, {})

    clock.at(7)

    assert fs.read(TEMP) == Missing(f"unavailable: the recording ended after 6.0 s: {TEMP}")
    assert fs.read("/sys/class/thermal/thermal_zone0/type") == "cpu-thermal"


def test_a_looping_recording_restarts(tmp_path: Path) -> None:
    fs, clock = playing(tmp_path, {"loop": True})

    clock.at(6 * 10 + 2.5)

    assert fs.read_int(TEMP) == 50000


def test_a_counter_goes_on_counting_through_the_loop(tmp_path: Path) -> None:
    # it gains 20000 a round, and wraps at 65000
    fs, clock = playing(tmp_path, {"loop": True, "counters": {TEMP: 65000}})

    found = []
    for seconds in (1, 3, 5, 7, 9):
        clock.at(seconds)
        found.append(fs.read_int(TEMP))

    assert found == [40000, 50000, 60000, 60000, 5000]


@pytest.mark.parametrize("line", ["{", '{"t_ns": 1}', '{"name": "/a", "text": "1"}', "[]"])
def test_a_damaged_recording_is_a_clear_error(tmp_path: Path, line: str) -> None:
    trees.write(tmp_path, {JOURNAL: line})

    with pytest.raises(UsageError, match="line 1 is damaged"):
        open_host(tmp_path)


def test_no_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder to read a machine from"):
        open_host(tmp_path / "nowhere")


def test_the_default_is_this_machine() -> None:
    assert open_host(None).live
    assert not open_host(Path("/tmp")).live


@pytest.mark.parametrize("name", trees.PLAYING)
def test_the_playing_trees_change(tmp_path: Path, name: str) -> None:
    root = trees.PLAYING[name](tmp_path / name)
    clock = Clock()
    fs = ReplayFs(root, clock)

    seen = []
    for seconds in (1, 10):
        clock.at(seconds)
        seen.append(_values(fs))

    assert seen[0] != seen[1]
