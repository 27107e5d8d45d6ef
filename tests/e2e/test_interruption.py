"""A run that is killed or interrupted keeps what it finished and says what is missing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.core.errors import EXIT_INTERRUPTED
from harness.store.runfolder import RunFolder
from tests.e2e.conftest import SMOKE, Edgebench

PATIENCE_S = 240
Running = tuple[subprocess.Popen[str], Path]


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A run of the whole quick suite, at the moment its first records are written."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    out = tmp_path / "run"
    command = [sys.executable, "-m", "edgebench", "run", "quick", *SMOKE, "--out", str(out)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + PATIENCE_S
    while not any(out.glob("records/*.json")) and time.monotonic() < deadline and child.poll() is None:
        time.sleep(0.05)
    assert child.poll() is None, child.communicate()[0]
    yield child, out
    child.kill()
    child.communicate()


def test_a_killed_run_shows_its_finished_cases(running: Running, edgebench: Edgebench) -> None:
    child, out = running
    child.kill()
    child.wait()
    done = edgebench("report", out)
    assert done.returncode == 0, done.stderr
    folder = RunFolder(out)
    finished, missing = folder.records(), folder.missing()
    assert finished
    assert missing
    assert done.stdout.count("missing: ") == len(missing)
    assert folder.header().ended_utc is None
    page = (out / "report.html").read_text(encoding="utf-8")
    assert finished[0].case.model in page


def test_a_killed_run_is_resumed_without_measuring_again(running: Running) -> None:
    child, out = running
    child.kill()
    child.wait()
    before = {path: path.read_bytes() for path in out.glob("records/*.json")}
    command = [sys.executable, "-m", "edgebench", "run", "quick", *SMOKE, "--out", str(out), "--resume", "--no-report"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not RunFolder(out).missing()
    assert {path: path.read_bytes() for path in before} == before
    other = [*command[:5], "--profile", "quick", *command[7:]]
    refused = subprocess.run(other, capture_output=True, text=True, check=False)
    assert "its profile differs" in refused.stderr


def test_ctrl_c_ends_with_130_and_a_report(running: Running) -> None:
    child, out = running
    child.send_signal(signal.SIGINT)
    output, _ = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == EXIT_INTERRUPTED, output
    assert RunFolder(out).header().interrupted
    assert (out / "report.html").is_file()
    assert "Traceback" not in output
