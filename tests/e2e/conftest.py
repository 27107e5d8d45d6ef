"""The command as a user calls it: in this process, or in one of its own where the process is what is tested."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import cli
from suites.artifacts import catalog
from tests.shared import once


def plain_environment() -> dict[str, str]:
    """The environment without what this pytest put into it: pytest-benchmark would think that it runs under xdist."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}


Finished = subprocess.CompletedProcess[str]
Edgebench = Callable[..., Finished]
EMBEDDED = "mobilenet_v2-0.35-32"
SMOKE = ("--profile", "smoke", "--images", "100")
FIRST_RUN = "edgebench run quick -k mobilenet_v2-0.35 --profile smoke --images 100 --out runs/first"
"""The tutorial's first run, as it stands there."""


def places(folder: Path) -> dict[str, str]:
    """The environment of a command that keeps all it keeps below `folder`."""
    return {"COLUMNS": "200", "XDG_CACHE_HOME": str(folder / "cache"), "XDG_DATA_HOME": str(folder / "data")}


@pytest.fixture
def edgebench(tmp_path: Path) -> Edgebench:
    """Run the command in a temporary folder; its exit code and what it printed, as of a finished process.

    It runs in this process, which spares each test a second of imports; what it measures runs in processes of its own.
    """
    return lambda *arguments: called(tmp_path, *arguments)


@pytest.fixture
def edgebench_process(tmp_path: Path) -> Edgebench:
    """The same in a process of its own."""
    return lambda *arguments: started(tmp_path, *arguments)


def called(folder: Path, *arguments: str | Path) -> Finished:
    """Call the command in this process, in `folder`."""
    words = ["edgebench", *map(str, arguments)]
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, _plain_logging():
        patch.chdir(folder)
        patch.setattr(sys, "argv", words)
        for name, value in places(folder).items():
            patch.setenv(name, value)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = cli.main(words[1:])
            except SystemExit as ended:
                code = int(ended.code or 0)
    printed = (stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(words, code, *printed)


@contextlib.contextmanager
def _plain_logging() -> Iterator[None]:
    """The root logger as a program finds it, without pytest's handlers, and afterwards as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    root.handlers = []
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)


def started(folder: Path, *arguments: str | Path) -> Finished:
    """Run the command in a process of its own, in `folder`."""
    command = [sys.executable, "-m", "edgebench", *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **places(folder)}, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of one embedded net under every setting on two runtimes, measured briefly; it is shared."""

    def measure(folder: Path) -> None:
        done = started(folder, *shlex.split(FIRST_RUN)[1:])
        assert done.returncode == 0, done.stdout + done.stderr

    return once(tmp_path_factory, "finished", measure) / "runs" / "first"


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
