"""The roofline: what is measured, how it is cached, and the reason where there is none."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import SetupError
from harness.core.hardware.roofline import Roof
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.host import roofline, roofline_worker
from harness.host.identity import Machine, identity
from tests import trees

MIB = 1 << 20
CACHE = f"{trees.CPU}/cpu0/cache"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def machine() -> Machine:
    return identity(HostFs())


def pretend(monkeypatch: pytest.MonkeyPatch, peaks: dict[int, tuple[float, float]]) -> list[int]:
    """Let the micro-benchmark return `peaks` by number of threads; return the array sizes that were requested."""
    sizes: list[int] = []

    def answer(threads: int, array_bytes: int) -> dict[str, Any]:
        sizes.append(array_bytes)
        flops, traffic = peaks[threads]
        return {"flops_per_s": flops, "bytes_per_s": traffic, "blas": "numpy 2, openblas"}

    monkeypatch.setattr(roofline, "_peak", answer)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(max(peaks))))
    return sizes


def test_a_measurement_is_cached(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(roofline.cached(machine), Missing)
    pretend(monkeypatch, {1: (50e9, 10e9), 4: (150e9, 12e9)})
    found = roofline.measure(machine, HostFs())
    assert found.roofs == (Roof(1, 50e9, 10e9), Roof(4, 150e9, 12e9))
    assert roofline.cached(machine) == found
    assert roofline.cached(dataclasses.replace(machine, machine_id="another")) != found


def test_more_threads_are_never_slower(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, {1: (50e9, 10e9), 4: (40e9, 12e9)})
    assert roofline.measure(machine, HostFs()).roofs[1] == Roof(4, 50e9, 12e9)


def test_arrays_outgrow_the_cache_and_fit_the_memory(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs = HostFs(trees.write(tmp_path / "big", {f"{CACHE}/index0/size": "32K", f"{CACHE}/index3/size": "16M"}))
    sizes = pretend(monkeypatch, {1: (1e9, 1e9)})
    small = dataclasses.replace(machine, memory_bytes=240 * MIB)
    assert roofline.measure(dataclasses.replace(machine, memory_bytes=8 << 30), fs).cache_bytes == 16 * MIB
    roofline.measure(small, fs)
    unknown = roofline.measure(dataclasses.replace(machine, memory_bytes=None), HostFs(tmp_path / "none"))
    assert unknown.cache_bytes is None
    assert sizes == [64 * MIB, 10 * MIB, 32 * MIB]


@pytest.mark.parametrize("damage", ["", "[]", '{"machine_id": "x"}', '{"roofs": [{"threads": 1}]}'])
def test_a_damaged_file_has_a_remedy(machine: Machine, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    pretend(monkeypatch, {1: (1e9, 1e9)})
    roofline.measure(machine, HostFs())
    (file,) = (Path(os.environ["XDG_CACHE_HOME"]) / "edgebench").iterdir()
    file.write_text(damage)
    missing = roofline.cached(machine)
    assert isinstance(missing, Missing)
    assert "--again" in missing.reason


def test_a_run_measures_only_when_it_may(tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, {1: (1e9, 1e9)})
    assert isinstance(roofline.load_or_measure(machine, HostFs(), may_measure=False), Missing)
    assert isinstance(roofline.load_or_measure(machine, HostFs(tmp_path), may_measure=True), Missing)
    measured = roofline.load_or_measure(machine, HostFs(), may_measure=True)
    assert measured == roofline.load_or_measure(machine, HostFs(), may_measure=False)
    assert not isinstance(measured, Missing)


def test_a_failing_micro_benchmark_does_not_end_a_run(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofline.sys, "executable", "/bin/false")
    with pytest.raises(SetupError, match="micro-benchmark failed"):
        roofline.measure(machine, HostFs())
    missing = roofline.load_or_measure(machine, HostFs(), may_measure=True)
    assert isinstance(missing, Missing)
    assert "micro-benchmark failed" in missing.reason


def test_the_child_prints_what_the_parent_reads(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(roofline_worker, "SECONDS", 0.0)
    monkeypatch.setattr(roofline_worker.sys, "argv", ["peak", "2", str(MIB)])
    assert roofline_worker.main() == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"flops_per_s", "bytes_per_s", "blas"}
    assert 0 < answer["flops_per_s"] < 1e15
    assert 0 < answer["bytes_per_s"] < 1e15
    assert answer["blas"].startswith("numpy ")
