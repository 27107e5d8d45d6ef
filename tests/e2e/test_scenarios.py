"""Every scenario on a real net: the shape of what comes back, never how fast."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.core.record import Record
from harness.store.runfolder import RunFolder
from tests.e2e.conftest import SMOKE, Edgebench

RUNTIMES = {"onnx": "onnxruntime-cpu", "tflite": "litert-xnnpack"}


@pytest.fixture
def measure(edgebench: Edgebench, own_onnx: Path, own_tflite: Path, tmp_path: Path) -> Any:
    """Measure the small net in a scenario; its record and the arrays of its only process."""

    def run(kind: str, *scenario: str) -> tuple[Record, dict[str, Any]]:
        model = {"onnx": own_onnx, "tflite": own_tflite}[kind]
        where = ("--runtime", RUNTIMES[kind], "--out", "run", "--no-report")
        done = edgebench("run", "--model", model, *scenario, *SMOKE, *where)
        assert done.returncode == 0, done.stdout + done.stderr
        folder = RunFolder(tmp_path / "run")
        (record,) = folder.records()
        return record, folder.blob(record.processes[0].blob.sha256)

    return run


@pytest.mark.parametrize("kind", RUNTIMES)
def test_multi_stream_in_one_batch(measure: Any, kind: str) -> None:
    record, arrays = measure(kind, "--scenario", "MultiStream", "--batch", "8")
    assert record.case_id.endswith("|t1|b8|MultiStream")
    assert record.value("n_inferences") == len(arrays["wall_ns"])
    assert record.details["inputs"][0]["shape"][0] in (8, -1, "batch")
    assert list(record.details["outputs"].values()) == [[8, 10]]


@pytest.mark.parametrize("kind", RUNTIMES)
def test_offline_in_two_streams(measure: Any, kind: str) -> None:
    record, arrays = measure(kind, "--scenario", "Offline", "--streams", "2")
    assert arrays["stream_n"].tolist() == [3, 3]
    assert record.value("n_inferences") == 6
    (process,) = record.processes
    window_s = (process.ended_ns - process.started_ns) / 1e9
    assert record.value("throughput_per_s") == pytest.approx(6 / window_s)


@pytest.mark.parametrize("kind", RUNTIMES)
def test_server(measure: Any, kind: str) -> None:
    record, arrays = measure(kind, "--scenario", "Server", "--rate", "200", "--latency-bound", "500")
    assert (arrays["wall_ns"] > arrays["service_ns"]).all()
    assert record.case.load.latency_bound_ns == 500_000_000
    assert 0 < (record.value("busy_share") or 0) < 1
    assert "too few" in (record.missing("bound_held") or "")


def test_paced(measure: Any) -> None:
    record, _ = measure("onnx", "--scenario", "paced", "--rate", "100")
    (process,) = record.processes
    assert process.ended_ns - process.started_ns >= process.inferences * 10_000_000
    assert 0 < (record.value("busy_share") or 0) < 1


def test_sustained(measure: Any) -> None:
    record, arrays = measure("onnx", "--scenario", "sustained", "--minutes", "0.02")
    assert arrays["minute_n"].tolist() == [len(arrays["wall_ns"])]
    (minute,) = record.details["minutes"]
    assert minute["p50_ns"] == record.value("sustained_p50_ns")
    assert (minute["temperature_c"] is None) == ("temperature_c_missing" in minute)


@pytest.mark.parametrize(
    ("scenario", "said"), [("SingleStream", "50.00 percentile"), ("Offline", "Samples per second")]
)
def test_loadgen_may_drive_and_its_summary_is_kept(measure: Any, scenario: str, said: str) -> None:
    pytest.importorskip("mlperf_loadgen", reason="the extra 'loadgen' is not installed")
    record, arrays = measure("onnx", "--scenario", scenario, "--driver", "loadgen")
    (summary,) = record.details["loadgen_summaries"]
    assert said in summary
    assert record.case_id.endswith("|loadgen")
    assert record.value("n_inferences") == len(arrays["wall_ns"]) >= 5


def test_a_wrong_parameter_is_a_usage_error(edgebench: Edgebench, own_onnx: Path) -> None:
    done = edgebench("run", "--model", own_onnx, "--streams", "2", *SMOKE)
    assert done.returncode == 2
    assert "SingleStream does not accept streams" in done.stderr
    assert "Offline" in done.stderr


def test_the_table_tells_scenarios_apart(edgebench: Edgebench) -> None:
    arguments = ("-k", "onnxruntime", "-k", "Offline", *SMOKE, "--json")
    done = edgebench("run", "scenarios", *arguments)
    assert done.returncode == 0, done.stderr
    table = json.loads(done.stdout)
    assert [(row["batch"], row["streams"]) for row in table] == [(1, 1), (8, 1), (1, 2)]
    assert {row["scenario"] for row in table} == {"Offline"}
    assert all(row["top1"] > 0.8 for row in table)  # scored image by image, whatever the batch
