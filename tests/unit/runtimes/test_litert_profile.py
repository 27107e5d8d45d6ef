"""LiteRT's profiler: its events read as they come, which installations have it, and real nets taken apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.core.execution import OperatorProfile
from harness.core.quantity import Missing
from harness.runtimes.base import Options
from harness.runtimes.litert import adapter, profiler
from harness.runtimes.litert.profiler import BUILT_IN, XNNPACK, Event
from suites.artifacts import catalog

NET = catalog.ARTIFACTS / "mobilenet_v2-0.35-32"


def event(tag: bytes, kind: int, elapsed_us: int) -> Event:
    return Event(tag=tag, type=kind, elapsed_us=elapsed_us)


RECORDED = [
    event(b"LiteRT::Run[buffer registration]", 1, 211),
    event(b"Invoke", 1, 450),
    event(b"Convert (NC)", 8, 16),
    event(b"Convolution (NHWC, QC8) IGEMM", 8, 140),
    event(b"HARD_SWISH", 2, 200),
    event(b"Fully Connected (NC, QS8, QC8W) GEMM", 8, 61),
    event(b"TfLiteXNNPackDelegate", 2, 217),
    event(b"telemetry", 32, 4_294_967_296),
]


def test_operators_are_kernels_and_nothing_else() -> None:
    inference = profiler._inference(RECORDED)
    assert inference.total_ns == 450_000
    assert [(each.name, each.provider, each.duration_ns, each.dtype) for each in inference.operators] == [
        ("0: Convert (NC)", XNNPACK, 16_000.0, ""),
        ("1: Convolution (NHWC, QC8) IGEMM", XNNPACK, 140_000.0, "QC8"),
        ("2: HARD_SWISH", BUILT_IN, 200_000.0, ""),
        ("3: Fully Connected (NC, QS8, QC8W) GEMM", XNNPACK, 61_000.0, "QS8"),
    ]


@pytest.mark.parametrize(
    ("version", "reason"), [("1.4.0", "known from 2.3"), ("3.0.1", "known from 2.3"), ("2.2.9", "known from 2.3")]
)
def test_another_version_is_not_tried(version: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiler, "version", lambda name: version)
    missing = profiler.profile(NET / "fp32.tflite", 1, {}, 1)
    assert isinstance(missing, Missing)
    assert version in missing.reason
    assert reason in missing.reason


def test_tflite_runtime_has_no_profiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiler.importlib.util, "find_spec", lambda name: None)
    missing = profiler.profile(NET / "fp32.tflite", 1, {}, 1)
    assert missing == Missing("only ai-edge-litert has a profiler; tflite-runtime has none")


def test_a_wheel_without_the_library_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "ai_edge_litert"
    package.mkdir()
    (package / "__init__.py").touch()
    spec = profiler.importlib.util.spec_from_file_location("ai_edge_litert", package / "__init__.py")
    monkeypatch.setattr(profiler.importlib.util, "find_spec", lambda name: spec)
    missing = profiler.profile(NET / "fp32.tflite", 1, {}, 1)
    assert isinstance(missing, Missing)
    assert "without libLiteRt.so" in missing.reason


def test_a_file_that_is_no_model_has_a_reason(tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"TFL3 and nothing else")
    missing = profiler.profile(broken, 1, {}, 1)
    assert isinstance(missing, Missing)
    assert "LiteRtCreateModelFromFile returned" in missing.reason


def test_another_input_shape_has_a_reason() -> None:
    missing = profiler.profile(NET / "fp32.tflite", 1, {"args_0": np.zeros(3, np.float32)}, 1)
    assert isinstance(missing, Missing)
    assert "another shape" in missing.reason


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("setting", "dtypes"), [("fp32", {"F32"}), ("int8-static", {"QC8", "QS8"})])
def test_a_real_net_is_taken_apart(setting: str, dtypes: set[str], threads: int) -> None:
    session = adapter.XNNPACK.open(NET / f"{setting}.tflite", Options(threads=threads))
    profile = session.profile(4)
    assert isinstance(profile, OperatorProfile), profile
    assert profile.n_inferences == 2
    assert sum(each.dtype in dtypes for each in profile.operators) > 20
    assert profile.asked == XNNPACK
    assert profile.inference_ns > 0
