"""The command as a user calls it, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from suites import catalog


def plain_environment() -> dict[str, str]:
    """The environment without what this pytest put into it: pytest-benchmark would think that it runs under xdist."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}


Edgebench = Callable[..., subprocess.CompletedProcess[str]]
EMBEDDED = "mobilenet_v2-0.35-32"
SMOKE = ("--profile", "smoke", "--images", "100")


@pytest.fixture
def edgebench(tmp_path: Path) -> Edgebench:
    """Run the command in a temporary folder; the finished process with its output as text."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "edgebench", *map(str, arguments)]
        places = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "XDG_DATA_HOME": str(tmp_path / "data")}
        environment = {**os.environ, "COLUMNS": "200", **places}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of one embedded net under every setting on two runtimes, measured briefly."""
    out = tmp_path_factory.mktemp("run") / "run"
    command = [sys.executable, "-m", "edgebench", "run", "quick", "-k", EMBEDDED, *SMOKE, "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture
def own_onnx(tmp_path: Path) -> Path:
    """A model file as a user would bring it."""
    return _copy("onnx", tmp_path)


@pytest.fixture
def own_tflite(tmp_path: Path) -> Path:
    """The same as .tflite."""
    return _copy("tflite", tmp_path)


def _copy(kind: str, folder: Path) -> Path:
    source = catalog.ARTIFACTS / EMBEDDED / f"fp32.{kind}"
    target = folder / f"my_net.{kind}"
    target.write_bytes(source.read_bytes())
    return target
