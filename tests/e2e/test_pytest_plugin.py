"""`pytest suites`: ids, skips, and the record's samples in pytest-benchmark's file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.store.runfolder import RunFolder
from tests.e2e.conftest import EMBEDDED, plain_environment
from tests.shared import once

ROOT = Path(__file__).parents[2]


def run_pytest(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", str(ROOT / "suites"), "-p", "no:cacheprovider", *map(str, arguments)]
    environment = plain_environment()
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def device_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    """The run folder and pytest-benchmark's document of two items."""

    def measure(folder: Path) -> None:
        done = run_pytest("--target", "auto", "-k", f"{EMBEDDED} and int8-static", "--edgebench-profile", "smoke",
                          "--edgebench-images", "100", "--edgebench-out", folder / "run",
                          "--benchmark-json", folder / "out.json")  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"edgebench report: {folder / 'run' / 'report.html'}" in done.stdout

    folder = once(tmp_path_factory, "device", measure)
    return folder / "run", json.loads((folder / "out.json").read_text())


def test_items_are_named_by_their_case() -> None:
    done = run_pytest("--collect-only", "-q", "-k", "int8-static and onnxruntime")
    assert f"test_classify[{EMBEDDED}|int8-static|onnxruntime-cpu|t1]" in done.stdout


def test_pytest_benchmark_holds_the_records_samples(device_run: tuple[Path, dict]) -> None:
    folder, document = RunFolder(device_run[0]), device_run[1]
    records = {record.case_id: record for record in folder.records()}
    assert len(document["benchmarks"]) == len(records) == 2
    for entry in document["benchmarks"]:
        record = records[entry["extra_info"]["case"]]
        (process,) = record.processes
        samples = folder.blob(process.blob.sha256)["wall_ns"]
        assert sorted(entry["stats"]["data"]) == sorted(ns / 1e9 for ns in samples.tolist())
        assert entry["extra_info"]["top1"] == record.value("top1")
        assert entry["extra_info"]["energy_gross_j_reason"] or entry["extra_info"]["energy_gross_j"]
        assert entry["params"]["compression"] == "int8-static"
        assert entry["group"] == EMBEDDED


def test_a_case_this_machine_cannot_run_is_skipped_with_the_reason(tmp_path: Path) -> None:
    suite = tmp_path / "odd.toml"
    suite.write_text(
        f'title = "odd"\nprofile = "smoke"\n[[cases]]\nmodels = ["{EMBEDDED}"]\n'
        'compression = ["int16x8"]\nruntimes = ["onnxruntime-cpu"]\n'
    )
    done = run_pytest("--edgebench-suite", suite, "--edgebench-out", tmp_path / "run", "-rs")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 skipped" in done.stdout
    assert "not shipped as int16x8 onnx" in done.stdout


def test_the_plugin_costs_an_unrelated_run_no_heavy_import() -> None:
    code = (
        "import sys, harness.pytest_plugin; "
        "print([n for n in ('numpy', 'pandas', 'plotly', 'pydantic', 'onnxruntime', 'rich') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
