"""`edgebench check`, `run --require` and pytest judge by the same file."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.core.errors import EXIT_INCONCLUSIVE, EXIT_NOTHING_MEASURED, EXIT_OK, EXIT_REGRESSION, EXIT_USAGE
from tests.e2e.conftest import SMOKE, Edgebench

KEPT, BROKEN, UNKNOWN = "size <= 1 GB", "size <= 1 B", "p50 <= 1 s"


def requirements(folder: Path, *limits: str) -> Path:
    file = folder / "requirements.toml"
    file.write_text(f"[[requirement]]\nlimits = {json.dumps(limits)}\n")
    return file


@pytest.mark.parametrize(
    ("limits", "code"),
    [((KEPT,), EXIT_OK), ((KEPT, BROKEN), EXIT_REGRESSION), ((KEPT, UNKNOWN), EXIT_INCONCLUSIVE)],
)
def test_the_exit_code_is_that_of_the_worst(
    edgebench: Edgebench, tmp_path: Path, finished_run: Path, limits: tuple[str, ...], code: int
) -> None:
    """A run of the profile smoke has no latency that can be trusted."""
    done = edgebench("check", requirements(tmp_path, *limits), finished_run)
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith("pass")
    as_json = edgebench("check", tmp_path / "requirements.toml", finished_run, "--json")
    assert as_json.returncode == code
    assert len(json.loads(as_json.stdout)["judgements"]) % len(limits) == 0
    as_junit = edgebench("check", tmp_path / "requirements.toml", finished_run, "--junit")
    assert ET.fromstring(as_junit.stdout.encode()).tag == "testsuites"


def test_a_run_ends_with_its_requirements(edgebench: Edgebench, tmp_path: Path, own_onnx: Path) -> None:
    run = ("run", own_onnx, *SMOKE, "--no-report", "--runtime", "onnxruntime-cpu", "--require")
    assert edgebench(*run, tmp_path / "absent.toml").returncode == EXIT_USAGE
    assert not (tmp_path / "runs").exists(), "the file is read before anything is measured"
    done = edgebench(*run, requirements(tmp_path, BROKEN))
    assert done.returncode == EXIT_REGRESSION, done.stdout + done.stderr
    assert "fail         size <= 1 B" in done.stdout


def test_a_run_without_a_case_is_never_success(edgebench: Edgebench, tmp_path: Path, finished_run: Path) -> None:
    empty = tmp_path / "empty"
    (empty / "records").mkdir(parents=True)
    (empty / "run.json").write_text((finished_run / "run.json").read_text())
    done = edgebench("check", requirements(tmp_path, KEPT), empty)
    assert done.returncode == EXIT_NOTHING_MEASURED
