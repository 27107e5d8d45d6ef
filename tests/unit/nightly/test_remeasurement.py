"""Which processes run again in a night; what they measure is made up."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.measure.ab import ProcessTiming
from harness.measure.passes.worker_process import WorkerFailure
from harness.measure.prepared import PreparedCase
from harness.measure.presets import profile
from harness.nightly import remeasurement as again_module
from harness.nightly.remeasurement import Remeasurement
from harness.runtimes.base import Options


class Board:
    """Stands for the processes: the n-th takes n ms, the new build's 10 more; the one numbered `fails` crashes."""

    def __init__(self, folder, fails=0):
        paths = [folder / f"{name}.onnx" for name in ("old", "new")]
        case = Case("net", "fp32", "onnxruntime-cpu")
        self.old, self.new = (
            PreparedCase(case, Artifact(path, "onnx", "a1", 1), "none:NONE", Options(), None) for path in paths
        )
        self.ran = []
        self.fails = fails

    def __call__(self, prepared, length, out, seed, feeds=None):
        self.ran.append(prepared)
        if len(self.ran) == self.fails:
            return WorkerFailure("crashed", "signal 11")
        more = 10 if prepared is self.new else 0
        return ProcessTiming(1e6 * (len(self.ran) + more), 1e6, load_ns=5_000_000, peak_rss_bytes=7)


@pytest.fixture
def board(tmp_path, monkeypatch):
    made = Board(tmp_path)
    monkeypatch.setattr(again_module, "time_process", made)
    monkeypatch.setattr(again_module, "write_inputs", lambda block, scratch: {})
    return made


def again(tmp_path):
    return Remeasurement(profile("smoke"), tmp_path, seed=0, progress=lambda text: None)


def test_pairs_hold_both_builds_side_by_side(board, tmp_path):
    a, b = again(tmp_path).ab(board.old, board.new, "latency_p50_ns", 4)
    assert len(board.ran) == 8
    assert np.abs(np.abs(b - a - 0.010)).tolist() == pytest.approx([0.001] * 4), "neighbours, in milliseconds"


def test_another_metric_looks_at_the_same_processes(board, tmp_path):
    measured = again(tmp_path)
    measured.ab(board.old, board.new, "latency_p50_ns", 4)
    _, loads = measured.ab(board.old, board.new, "load_ns", 4)
    assert loads.tolist() == [0.005] * 4
    assert len(board.ran) == 8


def test_who_asks_again_gets_more_pairs(board, tmp_path):
    measured = again(tmp_path)
    first, _ = measured.ab(board.old, board.new, "latency_p50_ns", 4)
    more, _ = measured.ab(board.old, board.new, "latency_p50_ns", 4)
    assert len(board.ran) == 16
    assert set(first.tolist()).isdisjoint(more.tolist())


def test_a_crash_among_the_pairs_is_no_answer(board, tmp_path):
    board.fails = 5
    assert again(tmp_path).ab(board.old, board.new, "latency_p50_ns", 4) is None


def test_a_session_has_as_many_processes_as_the_profile(board, tmp_path):
    found = again(tmp_path).rerun(board.new, "peak_rss_bytes")
    assert found.tolist() == [7] * profile("smoke").processes
