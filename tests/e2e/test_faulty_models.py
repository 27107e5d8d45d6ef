"""Models and runtimes that fail in every way there is: a verdict each, nothing lost, the documented exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import EXIT_NOTHING_MEASURED, EXIT_OK, EXIT_SOME_FAILED, EXIT_USAGE
from harness.core.record import Record
from harness.store.runfolder import RunFolder
from tests.e2e.conftest import SMOKE, Edgebench
from tests.onnx_bytes import FLOAT, INT64, STRING, Shape, model

FAKES = Path(__file__).parents[1] / "fakes"
ENTRY_POINTS = """[edgebench.runtimes]
aborts = faulty_runtimes:ABORTS
hangs = faulty_runtimes:HANGS
swells = faulty_runtimes:SWELLS
"""


@pytest.fixture
def _faulty_runtimes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The faulty runtimes, registered as another distribution's plug-ins."""
    info = tmp_path / "plugins" / "faulty-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.setenv("PYTHONPATH", f"{info.parent}:{FAKES}")


def records(run: Path) -> dict[str, Record]:
    """A run's records by runtime."""
    return {record.case.runtime: record for record in RunFolder(run).records()}


@pytest.mark.usefixtures("_faulty_runtimes")
def test_what_takes_memory_without_end_is_stopped_and_nothing_is_measured(
    edgebench_process: Edgebench, own_onnx: Path, tmp_path: Path
) -> None:
    limits = ("--memory-limit", "250", "--runtime", "swells")
    done = edgebench_process("run", "--model", own_onnx, *SMOKE, *limits, "--out", "run", "--no-report")
    assert done.returncode == EXIT_NOTHING_MEASURED, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    failed = records(tmp_path / "run")["swells"]
    assert failed.verdict.status == "out-of-memory"
    assert "its limit is 250.0 MiB" in failed.verdict.reason
    assert failed.details["limits"]["memory_bytes"] == 250 << 20
    assert "its limit is 250.0 MiB" in done.stdout


@pytest.mark.usefixtures("_faulty_runtimes")
def test_the_suite_goes_on_beside_every_way_to_fail(
    edgebench_process: Edgebench, own_onnx: Path, tmp_path: Path
) -> None:
    runtimes = ("aborts", "hangs", "swells", "onnxruntime-cpu")
    chosen = [part for name in runtimes for part in ("--runtime", name)]
    limits = ("--timeout", "20", "--memory-limit", "400")
    done = edgebench_process("run", "--model", own_onnx, *SMOKE, *chosen, *limits, "--out", "run")
    assert done.returncode == EXIT_SOME_FAILED, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    found = {name: record.verdict for name, record in records(tmp_path / "run").items()}
    assert found["aborts"].status == "crashed"
    assert found["aborts"].reason.startswith("the process was ended by SIGABRT, in its first inference")
    assert found["hangs"].status == "timeout"
    assert found["hangs"].reason.startswith("not finished after 20 s, killed")
    assert found["swells"].status == "out-of-memory"
    assert all(found[name].remedy for name in ("aborts", "hangs", "swells"))
    assert records(tmp_path / "run")["onnxruntime-cpu"].value("latency_p50_ns")
    assert not RunFolder(tmp_path / "run").missing()
    assert (tmp_path / "run" / "report.html").is_file()


DEEP: Shape = (1, 1, 1, 1, 1, 1, 2, 3)


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("text input", model("Identity", {"x": (STRING, (1, 2))}, (STRING, (1, 2))), EXIT_NOTHING_MEASURED),
        ("rank 8", model("Identity", {"x": (FLOAT, DEEP)}, (FLOAT, DEEP)), EXIT_OK),
        ("token ids", model("Identity", {"x": (INT64, (1, 4))}, (INT64, (1, 4))), EXIT_OK),
    ],
)
def test_inputs_of_any_type_and_rank_are_fed_or_refused(
    edgebench: Edgebench, tmp_path: Path, name: str, data: bytes, code: int
) -> None:
    (tmp_path / "odd.onnx").write_bytes(data)
    done = edgebench(
        "run", "--model", "odd.onnx", *SMOKE, "--runtime", "onnxruntime-cpu", "--out", "run", "--no-report"
    )
    assert done.returncode == code, name + done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    record = records(tmp_path / "run")["onnxruntime-cpu"]
    assert (record.verdict.status == "unsupported") is (code != EXIT_OK)
    assert (record.value("latency_p50_ns") is None) is (code != EXIT_OK)
    assert record.verdict.reason


def test_a_dimension_without_a_size_is_asked_for_before_anything_is_measured(
    edgebench: Edgebench, tmp_path: Path
) -> None:
    (tmp_path / "odd.onnx").write_bytes(model("Identity", {"x": (FLOAT, (1, "w"))}, (FLOAT, (1, "w"))))
    done = edgebench("run", "--model", "odd.onnx", *SMOKE, "--out", "run")
    assert done.returncode == EXIT_USAGE, done.stdout + done.stderr
    assert "dimension 1 of input 'x' [1, 'w'] is dynamic" in done.stderr
    assert "--shape x=1x" in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("kind", "kept"), [("onnx", 0.5), ("tflite", 0.99)])
def test_a_truncated_model_is_told_and_the_rest_is_measured(
    edgebench: Edgebench, own_onnx: Path, own_tflite: Path, tmp_path: Path, kind: str, kept: float
) -> None:
    whole, other = (own_onnx, own_tflite) if kind == "tflite" else (own_tflite, own_onnx)
    broken = tmp_path / f"broken.{kind}"
    broken.write_bytes(other.read_bytes()[: int(kept * other.stat().st_size)])
    runtimes = ("--runtime", "onnxruntime-cpu", "--runtime", "litert-xnnpack")
    done = edgebench("run", "--model", broken, "--model", whole, *runtimes, *SMOKE, "--out", "run", "--no-report")
    assert done.returncode == EXIT_SOME_FAILED, done.stdout + done.stderr
    found = {record.case.model: record for record in RunFolder(tmp_path / "run").records()}
    assert found["broken"].verdict.status in ("unsupported", "crashed")
    assert found["broken"].verdict.remedy
    assert found["my_net"].value("latency_p50_ns")
