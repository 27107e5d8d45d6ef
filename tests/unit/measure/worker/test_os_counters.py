"""What the kernel tells of the timed window, from looks made up so that the answer is known."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.measure.worker.os_counters import Snapshot, ThreadTimes, delta, snapshot

MS, SECOND = 1_000_000, 1_000_000_000
BEFORE = Snapshot(0, 0, 5, 7, 1_000_000, {1: ThreadTimes(0, 0), 2: ThreadTimes(400, 9_000)})


def test_differences_are_told() -> None:
    threads = {1: ThreadTimes(SECOND, 60 * MS), 2: ThreadTimes(500, 9_000), 3: ThreadTimes(SECOND // 2, 40 * MS)}
    after = Snapshot(SECOND, 0, 8, 9, 1_250_000, threads)
    seen = delta(BEFORE, after)
    assert (seen["involuntary_switches"], seen["voluntary_switches"]) == (3, 2)
    assert seen["cpu_pressure"] == 0.25
    assert seen["busy_threads"] == 2
    assert seen["run_delay"] == pytest.approx(0.1), "of all threads, since the first look or since they began"
    assert seen["affinity"] == sorted(os.sched_getaffinity(0))
    assert seen["os_threads"] >= 1


def test_what_the_kernel_does_not_tell_is_none() -> None:
    silent = Snapshot(SECOND, 0, 5, 7, None, {})
    seen = delta(BEFORE, silent)
    assert seen["cpu_pressure"] is None
    assert seen["busy_threads"] is None
    assert seen["run_delay"] is None


@pytest.mark.parametrize(("used", "pressure"), [(1.0, 0.0), (0.9, 0.1), (0.5, 0.25)])
def test_what_a_process_does_to_itself_is_no_pressure(
    used: float, pressure: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {1})
    delayed = {1: ThreadTimes(SECOND, SECOND // 4)}
    after = Snapshot(SECOND, round(used * SECOND), 8, 9, 1_250_000, delayed)
    assert delta(BEFORE, after)["cpu_pressure"] == pytest.approx(pressure)
    assert delta(BEFORE, after)["run_delay"] == pytest.approx(pressure)


def test_proc_is_read(tmp_path: Path) -> None:
    (tmp_path / "pressure").mkdir()
    (tmp_path / "pressure/cpu").write_text("some avg10=1.00 avg60=0.00 avg300=0.00 total=4242\nfull avg10=0 total=1\n")
    for thread in ("11", "12"):
        (tmp_path / "self/task" / thread).mkdir(parents=True)
    (tmp_path / "self/task/11/schedstat").write_text("123456 10 3\n")
    seen = snapshot(tmp_path)
    assert (seen.pressure_us, seen.threads) == (4242, {11: ThreadTimes(123456, 10)})


@pytest.mark.parametrize("text", ["0 0 0\n", "", "12\n", "many 1 2\n"])
def test_a_kernel_without_scheduler_statistics_has_no_times_of_threads(tmp_path: Path, text: str) -> None:
    (tmp_path / "self/task/11").mkdir(parents=True)
    (tmp_path / "self/task/11/schedstat").write_text(text)
    assert snapshot(tmp_path).threads == {}


def test_an_old_kernel_has_no_pressure(tmp_path: Path) -> None:
    (tmp_path / "self/task").mkdir(parents=True)
    assert snapshot(tmp_path).pressure_us is None


@pytest.mark.parametrize("text", ["", "some avg10=1.00\n", "some total=many\n"])
def test_a_masked_pressure_file_is_no_pressure(tmp_path: Path, text: str) -> None:
    (tmp_path / "pressure").mkdir()
    (tmp_path / "pressure/cpu").write_text(text)
    (tmp_path / "self" / "task").mkdir(parents=True)
    assert snapshot(tmp_path).pressure_us is None
