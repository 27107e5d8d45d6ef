"""tflite-runtime under the project: the shipped nets give their answers, or a reason; the record says what ran them."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core import plugins
from harness.core.artifact import Preprocess
from harness.core.errors import EXIT_SOME_FAILED
from harness.datasets.dataset import open_dataset
from harness.datasets.preprocessing import preprocess
from harness.runtimes.base import Options, SessionError
from harness.store.runfolder import RunFolder
from suites.artifacts import catalog
from tests.e2e.conftest import EMBEDDED, SMOKE, Edgebench

pytestmark = pytest.mark.legacy

ENTRIES: list[dict[str, Any]] = json.loads((catalog.ARTIFACTS / "manifest.json").read_text("utf-8"))["artifacts"]
COSINE = {"fp32": 0.9999, "int8-static": 0.999, "int8-weight-only": 0.999}
RUN_RIGHT = [(e["model"], e["compression"]) for e in ENTRIES if e["format"] == "tflite" and e["compression"] in COSINE]
N = 200
SUITE = f"""
title = "what the predecessor makes of one net"
profile = "smoke"

[[cases]]
models = ["{EMBEDDED}"]
compression = ["fp32", "int8-static", "int8-dynamic", "int4-weight-only"]
runtimes = ["litert-xnnpack"]
dataset = "fashion-mnist"
"""


def entry(net: str, setting: str, kind: str) -> dict[str, Any]:
    return next(e for e in ENTRIES if (e["model"], e["compression"], e["format"]) == (net, setting, kind))


def answers(runtime: str, found: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """The logits of the first test images, and their labels."""
    session = plugins.load("runtimes", runtime).open(catalog.ARTIFACTS / found["file"], Options())
    (spec,) = session.inputs
    rows, labels = [], []
    for image, label in itertools.islice(open_dataset("idx", catalog.DATA / "fashion-mnist").items(N), N):
        session.prepare({spec.name: spec.encode(preprocess(image, Preprocess(**found["preprocess"]))[None])})
        session.infer()
        rows.append(next(iter(session.fetch().values())).ravel())
        labels.append(label)
    return np.stack(rows), np.array(labels)


@pytest.mark.parametrize(("net", "setting"), RUN_RIGHT)
def test_a_shipped_net_gives_its_answers(net: str, setting: str) -> None:
    found = entry(net, setting, "tflite")
    logits, labels = answers("litert-xnnpack", found)
    expected, _ = answers("onnxruntime-cpu", entry(net, "fp32", "onnx"))
    assert np.vdot(logits, expected) / np.linalg.norm(logits) / np.linalg.norm(expected) > COSINE[setting]
    assert (logits.argmax(axis=1) == labels).mean() == pytest.approx(found["top1_reference"]["top1"], abs=0.04)


@pytest.mark.parametrize("runtime", ["litert-xnnpack", "litert-reference"])
def test_a_file_for_newer_kernels_is_refused_with_a_remedy(runtime: str) -> None:
    with pytest.raises(SessionError, match=r"tflite_runtime cannot run it: .*DEQUANTIZE") as raised:
        answers(runtime, entry(EMBEDDED, "int4-weight-only", "tflite"))
    assert "pip install ai-edge-litert -U" in raised.value.remedy


def test_a_run_says_what_ran_and_calls_no_wrong_answer_fast(edgebench: Edgebench, tmp_path: Path) -> None:
    """Its fully connected kernel takes dynamic int8 weights with a scale a channel as if they had one scale."""
    (tmp_path / "mine.toml").write_text(SUITE)
    done = edgebench("run", "mine.toml", *SMOKE, "--no-report", "--out", "run")
    assert done.returncode == EXIT_SOME_FAILED, done.stderr
    run = RunFolder(tmp_path / "run")
    records = {record.case.compression: record for record in run.records()}
    assert run.header().versions["tflite-runtime"] == "2.14.0"
    assert run.header().versions["numpy"].startswith("1.")
    assert "ai-edge-litert" not in run.header().versions
    for setting in ("fp32", "int8-static"):
        told = records[setting].runtime_info
        assert (told["library"], told["version"]) == ("tflite_runtime", "2.14.0")
        assert (records[setting].value("top1") or 0) > 0.85
    assert records["int8-dynamic"].verdict.status == "wrong-output"
    assert records["int4-weight-only"].verdict.status == "unsupported"
    (finding,) = records["int8-static"].execution.findings
    assert "XNNPACK took none of the" in finding.found
