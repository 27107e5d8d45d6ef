"""A session has as many threads as it is asked for: counted by the kernel, or as the library answers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.core import plugins
from harness.runtimes.base import Adapter, Options
from suites.artifacts import catalog

NET = catalog.ARTIFACTS / "mobilenet_v2-0.35-32"


def threads() -> set[Path]:
    return set(Path("/proc/self/task").iterdir())


@pytest.mark.parametrize("asked", [1, 2, 4])
@pytest.mark.parametrize(("name", "file"), [("onnxruntime-cpu", "fp32.onnx"), ("litert-xnnpack", "fp32.tflite")])
def test_a_session_starts_the_threads_that_help_the_calling_one(name: str, file: str, asked: int) -> None:
    adapter: Adapter = plugins.load("runtimes", name)
    kept = [adapter.open(NET / file, Options())]  # what a library starts once is there
    before = threads()
    kept.append(adapter.open(NET / file, Options(threads=asked)))
    assert len(threads() - before) == asked - 1
    assert kept[-1].info()["threads"] == asked


def test_openvino_answers_the_threads_and_the_stream_that_it_was_asked_for() -> None:
    pytest.importorskip("openvino")
    asked = min(2, len(os.sched_getaffinity(0)))
    adapter: Adapter = plugins.load("runtimes", "openvino-cpu")
    told = adapter.open(NET / "fp32.onnx", Options(threads=asked)).info()["options"]
    assert (told["INFERENCE_NUM_THREADS"], told["NUM_STREAMS"]) == (str(asked), "1")
    assert adapter.open(NET / "fp32.onnx", Options(threads=1)).info()["options"]["INFERENCE_NUM_THREADS"] == "1"
