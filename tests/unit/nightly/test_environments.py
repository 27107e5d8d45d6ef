"""An environment of an earlier build: it finds the harness and the tasks of this one, whatever version created it."""

from __future__ import annotations

from pathlib import Path

import pytest

import suites
from harness.nightly import environments
from harness.nightly.environments import Environments


def test_an_environment_from_before_there_were_tasks_gets_their_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create(folder: Path, requirements: list[str]) -> None:
        (folder / "packages").mkdir(parents=True)
        (folder / "packages" / "harness").symlink_to(Path(str(environments.harness.__file__)).parent)
        (folder / "complete").touch()

    monkeypatch.setattr(environments, "_create", create)
    first = Environments(tmp_path).interpreter({"onnxruntime": "1.0"})
    second = Environments(tmp_path).interpreter({"onnxruntime": "1.0"})
    assert first is not None
    assert first == second
    for name in ("harness", "suites"):
        assert (Path(first.packages) / name / "__init__.py").is_file()
    assert (Path(first.packages) / "suites").resolve() == Path(str(suites.__file__)).parent.resolve()
