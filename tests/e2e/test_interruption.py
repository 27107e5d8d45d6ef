"""A run that is killed or interrupted keeps what it finished and says what is missing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.core.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE
from harness.store.runfolder import RunFolder
from tests.e2e.conftest import SMOKE, Edgebench
from tests.shared import copy, once

PATIENCE_S = 240
RUN = ("run", "quick", "-k", "32|fp32|", *SMOKE, "--out", "run")
"""Three nets: the cases of one are measured together, and their records written one after the other."""


def running(folder: Path) -> subprocess.Popen[str]:
    """A run of three nets in `folder`, at the moment its first record is written."""
    command = [sys.executable, "-m", "edgebench", *RUN]
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + PATIENCE_S
    while not any(folder.glob("run/records/*.json")) and time.monotonic() < deadline and child.poll() is None:
        time.sleep(0.02)
    assert child.poll() is None, child.communicate()[0]
    return child


@pytest.fixture
def killed(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> RunFolder:
    """A run that got a SIGKILL after its first record."""

    def kill(folder: Path) -> None:
        child = running(folder)
        child.kill()
        child.communicate()

    return RunFolder(copy(once(tmp_path_factory, "killed", kill), tmp_path) / "run")


def test_a_killed_run_shows_its_finished_cases(killed: RunFolder, edgebench: Edgebench) -> None:
    done = edgebench("report", killed.path)
    assert done.returncode == 0, done.stderr
    finished, missing = killed.records(), killed.missing()
    assert finished
    assert missing
    assert done.stdout.count("missing: ") == len(missing)
    assert killed.header().ended_utc is None
    page = (killed.path / "report.html").read_text(encoding="utf-8")
    assert finished[0].case.model in page


def test_a_killed_run_is_resumed_without_measuring_again(killed: RunFolder, edgebench: Edgebench) -> None:
    before = {path: path.read_bytes() for path in killed.path.glob("records/*.json")}
    done = edgebench(*RUN, "--resume", "--no-report")
    assert done.returncode == EXIT_OK, done.stdout + done.stderr
    assert not killed.missing()
    assert {path: path.read_bytes() for path in before} == before
    refused = edgebench(*RUN, "--profile", "quick", "--resume", "--no-report")
    assert refused.returncode == EXIT_USAGE
    assert "its profile differs" in refused.stderr


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, EXIT_INTERRUPTED), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_with_its_code_and_a_report(tmp_path: Path, number: signal.Signals, code: int) -> None:
    child = running(tmp_path)
    child.send_signal(number)
    output, _ = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == code, output
    assert RunFolder(tmp_path / "run").header().interrupted
    assert (tmp_path / "run" / "report.html").is_file()
    assert "Traceback" not in output
