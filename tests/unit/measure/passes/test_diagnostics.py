"""The passes that explain: operators by the runtime's profiler, memory over time, peaks at the ends of phases."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.core.case import Case
from harness.core.execution import OperatorProfile
from harness.core.quantity import Missing
from harness.measure.passes import diagnostics
from harness.measure.passes.diagnostics import MemoryTrace
from harness.measure.passes.worker_process import Answer, run_worker
from harness.measure.prepared import PreparedCase
from harness.measure.protocol import PHASES
from harness.measure.worker import os_counters
from harness.runtimes.base import Options
from suites.artifacts import catalog
from tests.unit.measure.jobs import null_job

FAKES = Path(__file__).parents[3] / "fakes"
NET = "mobilenet_v2-0.35-32"
MIB = 1 << 20


class Sink:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.kept: list[Mapping[str, NDArray[Any]]] = []

    def put_blob(self, arrays: Mapping[str, NDArray[Any]]) -> tuple[str, int]:
        self.kept.append(arrays)
        return f"{len(self.kept):064x}", len(next(iter(arrays.values())))


def prepared(runtime: str = "harness.runtimes.onnxruntime:onnxruntime-cpu", suffix: str = "onnx") -> PreparedCase:
    case = Case(NET, "int8-static", "onnxruntime-cpu")
    return PreparedCase(case, catalog.artifact(case, suffix), runtime, Options(), None, timeout_s=60)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("runtime", "suffix"),
    [("harness.runtimes.onnxruntime:onnxruntime-cpu", "onnx"), ("harness.runtimes.litert:litert-xnnpack", "tflite")],
)
def test_a_case_is_looked_into(runtime: str, suffix: str, tmp_path: Path) -> None:
    sink = Sink()
    found = diagnostics.diagnose(prepared(runtime, suffix), sink, tmp_path)
    assert isinstance(found.operators, OperatorProfile)
    assert len(found.operators.operators) > 20
    assert [(trace.channel, trace.unit, trace.scope) for trace in found.traces] == [
        ("memory_rss", "B", "process"),
        ("memory_uss", "B", "process"),
    ]
    resident, unique = (blob["value"] for blob in sink.kept)
    assert len(resident) == found.traces[0].n_updates > 2
    assert np.all(unique <= resident)
    assert resident.max() > 20 * MIB
    ends = [found.details["memory_trace"]["phases_ended_ns"][name] for name in PHASES]
    assert ends == sorted(ends)
    assert sink.kept[0]["t_ns"][0] < ends[0]
    assert list(tmp_path.iterdir()) == []


def test_a_runtime_without_a_profiler_says_so(tmp_path: Path) -> None:
    found = diagnostics.diagnose(prepared("harness.runtimes.null:null"), Sink(), tmp_path)
    assert found.operators == Missing("the null runtime has no operators")
    assert isinstance(found.memory, MemoryTrace)


def test_a_crash_while_profiling_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(FAKES))
    found = diagnostics.diagnose(prepared("faulty_runtimes:SEGFAULTS"), Sink(), tmp_path)
    assert isinstance(found.operators, Missing)
    assert isinstance(found.memory, Missing)
    assert "SIGSEGV" in found.operators.reason
    assert "SIGSEGV" in found.memory.reason
    assert found.traces == ()
    assert found.details == {"memory_trace": found.memory.reason}


def test_a_kernel_that_does_not_tell_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnostics, "resident", lambda pid: None)
    missing = diagnostics.memory_trace(prepared("harness.runtimes.null:null"), Sink(), tmp_path)
    assert isinstance(missing, Missing)
    assert "smaps_rollup" in missing.reason


def test_every_phase_has_its_peak(tmp_path: Path) -> None:
    answer = run_worker(null_job(tmp_path / "job"), 60)
    assert isinstance(answer, Answer)
    marks = [answer.result[f"after_{name}"] for name in PHASES]
    peaks = [mark["peak_rss_bytes"] for mark in marks] + [answer.result["peak_rss_bytes"]]
    assert peaks == sorted(peaks)
    assert [mark["at_ns"] for mark in marks] == sorted(mark["at_ns"] for mark in marks)
    assert peaks[0] > MIB
    assert answer.result["after_first"]["at_ns"] < answer.result["started_ns"] < answer.result["after_steady"]["at_ns"]


def test_a_peak_follows_what_is_allocated() -> None:
    before = os_counters.peak_rss_bytes()
    kept = np.ones(2 * before, np.uint8)
    after = os_counters.memory_mark()
    assert after["peak_rss_bytes"] >= before + len(kept) // 2
    sizes = os_counters.resident(os.getpid())
    assert sizes is not None
    assert len(kept) < sizes[1] <= sizes[0]


def test_a_process_that_has_ended_has_no_memory() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    assert os_counters.resident(pid) is None
