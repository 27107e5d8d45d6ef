"""`pytest` where it must not measure: another's packages, several workers, options that switch benchmarks off."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import EMBEDDED, places, plain_environment

ROOT = Path(__file__).parents[2]
OWN_TESTS = """
def test_of_the_user():
    pass

def test_net(edgebench_case, edgebench_measure):
    edgebench_measure(edgebench_case)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A user's project: a test of their own, one of ours, and a suite with one case."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_nets.py").write_text(OWN_TESTS)
    (folder / "one.toml").write_text(
        f'title = "one"\nprofile = "smoke"\n[[cases]]\nmodels = ["{EMBEDDED}"]\n'
        'compression = ["int8-static"]\nruntimes = ["onnxruntime-cpu"]\n'
    )
    return folder


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder for PYTHONPATH with the metadata of an installed edgebench: the entry point as pyproject.toml has it."""
    plugin = re.search(r'pytest11\]\nedgebench = "(.+)"', (ROOT / "pyproject.toml").read_text())
    assert plugin
    metadata = tmp_path / "installed" / "edgebench-9.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: edgebench\nVersion: 9\n")
    (metadata / "entry_points.txt").write_text(f"[pytest11]\nedgebench = {plugin[1]}\n")
    return metadata.parent


def run(project: Path, *arguments: str, installed: Path | None = None, module: str = "pytest") -> tuple[int, str]:
    """Call pytest in a user's project; its exit code, and what it printed."""
    path = os.pathsep.join(str(folder) for folder in (installed, ROOT) if folder)
    environment = {**plain_environment(), **places(project.parent), "PYTHONPATH": path}
    options = ("--edgebench-suite", "one.toml", "--edgebench-images", "50", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", module, *(options if module == "pytest" else ()), *arguments]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["harness", "reports", "suites", "targets"])
def test_another_package_of_the_name_is_refused_with_the_commands_message(
    project: Path, installed: Path, name: str
) -> None:
    (project / name).mkdir()
    (project / name / "__init__.py").touch()
    code, printed = run(project, "--version", module="edgebench")
    assert code == 2
    message = printed.strip()
    assert f"package '{name}' comes from {project}" in message
    code, printed = run(project, installed=installed)
    assert code != 0
    assert all(line in printed for line in message.splitlines())
    assert "Traceback" not in printed
    assert not (project / "runs").exists()


def test_a_session_without_our_fixtures_is_none_of_our_business(project: Path, installed: Path) -> None:
    """A user's project may have a folder `harness` or `reports` of its own, and no use for this plug-in."""
    for name in ("harness", "reports"):
        (project / name).mkdir()
        (project / name / "__init__.py").touch()
    (project / "test_nets.py").write_text("import harness, reports\ndef test_of_the_user(): pass\n")
    code, printed = run(project, installed=installed)
    assert code == 0, printed
    assert "1 passed" in printed
    assert "edgebench verdicts" not in printed


def test_two_workers_measure_nothing(project: Path) -> None:
    code, printed = run(project, "-n", "2")
    assert code != 0
    assert "pytest-xdist would measure cases side by side" in printed
    assert "leave -n out" in printed
    assert "1 passed, 1 error" in printed
    assert not (project / "runs").exists()


def test_benchmark_disable_runs_each_case_once_and_records_no_figure(project: Path) -> None:
    code, printed = run(project, "--benchmark-disable", "--benchmark-json", "out.json", "--edgebench-out", "out")
    assert code == 0, printed
    assert "2 passed" in printed
    assert "1 case ran once, untimed" in printed
    assert not any((project / name).exists() for name in ("runs", "out", "out.json"))


def test_benchmark_disable_still_finds_a_case_that_cannot_run(project: Path) -> None:
    (project / "conftest.py").write_text(
        "import pytest\nfrom harness.runs import pytest_session\n"
        "from harness.measure.passes.worker_process import WorkerFailure\nfrom harness.core.verdict import Verdict\n"
        "pytest_session.run_worker = lambda *_: WorkerFailure(Verdict('crashed', 'the model is damaged'), 'its log')\n"
    )
    code, printed = run(project, "--benchmark-disable")
    assert code == 1
    assert "crashed: the model is damaged" in printed
    assert "1 failed, 1 passed" in printed


def test_benchmark_skip_measures_nothing(project: Path) -> None:
    code, printed = run(project, "--benchmark-skip")
    assert code == 0, printed
    assert "1 passed, 1 skipped" in printed
    assert not (project / "runs").exists()


def test_benchmark_only_measures_and_gives_a_verdict_per_test(project: Path) -> None:
    code, printed = run(project, "--benchmark-only", "--benchmark-json", "out.json", "--benchmark-cprofile", "tottime")
    assert code == 0, printed
    assert "1 passed, 1 skipped" in printed, "the user's own test is no benchmark"
    (verdict,) = re.findall(rf"^. {EMBEDDED} .*int8-static .*$", printed, re.MULTILINE)
    (record,) = [json.loads(file.read_text()) for file in (project / "runs").glob("*/records/*.json")]
    assert record["verdict"]["status"] in verdict
    (entry,) = json.loads((project / "out.json").read_text())["benchmarks"]
    assert entry["extra_info"]["verdict"] == record["verdict"]["status"]
    assert entry["options"] == {"disable_gc": False, "timer": "perf_counter_ns", "warmup": True}
    assert "cprofile" not in entry, "it would show the replay of the samples"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--edgebench-suite", "absent.toml"), "absent.toml"),
        (("--edgebench-suite", "quik"), "did you mean 'quick'?"),
        (("--target", "no-such-board"), "unknown target 'no-such-board'"),
        (("--edgebench-profile", "huge"), "unknown profile 'huge'"),
        (("--edgebench-out", "taken"), "already holds a run"),
        (("-p", "no:benchmark"), "pytest-benchmark is switched off"),
    ],
)
def test_a_wrong_option_is_refused_in_a_sentence(project: Path, arguments: tuple[str, ...], message: str) -> None:
    (project / "taken" / "records").mkdir(parents=True)
    (project / "taken" / "run.json").write_text("{}")
    code, printed = run(project, *arguments)
    assert code != 0
    assert message in printed
    assert "Traceback" not in printed
    assert "During handling" not in printed


def test_a_test_without_a_case_is_told_what_it_lacks(project: Path) -> None:
    (project / "test_nets.py").write_text("def test_net(edgebench_measure): pass\n")
    code, printed = run(project)
    assert code == 1
    assert "let the test ask for the fixture edgebench_case too" in printed


def test_a_second_test_of_a_case_gets_the_same_record(project: Path) -> None:
    (project / "test_nets.py").write_text(
        "kept = []\n"
        "def test_net(edgebench_case, edgebench_measure): kept.append(edgebench_measure(edgebench_case))\n"
        "def test_again(edgebench_case, edgebench_measure): assert edgebench_measure(edgebench_case) is kept[0]\n"
    )
    code, printed = run(project)
    assert code == 0, printed
    assert "2 passed" in printed


def test_an_interrupted_session_says_so_in_its_run(project: Path) -> None:
    (project / "test_nets.py").write_text(
        "def test_net(edgebench_case, edgebench_measure):\n"
        "    edgebench_measure(edgebench_case)\n"
        "    raise KeyboardInterrupt\n"
    )
    code, printed = run(project)
    assert code == 2
    (header,) = [json.loads(file.read_text()) for file in (project / "runs").glob("*/run.json")]
    assert header["interrupted"] is True
    assert "edgebench report: " in printed
