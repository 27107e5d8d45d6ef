"""Files of other tools, as those tools wrote them, become ordinary records that say where they come from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import harness.store
from harness.core.errors import RecordError, UnknownName
from harness.core.quantity import Missing, Value
from harness.core.record import Record
from harness.store.comparison import compare_runs
from harness.store.exports import Exported, export
from harness.store.imports import read
from harness.store.imports.records import import_run
from harness.store.runfolder import RunFolder, latencies_ns
from tests import factory

FOREIGN = Path(__file__).with_name("foreign")


def imported(file: Path, folder: Path) -> tuple[RunFolder, list[Record]]:
    run = import_run(read(file), file, folder / "run", "imported")
    return run, run.records()


def test_no_import_is_precise_and_all_are_marked(tmp_path: Path) -> None:
    for number, file in enumerate(sorted(FOREIGN.iterdir())):
        run, records = imported(file, tmp_path / str(number))
        assert records, file
        assert run.header().suite.startswith("import:")
        assert run.header().provenance["source"]["file"] == file.name
        for record in records:
            assert record.verdict.status == "imprecise"
            assert ("summary only" in record.verdict.reason) == (not record.details.get("samples"))
            assert record.details["source"] in run.header().suite


def test_pytest_benchmark_samples_are_reckoned_anew(tmp_path: Path) -> None:
    file = FOREIGN / "pytest_benchmark.json"
    run, records = imported(file, tmp_path)
    document = json.loads(file.read_text())
    assert [record.case.model for record in records] == ["test_sum[1]", "test_sum[2]"]
    for record, entry in zip(records, document["benchmarks"], strict=True):
        seconds = np.array(entry["stats"]["data"])
        p50 = record.quantity("latency_p50_ns")
        assert isinstance(p50, Value)
        assert p50.value == pytest.approx(entry["stats"]["median"] * 1e9)
        assert p50.lo <= p50.value <= p50.hi
        np.testing.assert_allclose(latencies_ns(record, run.blob), seconds * 1e9, atol=0.5)
        assert "n too small" in record.missing("latency_p99_ns")
        assert record.missing("energy_net_j") == "pytest-benchmark does not report it"
    assert run.header().host["cpu_model"] == document["machine_info"]["cpu"]["brand_raw"]


def test_pytest_benchmark_without_data_is_a_summary(tmp_path: Path) -> None:
    document = json.loads((FOREIGN / "pytest_benchmark.json").read_text())
    for entry in document["benchmarks"]:
        del entry["stats"]["data"]
    file = tmp_path / "saved.json"
    file.write_text(json.dumps(document))
    _, (record, _) = imported(file, tmp_path)
    assert record.details["summary_only"]
    assert record.value("latency_p50_ns") == pytest.approx(document["benchmarks"][0]["stats"]["median"] * 1e9)
    assert record.quantity("latency_p90_ns") == Missing("summary only: pytest-benchmark stored no samples")


def test_what_a_file_holds_twice_is_kept_twice(tmp_path: Path) -> None:
    document = json.loads((FOREIGN / "pytest_benchmark.json").read_text())
    one, other = document["benchmarks"]
    document["benchmarks"] = [one, {**other, "name": one["name"], "fullname": "other.py::test_sum[1]"}]
    file = tmp_path / "saved.json"
    file.write_text(json.dumps(document))
    assert [record.case.model for record in imported(file, tmp_path)[1]] == [one["fullname"], "other.py::test_sum[1]"]
    log = (FOREIGN / "benchmark_model.txt").read_text()
    file.write_text(log + log)
    models = [record.case.model for record in imported(file, tmp_path / "log")[1]]
    assert models == ["mobilenet_v1_1.0_224", "mobilenet_v1_1.0_224 (2)"]


def test_pyperf_keeps_its_processes_apart(tmp_path: Path) -> None:
    run, (record,) = imported(FOREIGN / "pyperf.json", tmp_path)
    benchmark = json.loads((FOREIGN / "pyperf.json").read_text())["benchmarks"][0]
    values = [value for process in benchmark["runs"] for value in process.get("values", ())]
    assert record.case.model == "sort list"
    assert record.value("n_processes") == 2
    assert len(values) == 4
    assert record.value("n_inferences") == 4 * 100, "a value is the mean of 100 loops"
    blob = run.blob(record.details["samples"]["sha256"])
    assert blob["process"].tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(blob["wall_ns"], np.array(values) * 1e9, atol=0.5)


def test_benchmark_model_tells_a_mean(tmp_path: Path) -> None:
    _, (record,) = imported(FOREIGN / "benchmark_model.txt", tmp_path)
    assert (record.case.model, record.case.threads) == ("mobilenet_v1_1.0_224", 2)
    assert record.value("load_ns") == 12_750_000
    assert record.value("first_inference_ns") == 14_744_000
    assert record.value("throughput_per_s") == pytest.approx(1e6 / 13520.2)
    assert record.value("n_inferences") == 74
    reason = "summary only: benchmark_model prints the mean, 13520.2 us, but no median"
    assert record.missing("latency_p50_ns") == reason
    assert record.details["notes"]["peak_growth_bytes"] == 19.125 * 2**20


def test_benchmark_model_of_other_versions() -> None:
    new = "count=60 first=900 curr=800 min=700 max=990 avg=810.5 std=9 p5=750 median=805 p95=860\n"
    new += "Inference timings in us: Init: 5e3, First inference: 900, Warmup (avg): 850, Inference (avg): 810.5\n"
    (case,) = read_text(new)
    assert case.metrics["latency_p50_ns"] == Value(805_000.0, n=60)
    old = "count=7 first=127425 curr=66709 avg=76605.9 std=2\ncount=15 first=66753 avg=66767.6 std=39\n"
    old += "Average inference timings in us: Warmup: 76605.9, Init: 9933, no stats: 66767.6\n"
    first, second = read_text(f"Graph: [a.tflite]\n{old}\nGraph: [b.tflite]\n{new}")
    assert (first.case.model, second.case.model) == ("a", "b")
    assert first.metrics["first_inference_ns"] == Value(127_425_000.0)


def read_text(text: str) -> list:
    from harness.store.imports import benchmark_model

    return list(benchmark_model.parse(text).cases)


@pytest.mark.parametrize(("suffix", "median", "n"), [("csv", 4.07, 189), ("json", 5.01, 169), ("txt", 4.07, 189)])
def test_benchmark_app_in_each_of_its_forms(tmp_path: Path, suffix: str, median: float, n: int) -> None:
    _, (record,) = imported(FOREIGN / f"benchmark_app.{suffix}", tmp_path)
    assert record.quantity("latency_p50_ns") == Value(median * 1e6, n=n)
    assert (record.case.runtime, record.case.scenario) == ("openvino-cpu", "SingleStream")
    assert record.case.model == ("unnamed" if suffix == "txt" else "fp32")
    assert record.value("load_ns") > 1e8
    assert record.value("throughput_per_s") == {"csv": 188.33, "json": 168.50, "txt": 188.33}[suffix]


def test_benchmark_app_in_c_plus_plus(tmp_path: Path) -> None:
    """Its JSON has names of its own; a percentile other than the median is not taken for one."""
    results = {"latency_median": 2.5, "throughput": 400.0, "iterations_num": 1000, "first_inference_time": 9.0}
    document = {"cmd_options": {"m": "net.xml"}, "configuration_setup": {"nireq": "4"}, "execution_results": results}
    file = tmp_path / "report.json"
    file.write_text(json.dumps(document))
    (case,) = read(file).cases
    assert (case.case.model, case.case.scenario) == ("net", "Offline")
    assert case.metrics["latency_p50_ns"] == Value(2_500_000.0, n=1000)
    document["execution_results"]["percentile_boundary"] = 90
    file.write_text(json.dumps(document))
    assert "latency_p50_ns" not in read(file).cases[0].metrics


def test_our_own_export_comes_back(tmp_path: Path) -> None:
    run = factory.write_run(tmp_path / "own", factory.nets()[:2])
    made = Exported(run.header(), run.records(), lambda record: latencies_ns(record, run.blob))
    file = tmp_path / "own.json"
    file.write_bytes(export([made], "pytest-benchmark"))
    again, records = imported(file, tmp_path)
    assert [record.case for record in records] == [record.case for record in run.records()]
    assert records[0].value("top1") == run.records()[0].value("top1")
    assert again.header().started_utc.startswith("2026-01-01T00:00:00")
    with harness.store.open(tmp_path / "store.sqlite") as store:
        assert store.append(again).cells == 2
        assert store.check() == []
    frame = compare_runs(run, again, force=True)
    assert frame.latency_ratio.between(0.9, 1.1).all()
    assert "target: x86-64 and imported" in frame.unlike.iloc[0]


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ("", "not a result of"),
        ('{"benchmarks": [], "machine_info": {}}', "without figures"),
        ('{"benchmarks": [{"name": "x"}], "machine_info": {}}', "cannot be parsed"),
        ('{"execution_results": {"error": "no such device"}}', "without figures"),
        ('{"benchmarks": [{"runs": [{"values": [1]}], "metadata": {"unit": "byte"}}]}', "not in seconds"),
        ("[" * 100_000, "not a result of"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path: Path, contents: str, message: str) -> None:
    file = tmp_path / "file.json"
    file.write_text(contents)
    with pytest.raises(RecordError, match=message) as caught:
        read(file)
    assert str(file) in str(caught.value)
    with pytest.raises(UnknownName):
        read(file, "perf")
