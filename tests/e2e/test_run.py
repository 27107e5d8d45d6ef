"""The main job on real nets: what it writes, prints and returns."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from harness.store.rows import CONTRACT
from harness.store.runfolder import RunFolder
from tests.e2e.conftest import EMBEDDED, SMOKE, Edgebench


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_setting_runs_on_both_runtimes(finished_run: Path, edgebench: Edgebench) -> None:
    table = rows(edgebench("table", finished_run, "--format", "csv").stdout)
    cases = {(row["compression"], row["runtime"]) for row in table}
    settings = {"fp32", "fp16", "int8-dynamic", "int8-static"}
    assert cases == {(s, r) for s in settings for r in ("onnxruntime-cpu", "litert-xnnpack")}
    assert list(table[0])[: len(CONTRACT)] == list(CONTRACT)


def test_figures_are_those_of_a_real_net(finished_run: Path, edgebench: Edgebench) -> None:
    for row in rows(edgebench("table", finished_run, "--format", "csv").stdout):
        assert int(row["latency_p50_ns"]) > 1000
        assert int(row["n_inferences"]) == 5
        assert int(row["n_images"]) == 100
        assert float(row["top1"]) > 0.8
        assert float(row["top1_lo"]) < float(row["top1"]) < float(row["top1_hi"])
        assert int(row["peak_rss_bytes"]) > 10 << 20
        assert row["latency_p99_ns"] == ""
        assert bool(row["energy_gross_j"]) != bool(row["energy_reason"])


def test_the_median_is_that_of_the_kept_samples(finished_run: Path) -> None:
    folder = RunFolder(finished_run)
    for record in folder.records():
        (process,) = record.processes
        samples = folder.blob(process.blob.sha256)["wall_ns"]
        assert record.value("latency_p50_ns") == pytest.approx(np.median(samples))
        assert process.n_timed == len(samples)


def test_fp32_is_the_reference_of_the_others(finished_run: Path) -> None:
    for record in RunFolder(finished_run).records():
        if record.case.compression == "fp32":
            assert "fp32 net" in (record.missing("sqnr_db") or "")
        else:
            assert (record.value("sqnr_db") or 0) > 5
            assert (record.value("agreement") or 0) > 0.8


def test_the_report_is_written_and_named(finished_run: Path, edgebench: Edgebench) -> None:
    done = edgebench("report", finished_run)
    assert done.returncode == 0
    assert str(finished_run / "report.html") in done.stdout
    assert EMBEDDED in (finished_run / "report.html").read_text(encoding="utf-8")


def test_a_synthetic_net_has_latency_but_never_accuracy(edgebench: Edgebench, tmp_path: Path) -> None:
    done = edgebench("run", "full-size", "-k", "mobilenet_v3_small", "-k", "int8", *SMOKE, "--out", "run")
    assert done.returncode == 0, done.stderr
    for record in RunFolder(tmp_path / "run").records():
        assert record.case.weights == "synthetic"
        assert record.value("latency_p50_ns")
        assert record.missing("top1") == "not available: synthetic weights"


def test_own_models_of_both_formats_are_measured(edgebench: Edgebench, own_onnx: Path, own_tflite: Path) -> None:
    done = edgebench("run", "--model", own_onnx, "--model", own_tflite, *SMOKE, "--json")
    assert done.returncode == 0, done.stderr
    table = json.loads(done.stdout)
    assert {row["runtime"] for row in table} >= {"onnxruntime-cpu", "litert-xnnpack"}
    assert all(row["weights"] == "user" and row["top1"] is None for row in table)


def test_own_models_are_scored_on_class_folders(edgebench: Edgebench, own_onnx: Path, tmp_path: Path) -> None:
    from PIL import Image

    from harness.datasets.dataset import open_dataset
    from suites.artifacts.catalog import DATA

    for number, (image, label) in enumerate(open_dataset("idx", DATA / "fashion-mnist").items(120)):
        folder = tmp_path / "photos" / f"class{label}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[:, :, 0]).save(folder / f"{number}.png")
    how = "pad=2,mean=0.286,std=0.353"
    arguments = ("--data", tmp_path / "photos", "--preprocess", how, *SMOKE, "--json")
    done = edgebench("run", "--model", own_onnx, *arguments)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["top1"] > 0.8


def test_a_labels_file_scores_each_of_its_parts(edgebench: Edgebench, own_onnx: Path, tmp_path: Path) -> None:
    from PIL import Image

    from harness.datasets.dataset import open_dataset
    from suites.artifacts.catalog import DATA

    photos = tmp_path / "photos"
    photos.mkdir()
    lines = ["# part first\n"]
    for number, (image, label) in enumerate(open_dataset("idx", DATA / "fashion-mnist").items(60)):
        Image.fromarray(image[:, :, 0]).save(photos / f"{number}.png")
        lines += ["# part second\n"] * (number == 40)
        lines.append(f"{number}.png {label} {9 - label}\n" if number < 40 else f"{number}.png {label}\n")
    (photos / "labels.txt").write_text("".join(lines))
    how = ("--preprocess", "pad=2,mean=0.286,std=0.353", "--runtime", "onnxruntime-cpu")
    done = edgebench("run", "--model", own_onnx, "--data", photos, *how, "--profile", "smoke", "--out", "run")
    assert done.returncode == 0, done.stderr
    (record,) = RunFolder(tmp_path / "run").records()
    accuracy = record.details["accuracy"]
    assert (accuracy["name"], accuracy["n"]) == ("top-1", 60)
    assert {name: part["n"] for name, part in accuracy["parts"].items()} == {"first": 40, "second": 20}
    assert sum(part["right"] for part in accuracy["parts"].values()) == accuracy["right"]
    assert record.value("top1") == accuracy["right"] / 60
    assert accuracy["right"] >= 48
    assert record.missing("mcnemar_p") == "no fp32 net to compare with"


def test_two_runs_compare_case_by_case(finished_run: Path, edgebench: Edgebench) -> None:
    done = edgebench("compare", finished_run, finished_run, "--format", "csv")
    assert done.returncode == 0, done.stderr
    table = rows(done.stdout)
    assert len(table) == 8
    assert all(float(row["latency_ratio"] or 1) == 1 for row in table), "on a busy machine a case has none"
    assert all(float(row["top1_delta"]) == 0 for row in table)


def test_a_recorded_boards_run_says_that_it_was_recorded(edgebench: Edgebench, tmp_path: Path) -> None:
    """Inference runs here: its figures must not pass for those of the board."""
    from tests import trees

    root = trees.write(tmp_path / "pi5", {**trees.raspberry_pi_5(), trees.THROTTLED: "e0006"})
    case = ("-k", f"{EMBEDDED}|fp32|onnxruntime-cpu", *SMOKE, "--host-root", root, "--no-report", "--out", "run")
    assert edgebench("run", "quick", *case).returncode == 0
    folder = RunFolder(tmp_path / "run")
    assert folder.header().target == "raspberry-pi-5 (recorded)"
    (record,) = folder.records()
    assert {"virtual_board", "cool_down"} <= {finding.check for finding in record.findings}
    assert (record.verdict.status, "0xe0006" in record.verdict.reason) == ("throttled", True)
    assert "the sensor stood still" in (record.missing("energy_gross_j") or "")
