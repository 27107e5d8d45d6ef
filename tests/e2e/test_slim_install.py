"""An installation without extras, as on a board: it measures to the end, and what it cannot do says what to install."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.core.optional import EXTRAS
from harness.store.runfolder import RunFolder
from suites.artifacts import catalog
from tests.e2e.conftest import SMOKE, Finished, places, plain_environment

ABSENT = sorted({module for modules in EXTRAS.values() for module in modules} | {"matplotlib", "pyarrow"})


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose sitecustomize.py hides the packages of the extras from every process started there."""
    folder = tmp_path_factory.mktemp("board")
    lines = ["import sys", *(f"sys.modules[{name!r}] = None" for name in ABSENT)]
    (folder / "sitecustomize.py").write_text("\n".join(lines))
    for name in ("cat", "dog"):
        (folder / "photos" / name).mkdir(parents=True)
        (folder / "photos" / name / "1.png").write_bytes(b"")  # it is the decoder that is missing
    shutil.copy(catalog.ARTIFACTS / "mobilenet_v2-0.35-32" / "fp32.onnx", folder / "my.onnx")
    return folder


def on(board: Path, *words: str) -> Finished:
    own = str(Path(__file__).parents[2])
    environment = plain_environment() | places(board) | {"PYTHONPATH": os.pathsep.join([str(board), own])}
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=board, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def measured(board: Path) -> Finished:
    case = "mobilenet_v2-0.35-32|fp32|onnxruntime-cpu"
    return on(board, "edgebench", "run", "quick", "-k", case, *SMOKE, "--out", "run")


def test_a_run_ends_with_its_table_and_says_where_a_report_can_be_written(measured: Finished, board: Path) -> None:
    assert measured.returncode == 0, measured.stderr
    assert "mobilenet_v2-0.35-32" in measured.stdout
    assert "pip install 'edgebench[report]'" in measured.stderr
    assert "edgebench report run" in measured.stderr
    assert "Traceback" not in measured.stderr
    (record,) = RunFolder(board / "run").records()
    assert record.value("top1") is not None
    assert not (board / "run" / "report.html").exists()


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize(
    "words",
    [
        "table run",
        "table run --columns model,p50 --sort p50",
        "table run --format latex",
        "explain run",
        "export run --format junit",
        "methods run",
        "run quick -k mobilenet_v2-0.35-32|fp32|onnxruntime-cpu --profile smoke --images 100 --json --out again",
    ],
)
def test_what_reads_a_run_without_tables_and_pages_works(board: Path, words: str) -> None:
    done = on(board, "edgebench", *words.split())
    assert done.returncode == 0, done.stderr
    assert "mobilenet_v2" in done.stdout.replace(r"\_", "_")


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize(
    ("words", "extra"),
    [
        ("report run", "report"),
        ("compare run run", "report"),
        ("table run --format csv", "report"),
        ("export run --format csv", "report"),
        ("publish site --runs .", "report"),
        ("serve .", "report"),
        ("figures run", "report"),
        ("store add run", "store"),
        ("history", "store"),
        ("run quick --store kept.sqlite", "store"),
        ("nightly run quick", "store"),
        ("nightly show finding", "store"),
        ("run my.onnx --data photos --preprocess unit", "images"),
    ],
)
def test_what_needs_an_extra_names_it_and_measures_nothing(board: Path, words: str, extra: str) -> None:
    done = on(board, "edgebench", *words.split())
    assert done.returncode == 2, done.stdout + done.stderr
    *_, last = done.stderr.splitlines()
    assert last == f"  pip install 'edgebench[{extra}]'"
    assert "not installed" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (board / "runs").exists()


def test_a_suite_in_pytest_ends_with_its_verdicts(board: Path) -> None:
    case = "mobilenet_v2-0.35-32 and fp32 and onnxruntime-cpu"
    options = ("--pyargs", "suites", "-p", "no:cacheprovider", "--target", "auto", "-k", case)
    done = on(board, "pytest", *options, "--edgebench-profile", "smoke", "--edgebench-images", "100")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "edgebench verdicts" in done.stdout
    assert "pip install 'edgebench[report]'" in done.stdout
